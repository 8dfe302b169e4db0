"""Tests of `impls`."""

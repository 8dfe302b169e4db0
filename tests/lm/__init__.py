"""Tests of `lm`."""

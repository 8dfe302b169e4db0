"""Trainers: a trainer takes unique pretokens with counts and returns merges; one module per implementation."""

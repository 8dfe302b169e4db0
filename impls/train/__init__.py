"""Trainers: unique pretokens with counts in, merges out; one module per implementation."""

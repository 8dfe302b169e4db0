"""Counters: a text in, its unique pretokens with counts out; one module per implementation."""

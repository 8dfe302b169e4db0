"""Counters: a corpus in, its unique pretokens with counts out. One module an implementation."""

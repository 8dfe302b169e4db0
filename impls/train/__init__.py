"""Trainers: unique pretokens with counts in, merges out. One module an implementation."""

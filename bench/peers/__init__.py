"""Measures our tokenizer beside others: all do the same work on the same file in one run; results are ratios."""

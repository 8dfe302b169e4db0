"""Benchmarks time each implementation on each workload, after its output is verified. `pytest bench` runs them."""

SPECIAL_TOKENS = ["<|endoftext|>"]

PATTERN = "gpt2"
"""Every tokenizer that is measured has these special tokens and this split pattern."""

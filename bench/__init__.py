"""Benchmarks: implementation x workload, outputs verified before anything is timed. `pytest bench` collects them."""

SPECIAL_TOKENS = ["<|endoftext|>"]

PATTERN = "gpt2"
"""Every tokenizer that is measured has these special tokens and this split pattern."""

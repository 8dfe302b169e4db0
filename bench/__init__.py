"""Benchmarks: each implementation is verified on each workload, then timed. `pytest bench` runs the benchmarks."""

SPECIAL_TOKENS = ["<|endoftext|>"]

PATTERN = "gpt2"
"""Every tokenizer that is measured has these special tokens and this split pattern."""

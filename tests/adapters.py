"""The project under the names that the CS336 course suite calls: glue, no logic."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import impls


def run_train_bpe(
    input_path: str | os.PathLike[str], vocab_size: int, special_tokens: Sequence[str], **kwargs: Any
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Train a vocabulary on a file."""
    return impls.train_bpe(input_path, vocab_size, special_tokens, **kwargs)


def get_tokenizer(
    vocab: Mapping[int, bytes], merges: Sequence[tuple[bytes, bytes]], special_tokens: Sequence[str] | None = None
) -> impls.Tokenizer:
    """Build a tokenizer from what training returns."""
    return impls.Tokenizer(vocab, merges, special_tokens)

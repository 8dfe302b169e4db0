"""From a file to a vocabulary: a counter and a trainer, one behind the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

from impls.contract import (
    N_BYTES,
    TIE_BREAKS,
    MergeListener,
    Merges,
    TieBreak,
    check_count,
    check_workers,
)
from impls.corpus import Corpus
from impls.errors import UsageError
from impls.fastest import pick, pick_trainer
from impls.patterns import check_special_tokens, compile_pattern
from impls.registry import find


def train_bpe(
    input_path: str | os.PathLike[str],
    vocab_size: int,
    special_tokens: Sequence[str],
    *,
    pattern: str = "gpt2",
    impl: str = "auto",
    workers: int | None = None,
    tie_break: TieBreak = "greatest",
    errors: Literal["strict", "replace"] = "strict",
    on_merge: MergeListener | None = None,
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Train a byte-level BPE vocabulary on a text file.

    Args:
        input_path: UTF-8 text.
        vocab_size: 256 bytes + merges + special tokens; fewer merges are made when no pair is left.
        special_tokens: cut out of the text, never merged; the last ids, in the order given.
        pattern: "gpt2", "gpt4", "o200k", or "regex:EXPRESSION".
        impl: a trainer of the registry with the counter that it is paired with, or "auto" by the size of the file.
        workers: processes or threads that count; all cores by default.
        tie_break: which of several pairs with the highest count is merged, see `contract.Trainer`.
        errors: what invalid UTF-8 gets, "strict" or "replace".
        on_merge: called with each merge as it is made.

    Returns:
        The vocabulary, id to bytes, and the merges in order of creation.

    Raises:
        UsageError: an argument is wrong.
        FileFormatError: the file is missing, empty or not UTF-8.
    """
    specials = check_special_tokens(special_tokens)
    for special in specials:
        if len(special.encode()) == 1:
            raise UsageError(
                f"special tokens: {special!r} is a single byte, which has an id already; give a longer one"
            )
    compile_pattern(pattern)
    if tie_break not in TIE_BREAKS:
        raise UsageError(f"tie_break: unknown value {tie_break!r}; there are {', '.join(TIE_BREAKS)}")
    size = check_count("vocab_size", vocab_size, 1)
    n_merges = size - N_BYTES - len(specials)
    if n_merges < 0:
        needed = N_BYTES + len(specials)
        raise UsageError(
            f"vocab_size: {size} is too small; 256 bytes and {len(specials)} special tokens need {needed}"
        )
    workers = check_workers(workers)
    chosen = None if impl == "auto" else find("train", impl)
    corpus = Corpus.open(input_path, errors)
    counter = find("count", chosen.counter) if chosen else pick("count", corpus.n_bytes, pattern)
    pretokens = counter.load()(corpus, pattern=pattern, special_tokens=specials, workers=workers)
    trainer = chosen or pick_trainer(pretokens, corpus.n_bytes)
    merges: Merges = trainer.load()(pretokens, n_merges=n_merges, tie_break=tie_break, on_merge=on_merge)
    tokens = merges.token_bytes()
    pairs = zip(merges.left.tolist(), merges.right.tolist(), strict=True)
    vocab = dict(enumerate(tokens + [token.encode() for token in specials]))
    return vocab, [(tokens[left], tokens[right]) for left, right in pairs]

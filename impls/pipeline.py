"""Training on a file: a counter counts its pretokens, then a trainer makes the vocabulary."""

from __future__ import annotations

import os
from collections.abc import Sequence

from impls.arguments import Errors, check_workers
from impls.contract import MergeListener, TieBreak
from impls.definition import Definition
from impls.errors import FileFormatError, MissingByteError
from impls.fastest import pick, pick_trainer
from impls.inputs.file import TextFile
from impls.learning import Goal
from impls.registry import find


def train(
    input_path: str | os.PathLike[str],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str | None = None,
    impl: str = "auto",
    workers: int | None = None,
    tie_break: TieBreak = "greatest",
    min_frequency: int = 1,
    max_token_bytes: int | None = None,
    base: Definition | None = None,
    errors: Errors = "strict",
    on_merge: MergeListener | None = None,
) -> Definition:
    """Train a byte-level BPE tokenizer on a text file.

    Args:
        input_path: UTF-8 text.
        vocab_size: 256 bytes + merges + special tokens; fewer merges are made if no pair is left.
        special_tokens: tokens that are cut out of the text and never merged; they get the last ids, in the order
            given.
        pattern: "gpt2", "gpt4", "o200k", "llama3", "qwen2", or "regex:EXPRESSION"; by default the pattern of
            `base`, or "gpt2".
        impl: the name of a trainer in the registry, which is used with the counter that its row names; "auto" chooses
            both by the size of the file.
        workers: number of processes or threads that count; one per core by default.
        tie_break: which pair is merged if several have the highest count, see `contract.Trainer`.
        min_frequency: training stops when no pair has at least this count, see `contract.Trainer`.
        max_token_bytes: no token gets longer than this number of bytes, see `contract.Trainer`.
        base: the tokenizer to go on from, see `impls.learning`; its pattern and its special tokens are used.
        errors: how invalid UTF-8 is treated: "strict" raises an error, "replace" reads it as U+FFFD.
        on_merge: called with each merge as it is made.

    Returns:
        A `Definition` of the tokenizer, with pattern and special tokens. To encode, give it to
        `Tokenizer.from_definition`.

    Raises:
        UsageError: an argument is wrong.
        FileFormatError: the file is missing, empty or not UTF-8, or holds a byte that `base` lacks.
    """
    goal = Goal(vocab_size, special_tokens, pattern, tie_break, min_frequency, max_token_bytes, base)
    workers = check_workers(workers)
    chosen = None if isinstance(impl, str) and impl == "auto" else find("train", impl)
    text = TextFile.open(input_path, errors)
    counter = find("count", chosen.counter) if chosen else pick("count", text.n_bytes, goal.pattern)
    pretokens = counter.load()(text, pattern=goal.pattern, special_tokens=goal.special_tokens, workers=workers)
    text.check_unchanged()
    trainer = chosen or pick_trainer(pretokens, text.n_bytes)
    try:
        return goal.learn(trainer.load(), pretokens, on_merge)
    except MissingByteError as error:
        raise FileFormatError(f"{text.name}: {error}") from None


def train_bpe(
    input_path: str | os.PathLike[str],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str | None = None,
    impl: str = "auto",
    workers: int | None = None,
    tie_break: TieBreak = "greatest",
    min_frequency: int = 1,
    max_token_bytes: int | None = None,
    base: Definition | None = None,
    errors: Errors = "strict",
    on_merge: MergeListener | None = None,
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Train as `train` does, and return the vocabulary, a dict id -> bytes, and the merges in order of creation.

    The pattern and the special tokens are not part of the result: give them to `Tokenizer` again, or call `train`.
    """
    trained = train(
        input_path,
        vocab_size,
        special_tokens,
        pattern=pattern,
        impl=impl,
        workers=workers,
        tie_break=tie_break,
        min_frequency=min_frequency,
        max_token_bytes=max_token_bytes,
        base=base,
        errors=errors,
        on_merge=on_merge,
    )
    return dict(trained.vocab), list(trained.merges)

"""Training: a counter counts the pretokens of a text, then a trainer makes the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

from impls.arguments import Errors, check_workers
from impls.contract import MergeListener, TieBreak
from impls.counting import Counted
from impls.definition import Definition
from impls.errors import FileFormatError, MissingByteError
from impls.fastest import pick_trainer
from impls.learning import Goal
from impls.progress import Meter, ProgressListener
from impls.registry import find
from impls.training_data import Source, counts_of, merge_listener, name_of, same_as_counted


def train(
    input_path: Source,
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
    on_progress: ProgressListener | None = None,
) -> Definition:
    """Train a byte-level BPE tokenizer on text, or on counts of pretokens.

    Args:
        input_path: a path or a list of paths, see `inputs.collection.open_inputs`, which also takes options; any
            other iterable of strings, each of them a document; or counts: a `Counted`, a `Pretokens`, or a mapping:
            pretoken -> count. A `Counted` brings its own pattern and special tokens.
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
        on_progress: called now and then with a `Progress` of the counting and of the training.

    Returns:
        A `Definition` of the tokenizer, with pattern and special tokens. To encode, give it to
        `Tokenizer.from_definition`.

    Raises:
        UsageError: an argument is wrong.
        FileFormatError: the file is missing, empty or not UTF-8, or holds a byte that `base` lacks.
    """
    if isinstance(input_path, Counted):
        pattern, special_tokens = same_as_counted(input_path, pattern, special_tokens, base)
    goal = Goal(vocab_size, special_tokens, pattern, tie_break, min_frequency, max_token_bytes, base)
    workers = check_workers(workers)
    chosen = None if isinstance(impl, str) and impl == "auto" else find("train", impl)
    counter = chosen.counter if chosen else ""
    counted = counts_of(input_path, goal.pattern, goal.special_tokens, workers, errors, counter, on_progress)
    trainer = chosen or pick_trainer(counted.pretokens, counted.n_bytes)
    with Meter(on_progress, "train", goal.n_new, "merges") as meter:
        try:
            return goal.learn(trainer.load(), counted.pretokens, merge_listener(on_merge, on_progress, meter))
        except MissingByteError as error:
            raise FileFormatError(f"{name_of(input_path)}: {error}") from None


def train_bpe(
    input_path: Source,
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
    on_progress: ProgressListener | None = None,
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
        on_progress=on_progress,
    )
    return dict(trained.vocab), list(trained.merges)

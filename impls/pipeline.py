"""Training: a counter counts the pretokens of a text, then a trainer makes the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

from impls.arguments import Errors, check_count, check_workers
from impls.contract import N_BYTES, TIE_BREAKS, MergeListener, TieBreak
from impls.counting import Counted
from impls.definition import Definition
from impls.errors import UsageError, shown
from impls.fastest import pick_trainer
from impls.patterns import check_special_tokens, compile_pattern
from impls.progress import Meter, ProgressListener
from impls.registry import find
from impls.training_data import Source, counts_of, merge_listener, same_as_counted


def train(
    input_path: Source,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str = "gpt2",
    impl: str = "auto",
    workers: int | None = None,
    tie_break: TieBreak = "greatest",
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
        pattern: "gpt2", "gpt4", "o200k", or "regex:EXPRESSION".
        impl: the name of a trainer in the registry, which is used with the counter that its row names; "auto" chooses
            both by the size of the file.
        workers: number of processes or threads that count; one per core by default.
        tie_break: which pair is merged if several have the highest count, see `contract.Trainer`.
        errors: how invalid UTF-8 is treated: "strict" raises an error, "replace" reads it as U+FFFD.
        on_merge: called with each merge as it is made.
        on_progress: called now and then with a `Progress` of the counting and of the training.

    Returns:
        A `Definition` of the tokenizer, with pattern and special tokens. To encode, give it to
        `Tokenizer.from_definition`.

    Raises:
        UsageError: an argument is wrong.
        FileFormatError: the file is missing, empty or not UTF-8.
    """
    if isinstance(input_path, Counted):
        pattern, special_tokens = same_as_counted(input_path, pattern, special_tokens)
    specials = check_special_tokens(special_tokens)
    for special in specials:
        if len(special.encode()) == 1:
            raise UsageError(
                f"special tokens: {special!r} is a single byte, which has an id already; give a longer token"
            )
    compile_pattern(pattern)
    if not isinstance(tie_break, str) or tie_break not in TIE_BREAKS:
        raise UsageError(f"tie_break: unknown value {shown(tie_break)}; choose one of {', '.join(TIE_BREAKS)}")
    n_merges = _n_merges(vocab_size, len(specials))
    workers = check_workers(workers)
    chosen = None if isinstance(impl, str) and impl == "auto" else find("train", impl)
    counter = chosen.counter if chosen else ""
    counted = counts_of(input_path, pattern, specials, workers, errors, counter, on_progress)
    trainer = chosen or pick_trainer(counted.pretokens, counted.n_bytes)
    with Meter(on_progress, "train", n_merges, "merges") as meter:
        listener = merge_listener(on_merge, on_progress, meter)
        merges = trainer.load()(counted.pretokens, n_merges=n_merges, tie_break=tie_break, on_merge=listener)
    return Definition.of_training(merges, specials, pattern)


def train_bpe(
    input_path: Source,
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    pattern: str = "gpt2",
    impl: str = "auto",
    workers: int | None = None,
    tie_break: TieBreak = "greatest",
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
        errors=errors,
        on_merge=on_merge,
        on_progress=on_progress,
    )
    return dict(trained.vocab), list(trained.merges)


def _n_merges(vocab_size: int, n_special_tokens: int) -> int:
    """Return how many merges a vocabulary of `vocab_size` has.

    Raises:
        UsageError: `vocab_size` is not a whole number, or is too small.
    """
    size, needed = check_count("vocab_size", vocab_size, 1), N_BYTES + n_special_tokens
    if size < needed:
        raise UsageError(
            f"vocab_size: {size} is too small for 256 bytes and {n_special_tokens} special tokens; "
            f"give at least {needed}"
        )
    return size - needed

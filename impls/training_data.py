"""What training begins with: text of any source, counted, or counts that are given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from impls.arguments import Errors, check_count
from impls.contract import MergeEvent, MergeListener, Pretokens
from impls.counting import Counted, count_inputs
from impls.definition import Definition
from impls.errors import UsageError, shown
from impls.inputs.collection import Inputs, open_inputs
from impls.progress import Meter, ProgressListener

Path: TypeAlias = str | os.PathLike[str]

Source: TypeAlias = Path | Iterable[str] | Sequence[Path] | Inputs | Counted | Pretokens | Mapping[bytes, int]

MERGES_PER_CALL = 1 << 10
"""A listener that only shows progress is called after so many merges."""


def counts_of(
    source: Source,
    pattern: str,
    special_tokens: Sequence[str],
    workers: int,
    errors: Errors = "strict",
    counter: str = "",
    on_progress: ProgressListener | None = None,
) -> Counted:
    """Return the pretokens of a source with their counts. See `pipeline.train`.

    Raises:
        UsageError: an argument is wrong.
        FileFormatError: a source is missing, empty or not UTF-8.
    """
    if isinstance(source, Counted):
        return source
    if isinstance(source, Mapping):
        source = _checked(source)
    if isinstance(source, Pretokens):
        return Counted(source, pattern, tuple(special_tokens), int(source.offsets[-1]))
    return count_inputs(
        open_inputs(source, errors=errors),
        pattern=pattern,
        special_tokens=special_tokens,
        workers=workers,
        counter=counter,
        on_progress=on_progress,
    )


def _checked(counts: Mapping[bytes, int]) -> Pretokens:
    """Return counts that a caller gives as arrays."""
    found: dict[bytes, int] = {}
    for pretoken, count in counts.items():
        if not isinstance(pretoken, str | bytes) or not pretoken:
            raise UsageError(f"counts: the pretoken {shown(pretoken)} is not text; give strings or bytes, none empty")
        try:
            coded = pretoken.encode() if isinstance(pretoken, str) else pretoken
        except UnicodeEncodeError:
            raise UsageError(f"counts: the pretoken {shown(pretoken)} has no UTF-8 form; remove it") from None
        found[coded] = found.get(coded, 0) + check_count(f"counts of {shown(pretoken)}", count, 1)
    return Pretokens.from_mapping(found)


def name_of(source: Source) -> str:
    """Return the name of a source for error messages."""
    if isinstance(source, Inputs):
        return source.name
    return os.fspath(source) if isinstance(source, str | os.PathLike) else "the text"


def same_as_counted(
    counted: Counted, pattern: str | None, special_tokens: Sequence[str], base: Definition | None
) -> tuple[str, Sequence[str]]:
    """Return the pattern and the special tokens of counts, which an argument may repeat but not change.

    Raises:
        UsageError: an argument differs from the counts, or a tokenizer to continue has other special tokens.
    """
    if base is not None and not set(base.special_tokens) <= set(counted.special_tokens):
        raise UsageError(
            f"base: has the special tokens {shown(list(base.special_tokens))}, but the counts were made with "
            f"{shown(list(counted.special_tokens))}; count again"
        )
    if pattern not in (None, counted.pattern):
        raise UsageError(
            f"pattern: {pattern!r} is given, but the counts were made with {counted.pattern!r}; count again"
        )
    if special_tokens and list(special_tokens) != list(counted.special_tokens):
        raise UsageError(
            f"special tokens: {shown(list(special_tokens))} are given, but the counts were made with "
            f"{shown(list(counted.special_tokens))}; count again"
        )
    return counted.pattern, counted.special_tokens


class _MergeProgress:
    """A listener of merges that only shows progress, so that a compiled trainer need not stop at each merge."""

    every = MERGES_PER_CALL

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, event: MergeEvent) -> None:
        self._meter.tell(event.index + 1)


def merge_listener(on_merge: MergeListener | None, on_progress: object, meter: Meter) -> MergeListener | None:
    """Return one listener of merges for `on_merge` and for the progress; None if nobody listens."""
    if on_progress is None:
        return on_merge
    show = _MergeProgress(meter)
    if on_merge is None:
        return show

    def both(event: MergeEvent) -> None:
        on_merge(event)
        show(event)

    return both

"""Counting all sources of a text: from `Inputs` to pretokens with counts, in memory.

Threads load and count blocks while this thread reads the next ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice

from impls.contract import Pretokens
from impls.count import finditer
from impls.errors import InvalidUtf8Error
from impls.fastest import pick
from impls.inputs import compression_of
from impls.inputs.block import BLOCK_BYTES
from impls.inputs.collection import Inputs, Step
from impls.inputs.file import TextFile
from impls.inputs.memory_text import MemoryText
from impls.inputs.watched import WatchedFile
from impls.kernels.splits import SPLITS
from impls.parallel import in_order
from impls.progress import Meter, ProgressListener
from impls.registry import Impl, find
from impls.tally import Cap, TableTally, Tally, mapping_tally, process_tally

EXPANSION = 4
"""About how many bytes of text a byte of a compressed file holds; only the choice of the counter depends on it."""

UNKNOWN_BYTES = 1 << 30
"""The size that is assumed for a long stream."""


@dataclass(frozen=True)
class Counted:
    """Pretokens with counts, and what they were counted from.

    Attributes:
        pretokens: the pretokens with their counts.
        pattern: the split pattern.
        special_tokens: the special tokens, which were cut out.
        n_bytes: number of bytes of text.
        n_documents: number of documents.
        n_left_out: number of documents and files that could not be read and were left out.
    """

    pretokens: Pretokens
    pattern: str
    special_tokens: tuple[str, ...]
    n_bytes: int = 0
    n_documents: int = 0
    n_left_out: int = 0


@dataclass(frozen=True)
class Done:
    """A block that was counted.

    Attributes:
        step: the block, with its place.
        n_bytes: number of bytes of text.
        n_documents: number of documents that begin in it.
        left_out: what was left out, one line per document or file.
    """

    step: Step
    n_bytes: int
    n_documents: int
    left_out: Sequence[str]


def count_steps(steps: Iterable[Step], tally: Tally, special_tokens: Sequence[str], workers: int) -> Iterator[Done]:
    """Add blocks to a tally with `workers` threads; yield them in their order, each after it was added.

    Raises:
        FileFormatError: a source cannot be read or is not UTF-8.
    """
    yield from in_order(partial(_count_step, tally=tally, special_tokens=special_tokens), steps, workers)


def _count_step(step: Step, tally: Tally, special_tokens: Sequence[str]) -> Done:
    loaded = step.block.load(special_tokens)
    try:
        tally.add(loaded)
    except InvalidUtf8Error:
        if loaded.explain:
            loaded.explain()
        raise
    return Done(step, loaded.n_bytes, loaded.n_documents, loaded.left_out)


@contextmanager
def open_tally(impl: Impl, pattern: str, workers: int, n_bytes: int, cap: Cap | None = None) -> Iterator[Tally]:
    """Yield a tally that counts as a counter of the registry does.

    Args:
        impl: the counter.
        pattern: the split pattern.
        workers: how many threads add blocks.
        n_bytes: the approximate size of the text in bytes.
        cap: a bound of the memory of the counts.
    """
    if impl.compiled and pattern in SPLITS:
        yield TableTally(pattern, workers, n_bytes, cap)
    elif impl.parallel and workers > 1 and n_bytes > 2 * BLOCK_BYTES:
        with process_tally(pattern, workers, cap) as tally:
            yield tally
    else:
        yield mapping_tally(impl.load(), pattern, cap)


def size_of(inputs: Inputs, steps: Iterator[Step]) -> tuple[int, Iterator[Step]]:
    """Return about how many bytes of text there are, and the blocks, of which some may have been read already."""
    if inputs.n_bytes is not None:
        packed = any(
            compression_of(place.name) or kind.name == "parquet"
            for place, kind in zip(inputs.places, inputs.kinds, strict=True)
        )
        return inputs.n_bytes * (EXPANSION if packed else 1), steps
    first = list(islice(steps, 2))
    n_bytes = UNKNOWN_BYTES if len(first) == 2 else sum(step.block.n_bytes for step in first)
    return n_bytes, chain(first, steps)


def choose_counter(name: str, n_bytes: int, pattern: str) -> Impl:
    """Return the counter of that name; if the name is empty, the one that is expected to finish first."""
    return find("count", name) if name else pick("count", n_bytes, pattern)


def count_inputs(
    inputs: Inputs,
    *,
    pattern: str,
    special_tokens: Sequence[str],
    workers: int,
    counter: str = "",
    on_progress: ProgressListener | None = None,
) -> Counted:
    """Count the pretokens of all sources.

    Args:
        inputs: the sources.
        pattern: the split pattern.
        special_tokens: cut out of the text and not counted.
        workers: number of threads or processes.
        counter: the name of a counter in the registry; by default, the size of the text decides.
        on_progress: called while the work goes on.

    Raises:
        FileFormatError: a source cannot be read, is not UTF-8, or holds no text.
    """
    with Meter(on_progress, "count", inputs.n_bytes, "bytes") as meter:
        text = inputs.text_file()
        if text is not None:
            impl = choose_counter(counter, text.n_bytes, pattern)
            # A watched file cannot be sent to another process.
            is_watched = on_progress is not None and not (impl.parallel and not impl.compiled)
            return _count_file(text, impl, pattern, special_tokens, workers, meter if is_watched else None)
        return _count_blocks(inputs, pattern, special_tokens, workers, counter, meter)


def _count_blocks(
    inputs: Inputs, pattern: str, special_tokens: Sequence[str], workers: int, counter: str, meter: Meter
) -> Counted:
    n_bytes, steps = size_of(inputs, inputs.steps(pattern, special_tokens))
    impl = choose_counter(counter, n_bytes, pattern)
    total = Counted(Pretokens.from_mapping({}), pattern, tuple(special_tokens))
    with open_tally(impl, pattern, workers, n_bytes) as tally:
        for done in count_steps(steps, tally, special_tokens, workers):
            total = with_block(total, done, inputs)
            meter.tell(done.step.done)
        inputs.check_unchanged()
        if not total.n_bytes:
            raise inputs.no_text()
        pretokens = next(tally.take(), total.pretokens)
    return replace(total, pretokens=with_boundaries(pretokens, inputs.boundary, total))


def _count_file(
    text: TextFile, impl: Impl, pattern: str, special_tokens: Sequence[str], workers: int, meter: Meter | None
) -> Counted:
    watched = WatchedFile.of(text, meter.add) if meter else text
    pretokens = impl.load()(watched, pattern=pattern, special_tokens=special_tokens, workers=workers)
    text.check_unchanged()
    return Counted(pretokens, pattern, tuple(special_tokens), text.n_bytes, 1)


def with_block(total: Counted, done: Done, inputs: Inputs) -> Counted:
    """Return the numbers of the blocks so far, with one more block; tell what was left out of it."""
    for line in done.left_out:
        inputs.tell(f"left out: {line}")
    return replace(
        total,
        n_bytes=total.n_bytes + done.n_bytes,
        n_documents=total.n_documents + done.n_documents,
        n_left_out=total.n_left_out + len(done.left_out),
    )


def with_boundaries(pretokens: Pretokens, boundary: str, counted: Counted) -> Pretokens:
    """Add the pretokens of the text between documents: once less than there are documents."""
    if not boundary or counted.n_documents < 2:
        return pretokens
    text = MemoryText.whole("boundary", boundary.encode())
    once = finditer.count(text, pattern=counted.pattern, special_tokens=counted.special_tokens, workers=1)
    between = Pretokens(once.bytes_, once.offsets, once.counts * (counted.n_documents - 1))
    return Pretokens.added([pretokens, between]) if len(between) else pretokens

"""Count the pretokens of a text to a file of counts, in bounded memory; an interrupted count can go on.

The counts of a part of the text are written to a file as soon as they outgrow their memory, and every half a minute.
These parts, sorted, are in the folder `NAME.parts` beside the output. `progress.json` in this folder records which
parts are finished, and up to which block of which source they hold the counts. If the job is run again with the same
sources and settings, it goes on after this block. At the end, all parts are merged to the output.

The order in which blocks are counted, and the number of parts, do not change the output: counts are added up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

from impls import folders
from impls.arguments import check_count, check_size, check_workers
from impls.contract import Pretokens
from impls.counting import (
    Counted,
    choose_counter,
    count_steps,
    open_tally,
    size_of,
    with_block,
    with_boundaries,
)
from impls.counts import arrow, is_counts, merged, sorted_batch, write_batches
from impls.digests import digest_of_file, with_digest, without_digest
from impls.errors import FileFormatError
from impls.inputs.collection import Inputs, Step
from impls.patterns import check_special_tokens, compile_pattern
from impls.progress import Meter, ProgressListener
from impls.storage import atomic_writer
from impls.tally import Cap

PART_SECONDS = 30.0
"""After so many seconds, the counts so far are written to disk; an interrupt loses no more."""

MIN_MEMORY = 1 << 24
"""The least memory for counts, in bytes; with less, there would be very many parts."""

FAN_IN = 64
"""At most so many parts are merged at once; the memory for this is some MB per part."""

PROGRESS = "progress.json"

UNFINISHED = r"\.[0-9a-f]{16}\.tmp"
"""A file that a process wrote when it was killed."""

OURS = rf"part-\d+\.parquet|{PROGRESS}|\.mergelab(\.lock)?|{UNFINISHED}"

EMPTY = Pretokens.from_mapping({})


@dataclass(frozen=True)
class Settings:
    """How a text is counted. See `counting.count_inputs`."""

    pattern: str
    special_tokens: Sequence[str]
    workers: int
    counter: str = ""
    memory: int | None = None

    @classmethod
    def checked(
        cls, pattern: str, special_tokens: Sequence[str], workers: int | None, *, memory: str | int | None = None
    ) -> Settings:
        """Check the settings that a user gives.

        Args:
            pattern: the split pattern.
            special_tokens: cut out of the text and not counted.
            workers: number of threads or processes; one per core by default.
            memory: the most memory that the counts may take, in bytes or as "512MB"; as much as they need by default.

        Raises:
            UsageError: a setting is wrong.
        """
        compile_pattern(pattern)
        if isinstance(memory, str):
            memory = check_size("memory", memory)
        if memory is not None:
            memory = check_count("memory", memory, MIN_MEMORY)
        return cls(pattern, check_special_tokens(special_tokens), check_workers(workers), memory=memory)


class CountJob:
    """A count in parts; at work, it holds the lock of its folder.

    Attributes:
        total: the numbers so far; its pretokens are on disk.
        resumed: whether parts of an interrupted job are used.
    """

    def __init__(self, inputs: Inputs, folder: Path, settings: Settings) -> None:
        """Find the parts that an interrupted job has finished, and remove all others."""
        self._inputs, self._folder, self._settings = inputs, folder, settings
        self.total = Counted(EMPTY, settings.pattern, tuple(settings.special_tokens))
        self._parts: list[Path] = []
        self._n_parts = 0
        self._after: tuple[int, int] | None = None
        self._made_with = {
            "pattern": settings.pattern,
            "special_tokens": list(settings.special_tokens),
            "sources": [[place.name, place.state] for place in inputs.places],
            "kinds": [kind.name for kind in inputs.kinds],
            "reading": asdict(inputs.reading),
            "limit": inputs.limit,
        }
        if inputs.is_repeatable:
            self._read_progress()
        self.resumed = bool(self._parts)
        kept = {path.name for path in self._parts}
        for path in folder.iterdir():
            if re.fullmatch(rf"part-\d+\.parquet|{UNFINISHED}", path.name) and path.name not in kept:
                path.unlink()

    def run(self, listener: ProgressListener | None) -> None:
        """Count the rest of the text.

        Raises:
            FileFormatError: a source cannot be read, or a part cannot be written.
        """
        settings = self._settings
        steps = self._inputs.steps(settings.pattern, settings.special_tokens, self._after)
        n_bytes, steps = size_of(self._inputs, steps)
        impl = choose_counter(settings.counter, n_bytes, settings.pattern)
        cap = None if settings.memory is None else Cap(settings.memory, self._spill)
        with (
            Meter(listener, "count", self._inputs.n_bytes, "bytes") as meter,
            open_tally(impl, settings.pattern, settings.workers, n_bytes, cap) as tally,
        ):
            for segment in _segments(steps):
                for done in count_steps(segment, tally, settings.special_tokens, settings.workers):
                    self.total = with_block(self.total, done, self._inputs)
                    self._after = done.step.source, done.step.number
                    meter.tell(done.step.done)
                for counts in tally.take():
                    self._spill(counts)
                self._record()
        self._inputs.check_unchanged()
        if not self.total.n_bytes:
            raise self._inputs.no_text()

    def _new_part(self) -> Path:
        path = self._folder / f"part-{self._n_parts:06d}.parquet"
        self._n_parts += 1
        self._parts.append(path)
        return path

    def _spill(self, counts: Pretokens) -> None:
        """Write a part; it is finished when the progress is recorded."""
        with atomic_writer(self._new_part()) as file:
            write_batches(file, iter([sorted_batch(counts)]))

    def _record(self) -> None:
        parts = {path.name: digest_of_file(path) for path in self._parts}
        numbers = [self.total.n_bytes, self.total.n_documents, self.total.n_left_out]
        progress = {"made_with": self._made_with, "parts": parts, "after": self._after, "numbers": numbers}
        with atomic_writer(self._folder / PROGRESS) as file:
            file.write(json.dumps(with_digest(progress), indent=1).encode())

    def _read_progress(self) -> None:
        """Take the finished parts of a job with the same sources and settings, unless a part is damaged."""
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            known = without_digest(json.loads((self._folder / PROGRESS).read_bytes()))
            paths = {self._folder / name: digest for name, digest in known["parts"].items()}
            if known["made_with"] != self._made_with or any(digest_of_file(path) != paths[path] for path in paths):
                return
            source, number = known["after"]
            n_bytes, n_documents, n_left_out = known["numbers"]
            self.total = replace(self.total, n_bytes=n_bytes, n_documents=n_documents, n_left_out=n_left_out)
            self._parts, self._after = list(paths), (source, number)
            self._n_parts = 1 + max(int(path.stem.removeprefix("part-")) for path in paths)

    def write(self, out: Path, facts: dict[str, Any]) -> int:
        """Merge all parts to the output; return the number of unique pretokens.

        Raises:
            FileFormatError: the output cannot be written.
        """
        between = with_boundaries(EMPTY, self._inputs.boundary, self.total)
        if len(between):
            self._spill(between)
        while len(self._parts) > FAN_IN:
            first, self._parts = self._parts[:FAN_IN], self._parts[FAN_IN:]
            with atomic_writer(self._new_part()) as file:
                write_batches(file, merged(first))
        with atomic_writer(out) as file:
            return write_batches(file, merged(self._parts), facts)


def _segments(steps: Iterator[Step]) -> Iterator[Iterator[Step]]:
    """Cut the blocks into segments that take about `PART_SECONDS` each."""
    for step in steps:
        end = perf_counter() + PART_SECONDS
        yield chain([step], _until(end, steps))


def _until(end: float, steps: Iterator[Step]) -> Iterator[Step]:
    while perf_counter() < end and (step := next(steps, None)) is not None:
        yield step


def count_to_file(
    inputs: Inputs,
    out: Path,
    settings: Settings,
    on_progress: ProgressListener | None = None,
    *,
    force: bool = False,
) -> tuple[Counted, int]:
    """Count all sources to a file of counts; if an interrupted count of the same sources is found, go on with it.

    Args:
        inputs: the sources.
        out: the file to write.
        settings: how the text is counted.
        on_progress: called while the work goes on.
        force: whether a file of counts that is there is replaced.

    Returns:
        The numbers, without the pretokens, and the number of unique pretokens.

    Raises:
        FileFormatError: a source cannot be read, holds no text or has changed, or a file cannot be written or must
            not be replaced.
    """
    check_output(out, inputs, force)
    folder = out.with_name(f"{out.name}.parts")
    try:
        with folders.claimed(folder, "counts", [PROGRESS]) as claimed, ThreadPoolExecutor(1) as background:
            digests = background.submit(_digests, inputs)
            job = CountJob(inputs, claimed, settings)
            if job.resumed:
                inputs.tell(f"{out}: goes on after {job.total.n_bytes} bytes of text that are counted already")
            job.run(on_progress)
            rows = job.write(out, _facts(job.total, settings, inputs, digests.result()))
    except BaseException:
        if (folder / folders.MARK).exists() and not (folder / PROGRESS).exists():  # Nothing is left that could go on.
            folders.remove(folder, OURS)
        raise
    folders.remove(folder, OURS)
    return job.total, rows


def check_output(out: Path, inputs: Inputs, force: bool) -> None:
    """Check that a file of counts can be written without replacing what the user did not ask to replace.

    Raises:
        FileFormatError: the output is a source, or exists and is not a file of counts, or `force` is not set.
    """
    arrow()
    folders.refuse_same_file(out, *(place.path for place in inputs.places if place.path))
    if out.exists() and not (force and is_counts(out)):
        what = (
            "exists; give another --out, or --force to replace it" if is_counts(out) else "exists; give another --out"
        )
        raise FileFormatError(f"{out}: {what}")
    if not out.parent.is_dir():
        raise FileFormatError(f"{out.parent}: there is no such folder; make it, or give another --out")


def _facts(total: Counted, settings: Settings, inputs: Inputs, sources: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "pattern": settings.pattern,
        "special_tokens": list(settings.special_tokens),
        "boundary": inputs.boundary,
        "sources": sources,
        "bytes": total.n_bytes,
        "documents": total.n_documents,
        "left_out": total.n_left_out,
    }


def _digests(inputs: Inputs) -> list[dict[str, Any]]:
    """Return name, size and sha256 of each source; the sha256 of a source that is not a local file is None."""
    return [
        {"name": place.name, "bytes": place.n_bytes, "sha256": digest_of_file(place.path) if place.path else None}
        for place in inputs.places
    ]

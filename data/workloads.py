"""Workloads by name: each has a corpus, its size, a vocabulary size, and implementations to skip, with reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.errors import DataError

TABLE = Path(__file__).with_name("workloads.toml")


@dataclass(frozen=True)
class Workload:
    """A row of `workloads.toml`.

    Attributes:
        name: the name of the workload, unique.
        corpus: the name of a corpus, or `file:PATH`.
        bytes: how many bytes of the corpus, from its beginning.
        vocab_size: 256 bytes + merges + one special token.
        why: the reason for the workload.
        skip: a mapping: "stage/implementation" -> the reason why this implementation is not timed on this workload.
        expected: a mapping: stage -> the known digest of the output of this stage.
    """

    name: str
    corpus: str
    bytes: int
    vocab_size: int
    why: str
    skip: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)

    def on(self, corpus: str) -> Workload:
        """Return this workload on the beginning of another corpus; a smaller corpus is used whole.

        Raises:
            DataError: `file:PATH` names a file that is not there.
        """
        if not corpus.startswith("file:"):
            name = f"{corpus}-{self.name.rsplit('-', 1)[1]}"
            return replace(self, name=name, corpus=corpus, why="chosen", expected={})
        path = Path(corpus.removeprefix("file:"))
        try:
            n_bytes = min(self.bytes, path.stat().st_size)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; give file:PATH of a text file") from None
        return replace(self, name=f"{path.stem}-{n_bytes}", corpus=corpus, bytes=n_bytes, why="chosen", expected={})


def workloads() -> tuple[Workload, ...]:
    """Return all workloads in the order of the table."""
    with TABLE.open("rb") as file:
        table = tomllib.load(file)
    return tuple(Workload(name=name, **row) for name, row in table.items())


def workloads_on(corpus: str) -> tuple[Workload, ...]:
    """Return one workload on `corpus` for each size in the table.

    Raises:
        DataError: `file:PATH` names a file that is not there.
    """
    sizes = {workload.bytes: workload for workload in reversed(workloads())}
    moved = {row.name: row for row in (workload.on(corpus) for workload in sizes.values())}
    return tuple(sorted(moved.values(), key=lambda row: row.bytes))

"""The table of implementations: the rows of each stage, simplest first. Tests, benchmarks and reports read it.

A new implementation needs a module and one row here; `python -m bench new` writes both. The module of an
implementation is imported only when its row is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from impls.errors import UsageError, shown


@dataclass(frozen=True)
class Impl:
    """One implementation.

    Attributes:
        stage: "count", "train" or "encode".
        name: the name of the implementation, unique in its stage.
        target: "module:attribute" of the counter, trainer or encoder class.
        idea: the change from the implementation before, in one line.
        package: the package that the implementation needs besides NumPy and `regex`; empty if it needs none.
        kernel: "module:attribute" of the kernel that does most of the work, or of a mapping: split pattern -> kernel;
            empty if nothing is compiled. From the state of this kernel's code, `impls.fastest` tells how soon the
            implementation can start.
        parallel: whether the implementation can use more than one worker.
        counter: for a trainer, the name of the counter that `train_bpe` uses with this trainer; otherwise empty.
        parent: the implementation of the same stage from which it was made; empty if this is the row before.
    """

    stage: str
    name: str
    target: str
    idea: str
    package: str = ""
    kernel: str = ""
    parallel: bool = False
    counter: str = ""
    parent: str = ""

    @property
    def compiled(self) -> bool:
        """Whether it runs compiled code, which is fast and needs no interpreter lock, but has to be loaded first."""
        return bool(self.kernel)

    def load(self) -> Any:
        """Import and return the counter, trainer or encoder class."""
        return load(self.target)


def load(target: str) -> Any:
    """Import the module of a "module:attribute" and return the attribute."""
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)


_ROWS = (
    Impl("count", "findall", "impls.count.findall:count", "all pretokens in one list"),
    Impl("count", "finditer", "impls.count.finditer:count", "streamed: counted as they are found, constant memory"),
    Impl(
        "count",
        "process_pool",
        "impls.count.process_pool:count",
        "ranges of the file counted in processes",
        parallel=True,
    ),
    Impl(
        "count",
        "jit",
        "impls.count.jit:count",
        "compiled scan, hash table and threads",
        package="numba",
        kernel="impls.kernels.count:COUNT_TEXT",
        parallel=True,
    ),
    Impl(
        "train",
        "naive",
        "impls.train.naive:train",
        "every occurrence a sequence, full recount",
        counter="findall",
    ),
    Impl("train", "weighted", "impls.train.weighted:train", "unique pretokens with counts", counter="finditer"),
    Impl(
        "train",
        "incremental",
        "impls.train.incremental:train",
        "pair counts, pair -> pretokens index, lazy heap",
        counter="process_pool",
    ),
    Impl(
        "train",
        "jit",
        "impls.train.jit:train",
        "compiled merge loop over flat arrays",
        package="numba",
        kernel="impls.kernels.merge:run_merges",
        counter="jit",
    ),
    Impl("encode", "naive", "impls.encode.naive:NaiveEncoder", "pair frequencies, lowest rank first"),
    Impl("encode", "set_pairs", "impls.encode.set_pairs:SetPairsEncoder", "the set of adjacent pairs"),
    Impl("encode", "heap", "impls.encode.heap:HeapEncoder", "linked list and heap: n log n on long pretokens"),
    Impl("encode", "cached", "impls.encode.cached:CachedEncoder", "a pretoken is merged once"),
    Impl(
        "encode",
        "jit",
        "impls.encode.jit:JitEncoder",
        "compiled scan, cache and merge",
        package="numba",
        kernel="impls.kernels.encode:ENCODE_TEXT",
        parallel=True,
    ),
)

STAGES = tuple(dict.fromkeys(row.stage for row in _ROWS))


def implementations(stage: str) -> tuple[Impl, ...]:
    """Return the rows of a stage, simplest first.

    Raises:
        UsageError: no such stage.
    """
    if stage not in STAGES:
        raise UsageError(f"stage: unknown stage {stage!r}; choose one of {', '.join(STAGES)}")
    return tuple(row for row in _ROWS if row.stage == stage)


def find(stage: str, name: str) -> Impl:
    """Return one row.

    Raises:
        UsageError: no such stage or name; the message lists the names.
    """
    rows = implementations(stage)
    for row in rows:
        if isinstance(name, str) and row.name == name:
            return row
    known = ", ".join(row.name for row in rows)
    raise UsageError(f"impl: unknown implementation {shown(name)} for stage {stage!r}; choose one of {known}")


def parent_of(row: Impl) -> Impl | None:
    """Return the implementation that a row was made from; None for the first row of a stage."""
    if row.parent:
        return find(row.stage, row.parent)
    rows = implementations(row.stage)
    place = rows.index(row)
    return rows[place - 1] if place else None


def most_advanced(stage: str, *, compiled: bool) -> Impl:
    """Return the last row of a stage that is compiled, or the last row that is not compiled.

    Rows are sorted simplest first, so the result is the last step of the stage's ladder, with or without compiled
    code.

    Raises:
        UsageError: no such stage.
    """
    return [row for row in implementations(stage) if row.compiled == compiled][-1]

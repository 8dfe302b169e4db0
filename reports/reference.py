"""The reference: the report that is committed, and its records, one of each kind and machine.

A reference is made only by this command, and only from runs that anybody can repeat: whole runs of the present code
without errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.places import portable
from bench.record import machine_of, paths, read, why_partial
from impls.storage import atomic_writer
from reports.errors import ReportError
from reports.evidence import Evidence


def check(evidence: Evidence) -> None:
    """Check that all records may be kept.

    Raises:
        ReportError: a record is filtered, has errors, is stale, holds a path of a machine, or cannot be read; the
            message names all such records. Benchmarks with the option `--corpus` count as filtered.
    """
    if found := [*evidence.problems, *_refused(evidence)]:
        raise ReportError(f"{'; '.join(found)}; the reference keeps only whole runs of the present code")


def _refused(evidence: Evidence) -> Iterator[str]:
    stale = evidence.stale()
    for kind, path in evidence.paths.items():
        content = read(path, kind)
        if reason := why_partial(content):
            yield f"{kind}/{path.name}: {reason}"
        if kind in stale:
            yield f"{kind}/{path.name}: stale, the code of {', '.join(stale[kind])} has changed since"
        if portable(content) != content:
            yield f"{kind}/{path.name}: it holds a path of a machine"


def keep(evidence: Evidence, root: Path) -> Path:
    """Copy the records to the folder of their machine and kind below `root`; returns the record of the benchmarks.

    A record of the same kind and machine in the reference is replaced. Kinds without a new record stay as they are.

    Raises:
        OSError, FileFormatError: a file cannot be written or removed.
    """
    machine = root / machine_of(evidence.bench.machine)
    for kind, path in evidence.paths.items():
        kept = machine / kind / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        with atomic_writer(kept) as file:
            file.write(content)
        for former in set(paths(machine, kind)) - {kept}:
            former.unlink()
    return machine / "bench" / evidence.paths["bench"].name

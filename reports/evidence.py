"""The source of a report: the newest record of each kind from one machine, and the stale parts of these records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench import record
from bench.code import code_digests, module_digest
from bench.record import KINDS, RecordError, why_filtered, why_partial
from impls.machine import machine_name
from reports.errors import Missing, ReportError
from reports.records import Record, Study, damaged, load_record, study

OTHER_KINDS = tuple(kind for kind in KINDS if kind != "bench")
"""Kinds of records that lie in a folder of their own beside the records of the benchmarks."""


def newest_record(folder: Path | None = None) -> tuple[Path, list[str]]:
    """Return the newest record of a whole run of the benchmarks, and a line for each newer one that is passed over.

    Args:
        folder: where to look, also below it: the folder of a machine, or of all machines. By default, the folder of
            this machine's own records.

    Raises:
        ReportError: there is no such record; the message says what to run, and how to see the reference instead.
    """
    folder = folder or record.RECORDS / machine_name()
    passed: list[str] = []
    for path in reversed(record.paths(folder, "bench")):
        try:
            reason = why_partial(record.read(path, "bench"))
        except RecordError as error:
            reason = str(error).removeprefix(f"{path}: ")
        if not reason:
            return path, passed
        passed.append(f"{path.name}: {reason}")
    found = f"no record of a whole run here ({'; '.join(passed)})" if passed else "no record of this machine yet"
    raise ReportError(f"{found}; run `{KINDS['bench'].command}`{_instead(folder)}")


def _instead(folder: Path) -> str:
    """Return words that say how to see the reference; empty if `folder` is the folder of the reference."""
    found = record.paths(record.REFERENCE, "bench")
    root = record.REFERENCE.parents[2]
    if not found or folder == record.REFERENCE:
        return ""
    return f", or see the reference with `python -m reports {found[-1].relative_to(root)}`"


def study_command(*names: str) -> str:
    """Return the command that makes a record of some studies."""
    return f"{KINDS['studies'].command} --only {','.join(names)}"


@dataclass
class Evidence:
    """The records that a report is made from.

    Attributes:
        bench: the record of the benchmarks.
        others: a dict: kind -> content of the newest record of this kind, for all kinds except the benchmarks.
        paths: a dict: kind -> path of the record, for each kind that has a record.
        studies: a dict: name -> study, in the order of the record.
        problems: one line for each record that cannot be used.
        passed_over: one line for each filtered record; an earlier record is used instead.
        why_missing: a dict: kind -> the reason why there is no record of this kind.
    """

    bench: Record
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    studies: dict[str, Study] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    why_missing: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """Kind -> name of the record."""
        return {kind: path.name for kind, path in self.paths.items()}

    @cached_property
    def history(self) -> list[Record]:
        """The whole runs of the benchmarks on this machine up to `bench`, oldest first, without damaged ones."""
        return list(_history(self.bench))

    def content(self, kind: str) -> dict[str, Any]:
        """Return the newest record of a kind other than the benchmarks.

        Raises:
            Missing: there is no such record.
        """
        if kind not in self.others:
            raise Missing(self.why_missing.get(kind, f"no record was read; `{KINDS[kind].command}` makes one"))
        return self.others[kind]

    def study(self, name: str) -> Study:
        """Return a study.

        Raises:
            Missing: there is no record of studies, or the record lacks this study.
        """
        self.content("studies")
        if name not in self.studies:
            raise Missing(f"the record has no study {name}; `{KINDS['studies'].command}` makes all")
        return self.studies[name]

    def points(self, name: str) -> pd.DataFrame:
        """Return the points of a study, at least one.

        Raises:
            Missing: there is no such study, or no point of the study could be measured.
        """
        points = self.study(name).points
        if points.empty:
            raise Missing(f"no point of the study {name} could be measured")
        return points

    def digests(self, *tools: str) -> list[dict[str, Any]]:
        """Return the digests of the profiles made with some tools, by default all, in the order of the record."""
        found = self.others.get("profiles", {}).get("digests", [])
        return [row for row in found if not tools or row["tool"] in tools]

    def digests_with(self, name: str) -> list[dict[str, Any]]:
        """Return the digests of all tools that have a field. So the report also shows the digests of a new tool."""
        return [row for row in self.digests() if name in row]

    def stale(self) -> dict[str, list[str]]:
        """Return a dict: kind of record -> implementations and modules whose code has changed since the record."""
        cases, now = self.bench.cases, code_digests()
        recorded = {"bench": dict(zip(cases["stage"] + "/" + cases["impl"], cases["code_sha256"], strict=True))}
        recorded.update({kind: content.get("code", {}) for kind, content in self.others.items()})

        def present(name: str) -> str | None:
            return now.get(name) if "/" in name else module_digest(name)

        changed = {
            kind: [name for name, digest in digests.items() if present(name) != digest]
            for kind, digests in recorded.items()
        }
        return {kind: names for kind, names in changed.items() if names}


def load_evidence(path: Path, kinds: Iterable[str] = OTHER_KINDS) -> Evidence:
    """Read a record of the benchmarks and the newest record of each other kind from the same machine.

    A record of another kind may be unreadable or from another machine. Such a record is listed as a problem, and the
    record before it is used instead. A filtered record is passed over too.

    Raises:
        RecordError: the record of the benchmarks cannot be read.
    """
    bench = load_record(path)
    evidence = Evidence(bench, paths={"bench": path})
    for kind in kinds:
        _add_newest(evidence, kind, path.parent.parent)
    return evidence


def _history(last: Record) -> Iterator[Record]:
    for path in record.paths(last.path.parent.parent, "bench"):
        if record.when(path) < record.when(last.path):
            with suppress(RecordError):
                earlier = load_record(path)
                if not earlier.partial and record.machine_of(earlier.machine) == record.machine_of(last.machine):
                    yield earlier
    yield last


def _add_newest(evidence: Evidence, kind: str, machine: Path) -> None:
    found = record.paths(machine, kind)
    for path in reversed(found):
        try:
            content = record.read(path, kind)
            if not (reason := why_filtered(content)):
                _add(evidence, kind, path, content)
                return
            evidence.passed_over.append(f"{kind}/{path.name}: {reason}")
        except RecordError as error:
            # The page shows this line too, and must not contain a path of this machine.
            evidence.problems.append(str(error).replace(f"{machine}/", "", 1))
    evidence.why_missing[kind] = f"no record{' that can be used' if found else ''}; `{KINDS[kind].command}` makes one"


def _add(evidence: Evidence, kind: str, path: Path, content: dict[str, Any]) -> None:
    here, there = (record.machine_of(info) for info in (evidence.bench.machine, content["machine_info"]))
    if here != there:
        told = f"comes from another machine ({there} instead of {here})"
        raise RecordError(f"{path}: {told}; run `{KINDS[kind].command}` on this machine")
    try:
        if kind == "studies":
            evidence.studies = {name: study(name, about) for name, about in content["studies"].items()}
        else:
            for row in content[KINDS[kind].fields[0]]:
                dict(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, kind, error) from None
    evidence.others[kind], evidence.paths[kind] = content, path

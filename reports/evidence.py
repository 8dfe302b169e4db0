"""The source of a report: the newest record of each kind from one machine, and the stale parts of these records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench import record
from bench.code import code_digests, module_digest
from bench.record import KINDS, RecordError
from impls.machine import machine_name
from reports.errors import Missing, ReportError
from reports.records import Record, Study, damaged, load_record, study

OTHER_KINDS = tuple(kind for kind in KINDS if kind != "bench")
"""Kinds of records that lie in a folder of their own beside the records of the benchmarks."""


def newest_record(folder: Path | None = None, machine: str | None = None) -> Path:
    """Return the record of the benchmarks that was written last: on this machine, else on any.

    Args:
        folder: with the records of all machines; the folder of the project by default.
        machine: its name; the name of this machine by default.

    Raises:
        ReportError: there is none.
    """
    folder = folder or record.RECORDS
    here = folder / (machine or machine_name())
    found = record.paths(here, "bench") or record.paths(folder, "bench")
    if not found:
        raise ReportError(f"{folder}: no records yet; run `{KINDS['bench'].command}` first")
    return found[-1]


def study_command(*names: str) -> str:
    """Return the command that makes a record of some studies."""
    return f"{KINDS['studies'].command} --only {','.join(names)}"


@dataclass
class Evidence:
    """The records that a report is made from.

    Attributes:
        bench: the record of the benchmarks.
        others: kind -> content of the newest record beside it.
        names: kind -> name of the record, for all kinds that there are.
        studies: name -> study, in the order of the record.
        problems: one line for each record that cannot be used.
        why_missing: kind -> why there is no record.
        history: the records of the benchmarks of this machine up to `bench`, oldest first; damaged ones are left out.
    """

    bench: Record
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    studies: dict[str, Study] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    why_missing: dict[str, str] = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)

    def content(self, kind: str) -> dict[str, Any]:
        """Return the newest record of a kind other than the benchmarks.

        Raises:
            Missing: there is none.
        """
        if kind not in self.others:
            raise Missing(self.why_missing.get(kind, f"no record was read; `{KINDS[kind].command}` makes one"))
        return self.others[kind]

    def study(self, name: str) -> Study:
        """Return a study.

        Raises:
            Missing: there is no record of studies, or it has no such study.
        """
        self.content("studies")
        if name not in self.studies:
            raise Missing(f"the record has no study {name}; `{study_command(name)}` makes one")
        return self.studies[name]

    def points(self, name: str) -> pd.DataFrame:
        """Return the points of a study, at least one.

        Raises:
            Missing: there is no such study, or none of its points could be measured.
        """
        points = self.study(name).points
        if points.empty:
            raise Missing(f"no point of the study {name} could be measured")
        return points

    def digests(self, *tools: str) -> list[dict[str, Any]]:
        """Return the profiles made with some tools, all of them by default, in the order of the record."""
        found = self.others.get("profiles", {}).get("digests", [])
        return [row for row in found if not tools or row["tool"] in tools]

    def stale(self) -> dict[str, list[str]]:
        """Return, by kind of record, the implementations and modules whose code has changed since."""
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

    A record of another kind that cannot be read, or that comes from another machine, is a problem, and the record
    before it is taken.

    Raises:
        RecordError: the record of the benchmarks cannot be read.
    """
    bench = load_record(path)
    evidence = Evidence(bench, names={"bench": path.name})
    for kind in kinds:
        _add_newest(evidence, kind, path.parent.parent)
    evidence.history = list(_history(bench))
    return evidence


def _history(last: Record) -> Iterator[Record]:
    for path in record.paths(last.path.parent.parent, "bench"):
        if record.when(path) < record.when(last.path):
            with suppress(RecordError):
                earlier = load_record(path)
                if record.machine_of(earlier.machine) == record.machine_of(last.machine):
                    yield earlier
    yield last


def _add_newest(evidence: Evidence, kind: str, machine: Path) -> None:
    refused = False
    for path in reversed(record.paths(machine, kind)):
        try:
            _add(evidence, kind, path)
            return
        except RecordError as error:
            # The page shows the line too, and must not tell where this machine keeps its files.
            evidence.problems.append(str(error).replace(f"{machine}/", "", 1))
            refused = True
    evidence.why_missing[kind] = (
        f"no record{' that can be used' if refused else ''}; `{KINDS[kind].command}` makes one"
    )


def _add(evidence: Evidence, kind: str, path: Path) -> None:
    content = record.read(path, kind)
    here, there = (record.machine_of(info) for info in (evidence.bench.machine, content["machine_info"]))
    if here != there:
        raise RecordError(f"{path}: comes from another machine ({there} instead of {here})")
    try:
        if kind == "studies":
            evidence.studies = {name: study(name, about) for name, about in content["studies"].items()}
        else:
            for row in content[KINDS[kind].fields[0]]:
                dict(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, kind, error) from None
    evidence.others[kind], evidence.names[kind] = content, path.name

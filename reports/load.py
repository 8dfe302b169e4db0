"""From records to tables: the newest of each kind on one machine, and the ladder of every stage and workload."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.proof import code_digests, module_digest
from impls.machine import machine_name

RECORDS = Path(__file__).parent.parent / "bench" / "records"

OTHER_KINDS = ("sweeps", "profiles", "peers", "lm")
"""Records that lie in a folder of their own beside those of the benchmarks."""

COMMANDS = {
    "sweeps": "python -m bench.sweeps",
    "profiles": "nox -s profile",
    "peers": "nox -s peers",
    "lm": "nox -s step",
}

_WHEN = re.compile(r"_(\d{8}_\d{6})(?:_|\.|$)")


class ReportError(ValueError):
    """A record that cannot be read; the command line prints it as one line."""


def when(path: Path) -> str:
    """Return what records are ordered by: date and time in the name; the clock of the file system is no witness."""
    found = _WHEN.search(path.name)
    return f"{found[1] if found else ''} {path.name}"


def bench_records(folder: Path) -> list[Path]:
    """Return the records of the benchmarks below a folder, oldest first."""
    found = (path for path in folder.rglob("[0-9]*_*.json") if path.parent.name not in OTHER_KINDS)
    return sorted(found, key=when)


def newest_record(folder: Path = RECORDS, machine: str | None = None) -> Path:
    """Return the record of the benchmarks that was written last: on this machine, else on any.

    Raises:
        ReportError: there is none.
    """
    here = folder / (machine or machine_name())
    records = (bench_records(here) if here.is_dir() else []) or bench_records(folder)
    if not records:
        raise ReportError(f"{folder}: no records yet; run `nox -s bench` first")
    return records[-1]


def machine_of(machine_info: dict[str, Any]) -> str:
    """Return the name of the machine that a record comes from, as `impls.machine.machine_name` has it.

    Raises:
        KeyError, TypeError: the record does not say.
    """
    cpu = machine_info["cpu"]
    return "-".join([*re.findall(r"[A-Za-z0-9]+", cpu["brand_raw"]), f"{cpu['count']}cores"])


@dataclass(frozen=True)
class Record:
    """One run of the benchmarks.

    Attributes:
        path: the file.
        cases: a row a case: stage, impl, idea, workload, bytes, median, q1, q3 (seconds), rounds, digests ...
        skipped: a row a case that sat out: stage, impl, workload, reason.
        machine: what pytest-benchmark and the bench's hooks say of the machine.
        commit: git state.
        when: date and time of the run, UTC.
        arguments: of pytest.
    """

    path: Path
    cases: pd.DataFrame
    skipped: pd.DataFrame
    machine: dict[str, Any]
    commit: dict[str, Any]
    when: str
    arguments: list[str]


def read_json(path: Path) -> Any:
    """Read a file.

    Raises:
        ReportError: missing, or not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ReportError(f"{path}: not JSON: {error}; delete it or run again") from None


POSITIVE = ["median", "q1", "q3", "bytes", "pretokens", "unique_pretokens", "vocab_size", "workers"]
"""What must be above zero in a case of the benchmarks."""

TEXTS = ["stage", "impl", "idea", "workload", "corpus_sha256", "output_sha256", "code_sha256"]
"""What must be text in it."""


def load_record(path: Path) -> Record:
    """Read one record.

    Raises:
        ReportError: missing, not JSON, or without what a case must have.
    """
    content = read_json(path)
    try:
        rows = [
            {**case["extra_info"], **{name: case["stats"][name] for name in ("median", "q1", "q3", "min", "rounds")}}
            for case in content["benchmarks"]
        ]
        record = Record(
            path,
            pd.DataFrame(rows),
            pd.DataFrame(content["skipped"], columns=["stage", "impl", "workload", "reason"]),
            content["machine_info"],
            content["commit_info"],
            content["datetime"][:19],
            content["arguments"],
        )
        machine_of(record.machine)
        if not (record.cases[POSITIVE].astype(float) > 0).all(axis=None):
            raise ValueError(f"one of {', '.join(POSITIVE)} is not above zero")
        if not record.cases[TEXTS].map(lambda value: isinstance(value, str)).all(axis=None):
            raise ValueError(f"one of {', '.join(TEXTS)} is no text")
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{path}: not a record of `pytest bench`: {error!r}; delete it or run again") from None
    return record


def ladder(record: Record, stage: str, workload: str) -> pd.DataFrame:
    """Return the rows of one stage on one workload, simplest implementation first.

    Adds mb_per_s, and speedup over the first row as ratio of medians, with speedup_low and speedup_high from the
    quartiles of both.
    """
    cases = record.cases
    rows = cases[(cases["stage"] == stage) & (cases["workload"] == workload)].reset_index(drop=True)
    base = rows.iloc[0]
    return rows.assign(
        mb_per_s=rows["bytes"] / rows["median"] / 1e6,
        speedup=base["median"] / rows["median"],
        speedup_low=base["q1"] / rows["q3"],
        speedup_high=base["q3"] / rows["q1"],
    )


def ladders(record: Record) -> list[tuple[str, str, pd.DataFrame]]:
    """Return (stage, workload, rows) of every ladder in the order of the record."""
    keys = dict.fromkeys(zip(record.cases["stage"], record.cases["workload"], strict=True))
    return [(stage, workload, ladder(record, stage, workload)) for stage, workload in keys]


def workload_table(record: Record) -> pd.DataFrame:
    """Return a row a workload: sizes, vocabulary, and how often a pretoken repeats."""
    columns = ["workload", "why", "corpus", "bytes", "pretokens", "unique_pretokens", "vocab_size", "corpus_sha256"]
    rows = record.cases[columns].drop_duplicates("workload").reset_index(drop=True)
    return rows.assign(repeats=rows["pretokens"] / rows["unique_pretokens"])


def study_table(studies: dict[str, Any], name: str) -> pd.DataFrame:
    """Return a row a point of a study: series, x, samples, median, q1, q3, and the facts as columns.

    Raises:
        KeyError: the record has no such study.
    """
    rows = []
    for point in studies[name]["points"]:
        samples = pd.Series(point["samples"], dtype=float)
        quartiles = samples.quantile([0.25, 0.5, 0.75]).tolist() if len(samples) else [float("nan")] * 3
        spread = dict(zip(("q1", "median", "q3"), quartiles, strict=True))
        rows.append(
            {**point["facts"], "series": point["series"], "x": point["x"], "samples": point["samples"], **spread}
        )
    return pd.DataFrame(rows)


@dataclass
class Evidence:
    """All that a report is made from.

    Attributes:
        bench: the record of the benchmarks.
        others: by kind, the content of the newest record beside it.
        names: by kind, the name of that record.
        problems: one line for each record that cannot be used.
        why_missing: by kind, why there is none.
    """

    bench: Record
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    why_missing: dict[str, str] = field(default_factory=dict)

    def study(self, name: str) -> pd.DataFrame | None:
        """Return a study's points; None where it was not run, or nothing of it could be measured."""
        studies = self.others.get("sweeps", {}).get("studies", {})
        if name not in studies or not studies[name]["points"]:
            return None
        return study_table(studies, name)

    def digests(self, *tools: str) -> list[dict[str, Any]]:
        """Return the profiles made with some tools, in the order of the record."""
        return [row for row in self.others.get("profiles", {}).get("digests", []) if row["tool"] in tools]

    def stale(self) -> dict[str, list[str]]:
        """Return, by kind of record, the implementations and modules of the trainer whose code has changed since."""
        cases = self.bench.cases
        recorded = {"bench": dict(zip(cases["stage"] + "/" + cases["impl"], cases["code_sha256"], strict=True))}
        recorded.update({kind: content.get("code", {}) for kind, content in self.others.items()})
        now = code_digests()

        def present(name: str) -> str | None:
            return module_digest(name) if name.startswith("lm.") else now.get(name)

        changed = {
            kind: [name for name, digest in digests.items() if present(name) != digest]
            for kind, digests in recorded.items()
        }
        return {kind: names for kind, names in changed.items() if names}


REQUIRED = {
    "sweeps": ("studies", "scale"),
    "profiles": ("digests", "failures"),
    "peers": ("measurements", "corpus"),
    "lm": ("models", "operations"),
}


def load_other(kind: str, path: Path) -> dict[str, Any]:
    """Read a record that is not of the benchmarks.

    Raises:
        ReportError: not a record of that kind.
    """
    content = read_json(path)
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise ReportError(f"{path}: not a record of kind {kind}; delete it or run `{COMMANDS[kind]}` again")
    for name in (*REQUIRED[kind], "datetime", "machine_info", "commit_info"):
        if name not in content:
            raise ReportError(f"{path}: {name} is missing; delete it or run `{COMMANDS[kind]}` again")
    try:
        machine_of(content["machine_info"])
        dict(content.get("code", {}))
        if kind == "sweeps":
            for name in dict(content["studies"].items()):
                study_table(content["studies"], name)
        else:
            for row in content[REQUIRED[kind][0]]:
                dict(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReportError(f"{path}: damaged: {error!r}; delete it or run `{COMMANDS[kind]}` again") from None
    return content


def load_evidence(path: Path, kinds: Iterable[str] = OTHER_KINDS) -> Evidence:
    """Read a record of the benchmarks and the newest of each other kind from the same machine.

    Raises:
        ReportError: the record of the benchmarks cannot be read. Others that cannot, or that come from another
            machine, are problems, and left out.
    """
    evidence = Evidence(load_record(path))
    for kind in kinds:
        for candidate in sorted((path.parent.parent / kind).glob("[0-9]*_*.json"), key=when, reverse=True):
            try:
                content = load_other(kind, candidate)
                here, there = machine_of(evidence.bench.machine), machine_of(content["machine_info"])
                if here != there:
                    raise ReportError(f"{candidate}: comes from another machine ({there} instead of {here})")
                evidence.others[kind] = content
                evidence.names[kind] = candidate.name
                break
            except ReportError as error:
                evidence.problems.append(str(error))
        else:
            broken = " that can be used" if any(f"/{kind}/" in line for line in evidence.problems) else ""
            evidence.why_missing[kind] = f"no record{broken}; `{COMMANDS[kind]}` makes one"
    return evidence

"""From records to tables: the ladder of every stage and workload, with ratios that carry their spread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

RECORDS = Path(__file__).parent.parent / "bench" / "records"


class ReportError(ValueError):
    """A record that cannot be read; the command line prints it as one line."""


def newest_record(folder: Path = RECORDS) -> Path:
    """Return the record of the benchmarks that was written last; those of `bench.peers` lie beside them.

    Raises:
        ReportError: there is none.
    """
    found = (path for path in folder.rglob("[0-9]*_*.json") if path.parent.name != "peers")
    records = sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not records:
        raise ReportError(f"{folder}: no records yet; run `nox -s bench` first")
    return records[-1]


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


def load_record(path: Path) -> Record:
    """Read one record.

    Raises:
        ReportError: missing, not JSON, or without what a case must have.
    """
    try:
        content = json.loads(path.read_text())
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
        record.cases[["stage", "impl", "idea", "workload", "bytes", "pretokens", "unique_pretokens", "versions"]]
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from None
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

"""Two records side by side: which cases got faster or slower, and by how much; see `python -m reports compare`.

Machines drift: all times of one run may be longer than in another run. Implementations whose code did not change show
how much longer: the drift is the median of their time ratios, and every ratio is divided by the drift. If fewer than
three implementations have unchanged code, no ratio is divided. The reason: if a new library slowed one of two such
implementations down, its slow-down would count as drift and would be hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from bench.record import KINDS, RecordError, paths, when
from impls.errors import shown
from reports.errors import ReportError
from reports.figures.tables import Table
from reports.figures.values import Value
from reports.records import Record, load_record

KEY = ["stage", "impl", "workload"]

MIN_WITNESSES = 3
"""How many implementations must have unchanged code to measure the drift; with fewer, no ratio is divided."""


@dataclass(frozen=True)
class Comparison:
    """Two records side by side.

    Attributes:
        before, after: the earlier record and the newer record.
        rows: a row per case that both records have, with the columns stage, impl, workload, before and after (median
            seconds), change (after / before, divided by the drift), low and high (the spread of change, from the
            quartiles of both records), unchanged (whether the code is the same), verdict.
        drift: the time of unchanged code in the newer record, divided by its time in the earlier record; the median
            over implementations, each with the median over its workloads. 1 if all code has changed.
        witnesses: how many implementations have unchanged code. With fewer than MIN_WITNESSES, ratios are not divided
            by the drift.
        left_out: one line for each case of the newer record that has no counterpart in the earlier one, and one line
            for all cases that only the earlier record has.
    """

    before: Record
    after: Record
    rows: pd.DataFrame
    drift: float
    witnesses: int
    left_out: list[str]

    def slower_by_more_than(self, percent: float, *, unchanged: bool = False) -> pd.DataFrame:
        """Return the cases that are slower by more than `percent` and whose old and new quartiles do not overlap.

        Only cases of changed code are returned, or with `unchanged` only cases of unchanged code. Unchanged code
        fails no comparison: the machine or a package made it slower, but no change of the project.
        """
        slower = (self.rows["change"] > 1 + percent / 100) & (self.rows["low"] > 1)
        return self.rows[slower & (self.rows["unchanged"] == unchanged)]


def why_not_comparable(before: Record, after: Record) -> str:
    """Return why two records cannot be compared; empty if they can."""
    for name in ("brand_raw", "count"):
        values = [record.machine.get("cpu", {}).get(name) for record in (before, after)]
        if values[0] != values[1]:
            return f"another machine ({values[0]} instead of {values[1]})"
    for name in ("python_implementation", "python_version"):
        values = [record.machine.get(name) for record in (before, after)]
        if values[0] != values[1]:
            return f"another Python ({values[0]} instead of {values[1]})"
    return "" if len(_joined(before, after)) else "no workload in common"


def _joined(before: Record, after: Record) -> pd.DataFrame:
    wanted = [*KEY, "median", "q1", "q3", "corpus_sha256", "output_sha256", "code_sha256", "vocab_size"]
    both = before.cases[wanted].merge(after.cases[wanted], on=KEY, suffixes=("_before", "_after"))
    same = both["corpus_sha256_before"] == both["corpus_sha256_after"]
    same &= both["vocab_size_before"] == both["vocab_size_after"]
    joined: pd.DataFrame = both[same & (both["output_sha256_before"] == both["output_sha256_after"])]
    return joined.reset_index(drop=True)


def compare(before: Record, after: Record) -> Comparison:
    """Put two records side by side.

    Raises:
        ReportError: the records are not comparable; the message has the reason.
    """
    if reason := why_not_comparable(before, after):
        told = f"not comparable with {after.path.name}: {reason}"
        raise ReportError(f"{before.path.name}: {told}; give another record with --against")
    rows = _joined(before, after)
    ratios = rows["median_after"] / rows["median_before"]
    unchanged = rows["code_sha256_before"] == rows["code_sha256_after"]
    by_impl = ratios[unchanged].groupby([rows["stage"], rows["impl"]]).median()
    drift = float(median(by_impl)) if len(by_impl) else 1.0
    taken_off = drift if len(by_impl) >= MIN_WITNESSES else 1.0
    table = rows[KEY].assign(
        before=rows["median_before"],
        after=rows["median_after"],
        change=ratios / taken_off,
        low=rows["q1_after"] / rows["q3_before"] / taken_off,
        high=rows["q3_after"] / rows["q1_before"] / taken_off,
        unchanged=unchanged,
    )
    table = table.assign(verdict=list(map(_verdict, table["low"], table["high"])))
    return Comparison(before, after, table, drift, len(by_impl), _left_out(before, after, rows))


def _left_out(before: Record, after: Record, rows: pd.DataFrame) -> list[str]:
    known, old, new = (
        [f"{stage}/{impl} on {workload}" for stage, impl, workload in table[KEY].values.tolist()]
        for table in (rows, before.cases, after.cases)
    )
    reason = "not in the earlier record, or there on other text or with another output"
    gone = [case for case in old if case not in new]
    return [
        *(f"{case}: {reason}" for case in new if case not in known),
        *([f"no more in the newer record: {', '.join(gone)}"] if gone else []),
    ]


def _verdict(low: float, high: float) -> str:
    if low > 1:
        return "slower"
    return "faster" if high < 1 else "within the spread"


def find_record(word: str, after: Record) -> Path:
    """Return the record that a word means: a path, or the number or the beginning of the name of a record.

    Only records in the folder of `after` are searched by number or name.

    Raises:
        ReportError: there is no such record, or there are several.
    """
    if Path(word).is_file():
        return Path(word)
    known = [path for path in paths(after.path.parent.parent, "bench") if path.name != after.path.name]
    found = [path for path in known if path.name.startswith(word) or _number(path.name) == word.lstrip("0")]
    if len(found) == 1:
        return found[0]
    fault = f"is the beginning of {len(found)} records" if found else "is no record"
    names = ", ".join(path.name for path in found or known) or "none yet"
    raise ReportError(f"--against: {shown(word)} {fault}; give a path or the number of one of these: {names}")


def _number(name: str) -> str:
    return name.partition("_")[0].lstrip("0")


def last_comparable(after: Record) -> tuple[Record, list[str]]:
    """Return the newest earlier record that can be compared, and a line for each newer record that cannot.

    A broken or filtered run is no baseline, since it lacks cases.

    Raises:
        ReportError: no earlier record can be compared; the message says why the newest of them cannot.
    """
    refused: list[str] = []
    folder = after.path.parent.parent
    earlier = [path for path in paths(folder, "bench") if when(path) < when(after.path)]
    for path in reversed(earlier):
        try:
            record = load_record(path)
        except RecordError as error:
            refused.append(str(error))
            continue
        if record.partial:
            refused.append(f"{path.name}: no baseline: {record.partial}")
        elif reason := why_not_comparable(record, after):
            refused.append(f"{path.name}: not comparable: {reason}")
        else:
            return record, refused
    why = f" ({refused[0]})" if refused else ""
    again = f"run `{KINDS['bench'].command}` again after a change"
    raise ReportError(f"{after.path.name}: no earlier record to compare with{why}; {again}")


def table(found: Comparison) -> Table:
    """Return a row per case, largest change first."""
    head = ["case", "workload", "before", "after", "time", "spread", "code", "verdict"]
    return Table(head, [
        [
            f"{row['stage']}/{row['impl']}", row["workload"], Value(row["before"], "s"), Value(row["after"], "s"),
            change_of(row).alone, change_of(row).spread, "the same" if row["unchanged"] else "changed",
            row["verdict"],
        ]
        for row in found.rows.sort_values("change", ascending=False).to_dict("records")
    ])  # fmt: skip


def change_of(row: Mapping[Any, Any]) -> Value:
    """Return how many times as long a case took in the newer record, with the spread."""
    return Value(row["change"], "x", row["low"], row["high"], decimals=2)

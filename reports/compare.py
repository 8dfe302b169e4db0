"""What got faster or slower since an earlier record, with spread: `python -m reports compare`.

Machines drift. How much this one did between the two runs is seen on implementations whose code did not change: the
median of their ratios is taken off all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd

from reports.formats import seconds
from reports.load import Record, ReportError, bench_records, load_record, when

KEY = ["stage", "impl", "workload"]

MIN_WITNESSES = 3
"""Cases of unchanged code that tell how the machine drifted; with fewer, nothing is taken off."""


@dataclass(frozen=True)
class Comparison:
    """Two records side by side.

    Attributes:
        before, after: the records.
        rows: a row a case of both: stage, impl, workload, before, after (median seconds), change (after / before,
            drift taken off), low, high (from the quartiles of both sides), unchanged (same code), verdict.
        drift: how many times as long unchanged code took; 1 where too little of it was measured.
        witnesses: how many cases told so.
        left_out: one line for each case of the newer record that has no counterpart.
    """

    before: Record
    after: Record
    rows: pd.DataFrame
    drift: float
    witnesses: int
    left_out: list[str]

    def slower_by_more_than(self, percent: float) -> pd.DataFrame:
        """Return the cases that are slower by more than so much, and not by chance: the quartiles are apart."""
        return self.rows[(self.rows["change"] > 1 + percent / 100) & (self.rows["low"] > 1)]


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
        ReportError: they are not comparable; the message says why.
    """
    if reason := why_not_comparable(before, after):
        raise ReportError(f"{before.path.name}: not comparable with {after.path.name}: {reason}")
    rows = _joined(before, after)
    ratios = rows["median_after"] / rows["median_before"]
    unchanged = rows["code_sha256_before"] == rows["code_sha256_after"]
    witnesses = int(unchanged.sum())
    drift = float(median(ratios[unchanged])) if witnesses >= MIN_WITNESSES else 1.0
    table = rows[KEY].assign(
        before=rows["median_before"],
        after=rows["median_after"],
        change=ratios / drift,
        low=rows["q1_after"] / rows["q3_before"] / drift,
        high=rows["q3_after"] / rows["q1_before"] / drift,
        unchanged=unchanged,
    )
    known = set(map(tuple, rows[KEY].values.tolist()))
    left_out = [
        f"{stage}/{impl} on {workload}: not in the earlier record, or there on other text or with another output"
        for stage, impl, workload in after.cases[KEY].values.tolist()
        if (stage, impl, workload) not in known
    ]
    table = table.assign(verdict=list(map(_verdict, table["low"], table["high"])))
    return Comparison(before, after, table, drift, witnesses, left_out)


def _verdict(low: float, high: float) -> str:
    if low > 1:
        return "slower"
    return "faster" if high < 1 else "within the spread"


def last_comparable(after: Record, folder: Path) -> tuple[Record, list[str]]:
    """Return the newest earlier record that can be compared, and a line for each newer one that cannot.

    Raises:
        ReportError: there is none; the message says why the newest was refused.
    """
    refused: list[str] = []
    earlier = [path for path in bench_records(folder) if when(path) < when(after.path)]
    for path in reversed(earlier):
        try:
            record = load_record(path)
        except ReportError as error:
            refused.append(str(error))
            continue
        if not (reason := why_not_comparable(record, after)):
            return record, refused
        refused.append(f"{path.name}: not comparable: {reason}")
    why = f" ({refused[0]})" if refused else ""
    raise ReportError(
        f"{after.path.name}: no earlier record to compare with{why}; run `nox -s bench` again after a change"
    )


def as_text(found: Comparison) -> str:
    """Return the comparison as text, largest change first."""
    rows = found.rows.sort_values("change", ascending=False)
    table = pd.DataFrame(
        {
            "what": rows["stage"] + "/" + rows["impl"],
            "workload": rows["workload"],
            "before": rows["before"].map(seconds),
            "after": rows["after"].map(seconds),
            "time": rows["change"].map("{:.2f}x".format),
            "spread": [f"{low:.2f}x .. {high:.2f}x" for low, high in zip(rows["low"], rows["high"], strict=True)],
            "code": rows["unchanged"].map({True: "the same", False: "changed"}),
            "verdict": rows["verdict"],
        }
    )
    drift = (
        f"{found.witnesses} cases of unchanged code took {found.drift:.2f}x as long; that drift is taken off"
        if found.witnesses >= MIN_WITNESSES
        else f"only {found.witnesses} cases of unchanged code: how the machine drifted is not known"
    )
    counts = ", ".join(f"{number} {verdict}" for verdict, number in rows["verdict"].value_counts().items())
    return "\n".join([
        f"{found.after.path.name} against {found.before.path.name}: {counts}",
        drift,
        table.to_string(index=False),
        *found.left_out,
    ])  # fmt: skip

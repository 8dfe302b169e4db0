"""One record as tables: the cases and ladders of a run of the benchmarks, the points of a study."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from bench.record import GIVEN, KINDS, RecordError, read, why_partial
from impls.registry import STAGES

POSITIVE = ["median", "q1", "q3", "min", "rounds", "bytes", "pretokens", "unique_pretokens", "vocab_size", "workers"]
"""Fields of a case of the benchmarks that must be above zero."""

TEXTS = ["stage", "impl", "idea", "workload", "why", "corpus_sha256", "output_sha256", "code_sha256"]
"""Fields of a case that must be text."""

BYTES_AND_SPECIAL = 257
"""Entries of a vocabulary that no merge makes: all bytes and one special token."""


@dataclass(frozen=True)
class Record:
    """One run of the benchmarks.

    Attributes:
        path: the file.
        cases: a row per case, with the columns stage, impl, idea, workload, bytes, median, q1, q3, samples (seconds),
            rounds, digests and others.
        skipped: a row per case that was left out, with the columns stage, impl, workload, reason.
        errors: a row per case that failed and has no time, with the columns stage, impl, workload, error.
        machine: CPU, system and Python, as pytest-benchmark and the hooks of the benchmarks describe them.
        commit: commit and branch of the code, as git tells them.
        when: date and time of the run, UTC.
        arguments: the arguments of pytest.
        partial: why no report or comparison is made from the record; empty if the record can be used.
    """

    path: Path
    cases: pd.DataFrame
    skipped: pd.DataFrame
    errors: pd.DataFrame
    machine: dict[str, Any]
    commit: dict[str, Any]
    when: str
    arguments: list[str]
    partial: str

    @property
    def command(self) -> str:
        """The command that makes a record with the same cases."""
        extra = [word for word in self.arguments if word not in GIVEN]
        return shlex.join([*KINDS["bench"].command.split(), *(["--", *extra] if extra else [])])


def damaged(path: Path, kind: str, error: Exception) -> RecordError:
    """Return the error for a record whose fields are missing or wrong."""
    return RecordError(
        f"{path}: is damaged: {error!r}; delete this record, or make a new one with `{KINDS[kind].command}`"
    )


def load_record(path: Path) -> Record:
    """Read a record of the benchmarks.

    Raises:
        RecordError: the record is missing, of another kind, of a version that this program cannot read, or lacks
            fields of a case.
    """
    content = read(path, "bench")
    try:
        record = Record(
            path,
            pd.DataFrame([_case(case) for case in content["benchmarks"]]),
            pd.DataFrame(content["skipped"], columns=["stage", "impl", "workload", "reason"]),
            pd.DataFrame(content.get("errors", []), columns=["stage", "impl", "workload", "error"]),
            content["machine_info"],
            content["commit_info"],
            content["datetime"][:19],
            content["arguments"],
            why_partial(content),
        )
        _check_cases(record.cases)
        _check_words(record.skipped, record.errors)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, "bench", error) from None
    return record


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    stats = case["stats"]
    spread = {name: stats[name] for name in ("median", "q1", "q3", "min", "rounds")}
    return {**case["extra_info"], **spread, "samples": stats.get("data", [])}


def _check_cases(cases: pd.DataFrame) -> None:
    if not cases[POSITIVE].map(_is_above_zero).all(axis=None):
        raise ValueError(f"one of these fields is not a number above zero: {', '.join(POSITIVE)}")
    if not all(_is_above_zero(sample) for samples in cases["samples"] for sample in samples):
        raise ValueError("a sample is not a number above zero")
    _check_words(cases[TEXTS])


def _is_above_zero(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _check_words(*tables: pd.DataFrame) -> None:
    for table in tables:
        if not table.map(lambda value: isinstance(value, str) and value.isprintable()).all(axis=None):
            raise ValueError(f"one of these fields is no printable string: {', '.join(table.columns)}")


def ladder(record: Record, stage: str, workload: str) -> pd.DataFrame:
    """Return the rows of one stage on one workload, simplest implementation first.

    Adds the columns merges, mb_per_s, speedup (median of the first row / median), and speedup_low and speedup_high,
    which are computed from the quartiles of both rows.

    Raises:
        LookupError: the record has no such stage or workload.
    """
    cases = record.cases
    rows = cases[(cases["stage"] == stage) & (cases["workload"] == workload)].reset_index(drop=True)
    base = rows.iloc[0]
    return rows.assign(
        merges=rows["vocab_size"] - BYTES_AND_SPECIAL,
        mb_per_s=rows["bytes"] / rows["median"] / 1e6,
        speedup=base["median"] / rows["median"],
        speedup_low=base["q1"] / rows["q3"],
        speedup_high=base["q3"] / rows["q1"],
    )


def ladders(record: Record) -> list[tuple[str, str, pd.DataFrame]]:
    """Return a tuple (stage, workload, rows) for each ladder: stages from text to ids, workloads as recorded."""
    keys = dict.fromkeys(zip(record.cases["stage"], record.cases["workload"], strict=True))
    found = sorted(keys, key=lambda key: STAGES.index(key[0]) if key[0] in STAGES else len(STAGES))
    return [(stage, workload, ladder(record, stage, workload)) for stage, workload in found]


@dataclass(frozen=True)
class Study:
    """One study of a record.

    Attributes:
        name: the name on the command line of the studies.
        title: the title of its section.
        question: one sentence.
        x: the varied quantity.
        x_unit: the unit of x: "bytes", another noun in the plural, or empty if x is a name.
        unit: the unit of the samples: "s", "bytes" or "bytes per token".
        points: a row per point: series, x, samples, median, q1, q3, and the facts as columns.
        left_out: series, x and reason of each point that was not measured.
        errors: series, x and error of each point that failed.
    """

    name: str
    title: str
    question: str
    x: str
    x_unit: str
    unit: str
    points: pd.DataFrame
    left_out: list[dict[str, Any]]
    errors: list[dict[str, Any]]

    @property
    def x_label(self) -> str:
        """The varied quantity; its unit is added if numbers are written without it, as in "vocabulary in tokens"."""
        alone = self.x_unit in ("", "bytes") or self.x_unit in self.x
        return self.x if alone else f"{self.x} in {self.x_unit}"


def study(name: str, content: Mapping[str, Any]) -> Study:
    """Return a study from its part of a record.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: the record is damaged.
    """
    words = {key: str(content[key]) for key in ("title", "question", "x", "x_unit", "unit")}
    points = pd.DataFrame([_point(point) for point in content["points"]])
    return Study(name, points=points, left_out=content["left_out"], errors=content["errors"], **words)


def _point(point: Mapping[str, Any]) -> dict[str, Any]:
    samples = point["samples"]
    quartiles = np.quantile(samples, [0.25, 0.5, 0.75]).tolist() if samples else [float("nan")] * 3
    spread = dict(zip(("q1", "median", "q3"), quartiles, strict=True))
    return {**point["facts"], "series": point["series"], "x": point["x"], "samples": samples, **spread}


def start_seconds(points: pd.DataFrame) -> dict[str, float]:
    """Return the extra seconds of the first call of compiled code: with cached code, and with code to compile."""
    rows = {row["x"]: row for row in points[points["series"] == "compiled"].to_dict("records")}

    def extra(state: str) -> float:
        pairs = zip(rows[state]["first_call_seconds"], rows[state]["second_call_seconds"], strict=True)
        return float(median(first - second for first, second in pairs))

    return {"cached_seconds": extra("full cache"), "compile_seconds": extra("empty cache")}

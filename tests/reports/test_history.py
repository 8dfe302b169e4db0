"""The history of a machine: steps are where a model of constant levels has them."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.__main__ import main
from reports.evidence import load_evidence
from reports.figures import history, tried
from reports.figures.values import Link
from tests.reports.markdown import cells
from tests.reports.page import text_of
from tests.support import ROOT
from tests.support.records import COMMIT, benchmarks_record, write


def costs(logs: list[float], cuts: tuple[int, ...], penalty: float) -> float:
    runs = [logs[a:b] for a, b in itertools.pairwise((0, *cuts, len(logs)))]
    return sum(float(np.var(run)) * len(run) for run in runs) + penalty * len(cuts)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7), st.floats(0.01, 5))
def test_no_division_into_runs_costs_less(logs: list[float], penalty: float) -> None:
    places = range(1, len(logs))
    every = (cuts for n in range(len(logs)) for cuts in itertools.combinations(places, n))
    found = tuple(history.steps(logs, penalty))
    assert costs(logs, found, penalty) <= min(costs(logs, cuts, penalty) for cuts in every) + 1e-9


def fitted(logs: list[float]) -> list[int]:
    return history.steps(logs, history.PENALTY * history.noise(logs) ** 2 * math.log(len(logs)))


def test_steps_are_found_and_noise_is_none() -> None:
    random, false, found = np.random.default_rng(1), 0, 0
    for _ in range(200):
        noise = random.normal(0, 0.1, 20)
        false += bool(fitted(noise.tolist()))
        found += fitted((noise + np.repeat([0.0, 0.5], [12, 8])).tolist()) == [12]
    assert false <= 10
    assert found >= 180


def test_two_steps_and_none_in_what_is_the_same() -> None:
    assert fitted([0.0] * 9) == []
    assert fitted([0.0] * 5 + [1.0] * 4 + [0.5] * 6) == [5, 9]
    assert history.noise([0.0] * 9) == history.LEAST_NOISE


def recorded(machine: Path, n: int, commit: str = "", **slower: float) -> Path:
    content: dict[str, Any] = benchmarks_record(n, **slower)
    content["commit_info"] = {**COMMIT, "id": (commit or "c") * 40}
    content["datetime"] = f"2026-01-{n:02}T00:00:00"
    return write(machine / "Linux" / f"{n:04}_x_202601{n:02}_000000.json", content)


def test_a_slower_implementation_is_one_step_between_two_commits(tmp_path: Path) -> None:
    for n in range(1, 5):
        recorded(tmp_path / "m", n, "a")
    for n in range(5, 8):
        last = recorded(tmp_path / "m", n, "b", train_jit=2.0)
    (tmp_path / "m" / "Linux" / "0003_x_20260103_120000.json").write_text("{")
    records = load_evidence(last).history
    assert [record.when[:10] for record in records] == [f"2026-01-{n:02}" for n in range(1, 8)]
    found = history.changes(records)
    assert [(one.stage, one.impl, one.workload) for one in found] == [
        ("train", "jit", "stories-100KB"),
        ("train", "jit", "stories-5MB"),
    ]
    assert found[0].change.number == pytest.approx(2, rel=0.1)
    assert main([str(last), "--out", str(tmp_path)]) == 0
    row = cells(text_of(tmp_path), "Over all records")["train/jit"]
    assert row == ["stories-5MB", row[1], f"`{'a' * 12}`", f"`{'b' * 12}`", "log"]
    page = (tmp_path / "index.html").read_text()
    assert page.count(' fit" points=') == len(history.times(records))
    assert 'href="../../profiles/LOG.md">log</a>' in page


LOG_BEFORE = """# What was tried

## Counting (`scan.py`, `keys.py`)

1. **Helpers inlined** by the compiler. Kept.
"""

LOG_AFTER = LOG_BEFORE.replace("1. ", "2. ").replace(
    "(`scan.py`, `keys.py`)\n",
    """(`scan.py`, `keys.py`)

1. **Keys without a
   branch.** Kept.
""",
)


def test_a_step_leads_to_the_entries_of_the_log_between_its_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = {"a": LOG_BEFORE, "b": LOG_AFTER}
    monkeypatch.setattr(tried, "git", lambda _, place: logs[place.partition(":")[0]].encode())
    assert tried.between("a", "b") == [Link("Keys without a branch", "profiles/LOG.md#counting-scanpy-keyspy")]
    assert tried.between("b", "a") == []


def test_the_log_of_this_project_has_entries() -> None:
    found = tried.entries((ROOT / tried.LOG).read_text())
    assert found["Keys without a branch"] == "counting-implskernelsscanpy-keyspy-countpy"
    assert len(found) > 30


def test_few_records_make_no_step(tmp_path: Path) -> None:
    recorded(tmp_path / "m", 1)
    last = recorded(tmp_path / "m", 2, train_jit=9.0)
    assert history.changes(load_evidence(last).history) == []
    assert main([str(last), "--out", str(tmp_path)]) == 0
    assert "2 records of this machine" in text_of(tmp_path)
    assert "No step was found." in text_of(tmp_path)


def test_other_texts_machines_and_later_records_are_no_history(tmp_path: Path) -> None:
    first, last = recorded(tmp_path / "m", 1), recorded(tmp_path / "m", 3)
    recorded(tmp_path / "m", 4)
    content = benchmarks_record()
    content["machine_info"]["cpu"]["brand_raw"] = "Abacus 1"
    write(tmp_path / "m" / "Linux" / "0002_x_20260102_000000.json", content)
    records = load_evidence(last).history
    assert [record.path.name for record in records] == [first.name, last.name]
    records[0].cases.loc[records[0].cases["stage"] == "train", "corpus_sha256"] = "0" * 64
    counts = {case[0]: len(points) for case, points in history.times(records).items()}
    assert counts == {"count": 2, "train": 1, "encode": 2}
    assert history.changes(records) == []

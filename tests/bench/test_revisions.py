"""Two revisions side by side: what is compared, what is claimed, and what a bad revision says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.cases import Case
from bench.code import code_digest
from bench.revisions.choice import chosen_workloads, trials
from bench.revisions.inputs import InputFiles
from bench.revisions.measure import LAUNCHES, Measured, Result, Trial, cores_of, fitted, measure, with_control
from bench.revisions.process import CaseError, Launch, implementations_of, started
from bench.revisions.render import control, failure, table
from bench.revisions.worker import digest
from bench.turns import SLOWER, UNSEEN, Comparison, Ratio, Side
from data.workloads import Workload
from impls import MergelabError
from impls.contract import Merges, Pretokens
from impls.registry import find, implementations
from tests.bench.conftest import has_ended
from tests.support import ROOT

SMALL = Workload("small", "stories", 2_000, 300, "small")

IGNORED = shutil.ignore_patterns("__pycache__")


def test_skipped_cases_say_why() -> None:
    rows = {"train/naive": "impls.train.naive:train"}
    found, lines = trials("train/naive", chosen_workloads("stories-5MB"), rows, ROOT, ROOT)
    assert found == []
    assert lines[0].startswith("train-naive-stories-5MB: recounts every pretoken")


def test_a_digest_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "impls", tmp_path / "impls", ignore=IGNORED)
    for row in implementations("encode"):
        assert code_digest(row, tmp_path) == code_digest(row)
    (tmp_path / "impls" / "tokenizer.py").write_text("")
    assert code_digest(find("encode", "naive"), tmp_path) != code_digest(find("encode", "naive"))


class FakeSide:
    """A process whose turns take made-up times."""

    def __init__(self, name: str, factor: float, output: str, seed: int) -> None:
        self.name, self.factor, self.output = name, factor, output
        self.random = np.random.default_rng(seed)

    def send(self, **order: Any) -> None:
        pass

    def answer(self) -> dict[str, Any]:
        if self.output == "error":
            raise CaseError(self.name, "no luck")
        return {"output": self.output, "seconds": 0.01}

    def side(self, case: str) -> Side:
        del case
        return lambda _: 0.01 * self.factor * float(np.exp(0.005 * self.random.standard_normal()))


class NoFiles:
    def order(self, case: Case) -> dict[str, Any]:
        return {"case": str(case)}


def measured(
    *, factor: float = 1.0, changed: bool = True, outputs: tuple[str, str, str] = ("a", "a", "a"), seconds: float = 20
) -> tuple[list[Result], list[str], list[str], int]:
    """Compare sides with made-up times; returns the results, the lines, and the number of launches."""
    launches = 0

    @contextmanager
    def launcher(number: int) -> Iterator[Launch]:
        nonlocal launches
        launches += 1
        base, head, twin = outputs
        sides = (
            FakeSide("base", 1, base, 3 * launches),
            FakeSide("head", factor, head, 3 * launches + 1),
            FakeSide("head", factor, twin, 3 * launches + 2),
        )
        yield Launch(*sides, number)  # type: ignore[arg-type]

    trial = Trial(Case(find("train", "naive"), SMALL), changed)
    found = measure([trial], launcher, NoFiles(), seconds, lambda _: None)  # type: ignore[arg-type]
    return found.results, found.left_out, found.wrong, launches


def test_a_slower_head_is_called_so() -> None:
    (one,), left_out, wrong, launches = measured(factor=1.1)
    assert (left_out, wrong, launches) == ([], [], 1 + LAUNCHES)
    assert one.verdict == SLOWER
    assert one.comparison.ratio.median == pytest.approx(1.1, rel=0.01)
    assert 1 < one.floor < 1.02
    assert one.fails(5)
    assert not one.fails(15)
    assert "% slower (at least " in failure(one, 5)


def test_unchanged_code_fails_no_gate_however_slow() -> None:
    (one,), *_ = measured(factor=1.85, changed=False)
    assert one.verdict == SLOWER
    assert not one.fails(5)
    assert "unchanged code differs in 1 of 1 cases" in control([one])


def test_no_difference_is_seen_where_there_is_none() -> None:
    (one,), *_ = measured()
    assert one.verdict == UNSEEN
    assert not one.fails(0)


@pytest.mark.parametrize(
    ("outputs", "left_out", "wrong"),
    [
        (("a", "b", "b"), [], ["train-naive-small: not timed; head: its output b differs from base's a"]),
        (("a", "a", "b"), [], ["train-naive-small: not timed; head: its output b differs from base's a"]),
        (("a", "error", "error"), [], ["train-naive-small: not timed; head: no luck"]),
        (("error", "a", "a"), ["train-naive-small: not timed; base: no luck"], []),
    ],
)
def test_outputs_are_compared_first(outputs: tuple[str, str, str], left_out: list[str], wrong: list[str]) -> None:
    assert measured(outputs=outputs) == ([], left_out, wrong, 1)


def test_what_does_not_fit_the_time_is_left_out() -> None:
    results, (line,), wrong, launches = measured(seconds=0.4)
    assert (results, wrong, launches) == ([], [], 1)
    assert "its turns need 0.7 s, its share of the time is 0.4 s; choose it alone with --only" in line


def test_a_text_is_cut_until_a_call_is_short() -> None:
    seconds = iter([0.3, 0.02, 0.01])
    side = FakeSide("base", 1, "a", 0)
    side.answer = lambda: {"output": "a", "seconds": next(seconds)}  # type: ignore[method-assign]
    launch = Launch(FakeSide("base", 1, "a", 0), side, FakeSide("head", 1, "a", 0))  # type: ignore[arg-type]
    row = Trial(Case(find("train", "naive"), replace(SMALL, bytes=100_000)), True)
    cut, call = fitted(row, launch, NoFiles(), whole=False)  # type: ignore[arg-type]
    assert (cut.case.workload.bytes, call) == (6_250, 0.01)
    seconds = iter([0.3])
    assert fitted(row, launch, NoFiles(), whole=True) == (row, 0.3)  # type: ignore[arg-type]


def test_the_processes_of_a_launch_share_a_core_unless_threads_share_the_work() -> None:
    cores = sorted(os.sched_getaffinity(0))
    large = replace(SMALL, bytes=5_000_000)
    assert [cores_of(Case(find("count", "jit"), SMALL), number) for number in range(len(cores))] == [
        [n] for n in cores
    ]
    assert cores_of(Case(find("count", "jit"), large), 0) == cores
    assert cores_of(Case(find("train", "jit"), large), len(cores)) == cores[:1]


def result(median: float, low: float, high: float, floor: float) -> Comparison:
    return Comparison(Ratio(median, low, high), floor)


def test_a_difference_of_unchanged_code_moves_the_floors_of_changed_code() -> None:
    case = Case(find("train", "naive"), SMALL)
    found = with_control([
        (Trial(case, True), result(1.10, 1.08, 1.12, 1.02)),
        (Trial(case, False), result(0.90, 0.88, 0.92, 1.02)),
        (Trial(case, False), result(1.30, 0.88, 1.92, 1.02)),
    ])  # fmt: skip
    assert [one.verdict for one in found] == [UNSEEN, "faster", UNSEEN]
    assert found[0].floor == pytest.approx(1 / 0.9)
    assert not found[0].fails(0)


def test_the_largest_change_comes_first() -> None:
    case = Case(find("train", "naive"), SMALL)
    found = with_control([(Trial(case, True), result(m, m, m, 1.0)) for m in (1.1, 0.5, 1.3)])
    lines = table(Measured(found, ["left"], ["wrong"]))
    assert [line.split("|")[3].strip() for line in lines[2:5]] == ["0.500x", "1.300x", "1.100x"]
    assert lines[-3:] == ["control: no case of unchanged code was measured", "left", "wrong"]
    assert table(Measured([], [], [])) == ["nothing was timed"]


def test_a_digest_is_that_of_the_values() -> None:
    first = Pretokens.from_mapping({b"a": 1, b"b": 2})
    assert digest(first) == digest(Pretokens.from_mapping({b"b": 2, b"a": 1}))
    outputs = [first, Pretokens.from_mapping({b"a": 2, b"b": 2}), Merges.from_pairs([(1, 2)]), [1, 3], [3, 1]]
    assert len({digest(output) for output in outputs}) == len(outputs)
    assert digest([1, 2]) == digest(np.array([1, 2], np.uint16))


@pytest.mark.parametrize("stage", ["count", "train", "encode"])
def test_a_worker_prepares_and_times_every_stage(tmp_path: Path, stage: str) -> None:
    case, files = Case(implementations(stage)[1], SMALL), InputFiles(tmp_path / "inputs")
    with started("head", ROOT, {}) as side:
        cores = sorted(os.sched_getaffinity(0))
        first = side.ask(**files.order(case), cores=cores[:1])
        assert side.ask(**files.order(case), cores=cores)["output"] == first["output"]
        assert side.side(str(case))(3) > 0
        with pytest.raises(CaseError, match="head: KeyError: 'none'"):
            side.side("none")(1)
        assert side.side(str(case))(1) > 0, "it goes on after an error"
    assert has_ended(side.process.pid)


def test_the_end_of_a_worker_is_said() -> None:
    with started("base", ROOT, {}) as side:
        side.process.kill()
        with pytest.raises(MergelabError, match="base: its process ended with status -9"):
            side.ask(do="rows")


def test_other_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match="base: its sources are not what Python imports"):
        implementations_of("base", tmp_path, {})

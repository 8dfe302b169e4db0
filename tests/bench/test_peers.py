"""The runs against peers: no ratio without equal outputs, every sample kept, bad usage is one line."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.memory import children
from bench.peers import runner
from bench.peers.inputs import PeerInputs
from bench.peers.measurement import Measurement, Row, Side, ratio, slope
from bench.peers.measurements import MEASUREMENTS
from bench.peers.record import content, of_result
from bench.peers.render import table, verdict
from bench.peers.runner import Result, measure
from bench.peers.tasks import TASKS, load
from bench.peers.tasks.task import Task
from bench.record import read
from data import get
from data.catalogue import cache_folder
from tests.bench.conftest import has_ended
from tests.support import ROOT


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> PeerInputs:
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "corpus.txt").write_bytes(get("stories", 200_000).read_bytes())
    return PeerInputs(f"file:{folder / 'corpus.txt'}", None, 400, 2_000_000, folder)


def outcome(seconds: float, digest: str = "same") -> dict[str, Any]:
    return {"seconds": seconds, "digest": digest, "n": 1, "n_bytes": 0, "peak_rss": 10**6, "samples": [seconds]}


SIDES = (Side("ours", "train_ours", output="merges"), Side("peer", "train_peer", output="merges"))


def measured(sides: tuple[Side, ...], outcomes: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Result:
    waiting = iter(outcomes)
    monkeypatch.setattr(runner, "run_side", lambda _: next(waiting))
    build = lambda _: Measurement(sides, (ratio("train", "ours", "peer", 3),))  # noqa: E731
    return measure("P.0", build, None, len(outcomes) // len(sides), lambda _: None)  # type: ignore[arg-type]


def test_a_ratio_is_the_median_of_the_rounds_with_its_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [1.0, 4.0, 2.0, 5.0, 1.0, 3.0]
    result = measured(SIDES, [outcome(value) for value in seconds], monkeypatch)
    line = table([result]).splitlines()[2]
    assert [cell.strip() for cell in line.strip("| ").split("|")] == [
        "P.0", "train", ">= 3x", "3x", "2.5x .. 4x", "1 s", "4 s", "reached",
    ]  # fmt: skip
    (row,) = of_result(result)["rows"]
    assert row["values"] == [4.0, 2.5, 3.0]


def test_outputs_that_differ_are_an_error_and_no_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = [outcome(1.0), outcome(2.0), outcome(1.0), outcome(2.0, "other")]
    result = measured(SIDES, outcomes, monkeypatch)
    assert "merges: peer gives" in result.error
    assert "; repair the wrong side" in result.error
    assert "P.0: error: merges: peer gives" in table([result])
    assert "2x" not in table([result])
    assert of_result(result)["rows"] == []


def test_outputs_are_compared_under_their_label_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = (SIDES[0], Side("peer", "train_peer", output="other ties"))
    assert not measured(sides, [outcome(1.0), outcome(2.0, "other")], monkeypatch).error


def test_a_witness_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    witness = Side("witness", "train_peer", output="merges", witness=True)
    ran: list[str] = []
    monkeypatch.setattr(runner, "run_side", lambda side: (ran.append(side.name), outcome(1.0))[1])
    build = lambda _: Measurement((*SIDES, witness), (ratio("train", "ours", "peer"),))  # noqa: E731
    result = measure("P.0", build, None, 3, lambda _: None)  # type: ignore[arg-type]
    assert ran == ["ours", "peer", "witness", "ours", "peer", "ours", "peer"]
    assert len(result.rounds()) == 3


def test_a_side_that_fails_is_one_line() -> None:
    with pytest.raises(runner.SideError, match=r"^ours: .*nowhere\.txt: No such file"):
        runner.run_side(Side("ours", "count_ours", {"path": "nowhere.txt", "workers": 1}))


@pytest.mark.parametrize(
    ("at_least", "value", "expected"),
    [
        (True, 3.0, "reached"),
        (True, 2.9, "short of the bar"),
        (False, 3.0, "reached"),
        (False, 3.1, "short of the bar"),
    ],
)
def test_a_bar_is_reached_from_its_side(at_least: bool, value: float, expected: str) -> None:
    assert verdict(Row("", lambda _: 0.0, ("", ""), 3.0, at_least), [value]) == expected


def test_a_slope_is_that_of_the_logarithms() -> None:
    row = slope("count", [10, 100, 1000], 1.05)
    assert row.value({f"count {n}": outcome(3 * n**1.5) for n in (10, 100, 1000)}) == pytest.approx(1.5)


def test_every_measurement_names_tasks_and_sides_that_there_are(
    inputs: PeerInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert list(MEASUREMENTS) == [f"P.{number}" for number in range(1, 14)]
    for build in MEASUREMENTS.values():
        measurement = build(inputs)
        names = [side.name for side in measurement.sides]
        assert len(names) == len(set(names))
        assert {side.task for side in measurement.sides} <= TASKS.keys()
        assert {name for row in measurement.rows for name in row.sides if name} <= set(names)
        figures = {name: outcome(1.0) | {"n_bytes": 1} for name in names}
        assert all(isinstance(row.value(figures), float) for row in measurement.rows)


def test_every_task_is_one_of_the_module_that_the_table_names() -> None:
    assert all(isinstance(load(name), Task) for name in TASKS)


def test_a_task_imports_nothing_that_its_side_would_not_pay_for() -> None:
    code = "import sys; from bench.peers.tasks import load; load('train_peer'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"numpy", "regex", "numba", "impls", "data", "bench.inputs", "bench.peers.tasks.encoding"} & loaded


def test_the_vocabulary_is_trained_or_given(inputs: PeerInputs, tmp_path: Path) -> None:
    trained = inputs.definition
    assert (len(trained.vocab), trained.pattern, list(trained.special_tokens)) == (400, "gpt2", ["<|endoftext|>"])
    assert {path.name for path in inputs.saved.iterdir()} >= {"vocab.json", "merges.txt", "tokenizer.json"}
    files = (inputs.saved / "vocab.json", inputs.saved / "merges.txt")
    given = PeerInputs(inputs.corpus, 1_000, 9_999, 2_000_000, tmp_path, files)
    assert given.definition == trained
    named = {row["name"]: row["sha256"] for row in content([], given, [])["vocabulary_files"]}
    assert named == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_texts_are_parts_or_repetitions(inputs: PeerInputs) -> None:
    whole = inputs.path.read_bytes()
    assert inputs.part(1_000).read_bytes() == whole[:1_000]
    assert inputs.part(450_000).read_bytes() == whole * 3
    assert inputs.repeated(200_000).read_bytes() == whole
    generated = PeerInputs("stories", 30_000, 400, 2_000_000, inputs.folder)
    assert generated.path.read_bytes() == get("stories", 30_000).read_bytes()
    assert generated.part(60_000).read_bytes() == get("stories", 60_000).read_bytes()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", "peers", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_side_does_the_same_work_and_a_record_keeps_it(inputs: PeerInputs, tmp_path: Path) -> None:
    only = [name for name in MEASUREMENTS if name not in ("P.9", "P.11")]  # A compilation; two cores.
    done = run(
        "--corpus", inputs.corpus, "--rounds", 1, "--large-bytes", "2e6", "--vocab-size", 400,
        "--only", ",".join(only), "--records", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("| P.")} == set(only)
    (path,) = tmp_path.glob("0001_*.json")
    assert done.stdout.splitlines()[-1] == str(path)
    record = read(path, "peers")
    assert record["corpus"]["bytes"] == 200_000
    assert record["versions"]["gigatoken"] != "not installed"
    assert record["corpus"]["name"] == "file:corpus.txt"
    assert not re.search(r'"[^"]*(/tmp|/peers-|/first-)', path.read_text())
    for measurement in record["measurements"]:
        assert not measurement["error"]
        assert all(len(side["samples"]) == 1 for side in measurement["sides"])
        assert all(len(row["values"]) == 1 for row in measurement["rows"])
    assert not list(cache_folder().glob("peers-*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_text_and_no_process(number: signal.Signals, tmp_path: Path) -> None:
    words = ["--corpus", "stories", "--bytes", "30e6", "--rounds", "99", "--only", "P.1", "--records", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "peers", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "MERGELAB_DATA": str(tmp_path / "data")},
    )  # fmt: skip
    assert process.stderr
    line = ""
    while "round 1" not in line:
        line = process.stderr.readline()
        assert line
    while not (started := children(process.pid)):
        assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors == "python -m bench: error: interrupted; there is no record\n"
    assert not list((tmp_path / "data").iterdir())
    assert all(map(has_ended, started))
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "P.99"], "no measurement 'P.99'"),
        (["--corpus", "file:nowhere.txt"], "nowhere.txt"),
        (["--corpus", "nothing"], "no such corpus"),
        (["--rounds", "0"], "--rounds: 0 is too small"),
        (["--large-bytes", "5"], "--large-bytes: 5 is too small"),
        (["--vocab", "vocab.json"], "only one of the two is given; give both, or neither"),
        (["--rounds", "many"], "invalid int value"),
    ],
)
def test_bad_usage_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["peers", *arguments])
    except SystemExit as stop:
        status = int(str(stop.code))
    errors = capsys.readouterr().err
    assert status == 2
    assert errors.count("\n") == 1
    assert message in errors

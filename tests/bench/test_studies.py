"""Studies verify before they time, foresee what takes too long, and leave a record that carries its proof."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bench.__main__ import main
from bench.code import code_digests
from bench.inputs import inputs
from bench.memory import Sampler, children
from bench.record import read
from bench.studies import STUDIES, chains, fresh, load, texts
from bench.studies.stage_points import stage_point
from bench.studies.study import SCALES, Measured, Outlook, Point, Scale, Study, run_study, timed
from bench.studies.tokenizer_faults import correctness_faults, tokenizer_faults
from bench.studies.trainer_faults import trainer_faults
from impls import registry
from impls.contract import Merges
from impls.registry import STAGES, Impl, find, implementations
from tests.support import ROOT

TINY = Scale("tiny", 10_000, 10.0, 0.0, min_rounds=2)


def run_points(*points: Point, unit: str = "s", grows: bool = False) -> dict[str, Any]:
    study = Study("Made up", "Why?", "x", "bytes", unit, lambda *_: points, grows)
    with TemporaryDirectory() as folder:
        return run_study("made_up", study, Path(folder) / "made_up", TINY, quiet)


def quiet(_: str) -> None:
    pass


def returning(value: str) -> Callable[..., Measured]:
    return timed(lambda: lambda: value, str, loads=False)


def test_a_wrong_output_is_an_error_and_never_a_time() -> None:
    points = [Point("right", 1, "g", returning("a")), Point("wrong", 1, "g", returning("b"))]
    result = run_points(*points)
    assert [point["series"] for point in result["points"]] == ["right"]
    assert [error["series"] for error in result["errors"]] == ["wrong"]
    assert "but the output of right has" in result["errors"][0]["error"]


def test_a_wrong_trainer_is_caught_by_the_real_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impls.train.weighted.train", lambda *_, **__: Merges.from_pairs([(1, 2)]))
    rows = [find("train", name) for name in ("naive", "weighted", "incremental")]
    points = [stage_point(row, inputs("stories", 3_000, 300), 3_000) for row in rows]
    result = run_points(*points)
    assert [point["series"] for point in result["points"]] == ["train/naive", "train/incremental"]
    assert result["errors"][0]["series"] == "train/weighted"


def test_an_implementation_that_crashes_does_not_stop_the_others() -> None:
    def crash(*_: object) -> Measured:
        raise RuntimeError("over\nand out")

    result = run_points(Point("bad", 1, "", crash), Point("good", 1, "", returning("a")))
    assert result["errors"] == [{"series": "bad", "x": 1, "error": "RuntimeError: over and out"}]
    assert len(result["points"]) == 1


def test_what_would_take_too_long_is_left_out_with_the_reason() -> None:
    def taking(seconds: float) -> Callable[..., Measured]:
        return lambda *_: Measured([seconds])

    points = [Point("slow", n, "", taking(n * n / 1e4)) for n in (10, 100, 1000)]
    result = run_points(*points, grows=True)
    assert [point["x"] for point in result["points"]] == [10, 100]
    assert "about 100 s per call to expect, after 1 s at 100" in result["left_out"][0]["reason"]


def test_growth_is_foreseen_as_steep_as_seen() -> None:
    outlook = Outlook(1.0)
    assert not outlook.reason_against("s", 1e9)
    outlook.add("s", 1, 0.001)
    assert not outlook.reason_against("s", 999)
    assert outlook.reason_against("s", 1001)
    outlook.add("s", 10, 0.1)
    assert outlook.reason_against("s", 50)
    assert not outlook.reason_against("other", 50)


def test_every_study_has_points_of_known_stages(tmp_path: Path) -> None:
    known = {f"{stage}/{row.name}" for stage in STAGES for row in implementations(stage)}
    for name in ("size", "vocabulary", "duplication", "workers", "pretoken_length", "script", "calls"):
        points = list(load(name).points(tmp_path, SCALES["quick"]))
        assert {point.series for point in points} <= known
        assert len({(point.series, point.x) for point in points}) == len(points)


def test_every_study_is_a_file_and_a_name(tmp_path: Path) -> None:
    with_study = {path.stem for path in (ROOT / "bench" / "studies").glob("*.py") if "\nSTUDY = " in path.read_text()}
    assert with_study == set(STUDIES)
    for name in STUDIES:
        study = load(name)
        assert study.title
        assert study.question.endswith("?")
        assert study.unit in ("s", "bytes", "bytes per token")
        point = next(iter(study.points(tmp_path, SCALES["quick"])))
        assert isinstance(point.x, str) == (study.x_unit == ""), name


def test_chains_follow_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [chain.name for chain in chains.chains()] == ["naive", "incremental", "jit"]
    for chain in chains.chains():
        assert chain.counter.name == chain.trainer.counter
        assert chain.encoder.compiled == chain.trainer.compiled
    new = Impl("train", "newer", "impls.train.jit:train", "made up", kernel="made:up", counter="finditer")
    monkeypatch.setattr(registry, "_ROWS", (*registry._ROWS, new))
    assert [(chain.name, chain.counter.name) for chain in chains.chains()][-1] == ("newer", "finditer")


def test_texts_vary_one_property(tmp_path: Path) -> None:
    once, four = (Path(texts.repeated(tmp_path, 8_000, times).removeprefix("file:")) for times in (1, 4))
    assert four.read_bytes() == four.read_bytes()[:2_000] * 4
    assert abs(once.stat().st_size - four.stat().st_size) < 20
    words = Path(texts.words(tmp_path, 1_000, 16).removeprefix("file:")).read_text().split(" ")
    assert {len(word) for word in words} == {16}
    for script, letters in texts.SCRIPTS.items():
        assert len(set(letters)) == 52
        assert all(letter.isalpha() for letter in letters)
        assert {len(letter.encode()) for letter in letters} == {int(script.split(", ")[1][0])}
        text = Path(texts.in_script(tmp_path, 2_000, script).removeprefix("file:")).read_text("utf-8")
        assert len(text) == 2_000
        assert "<|endoftext|>" in text


@pytest.mark.slow
def test_a_run_leaves_a_record_with_its_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.studies.chains.SMALL", 2_000)
    monkeypatch.setattr("bench.studies.chains.LARGE", 20_000)
    words = ["studies", "--only", "stages,merges", "--records", str(tmp_path)]
    assert main(words) == 0
    (path,) = tmp_path.iterdir()
    assert str(path) in capsys.readouterr().out
    content = read(path, "studies")
    assert content["code"] == code_digests()
    assert content["arguments"] == [*words[:-1], tmp_path.name]
    assert list(content["studies"]) == ["stages", "merges"]
    about = {"title", "question", "x", "x_unit", "unit", "points", "left_out", "errors", "took_seconds"}
    assert all(set(study) == about for study in content["studies"].values())
    for point in content["studies"]["stages"]["points"]:
        assert len(point["samples"]) >= 3
        assert point["facts"].keys() >= {"bytes", "workers", "output_sha256"}
    naive = [p for p in content["studies"]["merges"]["points"] if p["series"].startswith("train/naive")]
    assert 0.5 < sum(naive[0]["samples"]) / naive[0]["facts"]["total_seconds"] <= 1


def test_bad_usage_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studies", "--only", "everything", "--records", str(tmp_path)]) == 2
    assert "there is no study 'everything'; choose some of size" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_every_fault_is_one_and_has_its_test() -> None:
    for fault in (*tokenizer_faults(), *trainer_faults()):
        path, _, name = fault.test.partition("::")
        source = (ROOT / path).read_text()
        assert f"def {name}(" in source, fault.test
        if fault.kind in ("correctness", "trainer"):
            assert fault.faulty() != fault.here(), fault.name


def test_faults_of_trainers_cost_what_is_said() -> None:
    told = {fault.name.split(":")[-1].strip(): (fault.faulty(), fault.here()) for fault in trainer_faults()}
    wrong, right = told["wrong tokens learned"]
    assert (wrong.split(" of ")[1], right) == ("63", "0 of 63")
    assert 0 < int(wrong.split(" of ")[0]) < 63 // 2 + 2
    wrong, right = (text.split(", uninterrupted ") for text in told["perplexity"])
    assert right[0] == right[1] == wrong[1]
    assert float(wrong[0]) > float(right[0])
    shown, drawn = zip(
        *(text.removeprefix("shown ").split(", drawn ") for text in told["the likeliest token after ` the`"]),
        strict=True,
    )
    assert drawn[0] == drawn[1]
    assert float(shown[1]) == pytest.approx(float(drawn[1]), abs=0.02)
    assert abs(float(shown[0]) - float(drawn[0])) > 0.05
    # What is above 127 is part of a character.
    assert told["tokens with wrong bytes"] == ("128 of 320", "0 of 320")
    wrong, right = (text.split(" of ") for text in told["masked targets"])
    assert wrong == ["0", right[1]]
    assert right[0] == right[1] != "0"
    assert told["tokens counted"] == ("1,280 of 5,120", "5,120 of 5,120")
    (ids,) = (fault for fault in correctness_faults() if fault.name.endswith("ids stored wrong"))
    wrong, right = (text.split(" of ") for text in (ids.faulty(), ids.here()))
    assert right == ["0", "10,000"]
    assert 5_000 < int(wrong[0].replace(",", "")) < 10_000


def test_memory_is_sampled_with_children() -> None:
    code = "x = b'x' * 50_000_000; input()"
    with Sampler(interval=0.005) as sampler:
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
        assert process.pid in children(sampler.process)
        while max(below for *_, below in sampler.samples) < 50_000_000:
            assert process.poll() is None
        process.communicate(b"\n")
    assert sampler.peak >= 50_000_000
    assert sampler.samples[0][2] < 50_000_000


def test_a_job_that_fails_is_an_error_of_its_point() -> None:
    job: dict[str, Any] = {"job": "count", "path": "missing.txt", "impl": "finditer", "workers": 1}
    result = run_points(Point("s", "x", "", partial(fresh.measure_peak, job)), unit="bytes")
    assert result["errors"][0]["error"].startswith("OutputError: count in a process of its own: missing.txt: No such")

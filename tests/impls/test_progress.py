"""Progress: numbers that fit together, a bar on a terminal, lines elsewhere, silence on request."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from impls import progress as module
from impls.__main__ import main
from impls.inputs import block
from impls.pipeline import train
from impls.progress import Meter, Progress, Shown
from tests.support.sources import SEPARATOR, write

DOCUMENTS = ["the cat that ate the hat"] * 40 + [f"number {number}" for number in range(200)]


@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".parquet", ".txt"])
def test_counting_and_training_tell_how_far_they_are(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "BLOCK_BYTES", 300)
    path = write(tmp_path, f"a{kind}", DOCUMENTS)
    told: list[Progress] = []
    trained = train(path, 300, [SEPARATOR], on_progress=told.append)
    assert train(path, 300, [SEPARATOR]) == trained
    stages = [[each for each in told if each.stage == stage] for stage in ("count", "train")]
    assert told == [each for stage in stages for each in stage]
    for stage, total in zip(stages, (path.stat().st_size, 300 - 257), strict=True):
        assert [each.done for each in stage] == sorted(each.done for each in stage)
        assert [each.seconds for each in stage] == sorted(each.seconds for each in stage)
        assert {each.total for each in stage} == {total}
        assert stage[-1].done == total
        assert [each.is_last for each in stage] == [False] * (len(stage) - 1) + [True]


def test_rate_and_time_left_fit_together() -> None:
    state = Progress("count", 30_000_000, 120_000_000, "bytes", 2.0)
    assert state.rate == 15_000_000
    assert state.seconds_left == 6.0
    assert str(state) == "count: 30.0 of 120.0 MB (25%), 15.0 MB/s, 0:06 left"
    unknown = Progress("count", 30_000_000, None, "bytes", 2.0)
    assert unknown.seconds_left is None
    assert str(unknown) == "count: 30.0 MB, 15.0 MB/s"
    assert str(Progress("train", 0, 300, "merges", 0.0)) == "train: 0 of 300 merges (0%), 0.0 merges/s"
    assert str(Progress("train", 1, 7201, "merges", 1.0)).endswith("2:00:00 left")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    return now


def show(stream: io.StringIO, clock: list[float], seconds: float) -> str:
    shown = Shown(stream)
    with Meter(shown, "count", 1000, "merges") as meter:
        for done in range(0, 1001, 50):
            clock[0] += seconds
            meter.add(50 if done else 0)
    return stream.getvalue()


def test_a_pipe_gets_a_line_every_few_seconds(clock: list[float]) -> None:
    text = show(io.StringIO(), clock, 1.0)
    assert text.splitlines() == [
        "count: 200 of 1000 merges (20%), 40.0 merges/s, 0:20 left",
        "count: 450 of 1000 merges (45%), 45.0 merges/s, 0:12 left",
        "count: 700 of 1000 merges (70%), 46.7 merges/s, 0:06 left",
        "count: 950 of 1000 merges (95%), 47.5 merges/s, 0:01 left",
    ]


def test_a_terminal_gets_a_bar_that_goes_away(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = show(Terminal(), clock, 1.0)
    assert "\n" not in text
    frames = text.split("\r\033[K")
    assert frames[1] == "[....................] count: 0 of 1000 merges (0%), 0.0 merges/s"
    assert frames[-2] == "[###################.] count: 950 of 1000 merges (95%), 47.5 merges/s, 0:01 left"
    assert frames[-1] == ""


def test_a_bar_never_wraps(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert max(map(len, show(Terminal(), clock, 1.0).split("\r\033[K"))) == 29


def test_a_bar_goes_away_after_an_error(clock: list[float]) -> None:
    stream = Terminal()

    def fail() -> None:
        with Meter(Shown(stream), "count", None, "bytes") as meter:
            clock[0] += 9
            meter.tell(5)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert stream.getvalue().endswith("MB/s\r\033[K")


def test_quiet_commands_print_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(block, "BLOCK_BYTES", 300)
    write(tmp_path, "a.jsonl", DOCUMENTS)
    steps = [
        ["train", "a.jsonl", "--vocab-size", "300", "--out", "tok"],
        ["encode", "tok", "a.jsonl", "--out", "a.bin"],
        ["count", "a.jsonl", "--out", "a.parquet"],
    ]
    for step in steps:
        assert main([*step, "--quiet", *(["--force"] if step[0] != "count" else [])]) == 0
        assert capsys.readouterr() == ("", "")
    Path("a.parquet").unlink()
    for step in steps:
        assert main([*step, *(["--force"] if step[0] != "count" else [])]) == 0
        shown = capsys.readouterr()
        assert shown.out.count("\n") == (2 if step[0] == "encode" else 1)
        assert shown.err.splitlines()[0].startswith("count:" if step[0] != "encode" else "encode:")
        assert "left" in shown.err

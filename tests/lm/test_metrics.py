"""Metrics beyond the files of the run folder: trackers, and a disk that is full."""

import sys
from pathlib import Path
from typing import Any

import pytest

from impls import MergelabError
from lm.metrics import MetricsLog, read_metrics
from lm.train import train
from tests.support.lm_runs import files_of_at_most, tiny_config


def test_a_full_disk_while_logging_is_one_line(home: Path) -> None:
    (home / "full").mkdir()
    log = MetricsLog(home / "full", 0)
    message = r"metrics\.jsonl: File too large; make room and resume"
    with files_of_at_most(1_000), pytest.raises(MergelabError, match=message):
        any(log.add({"step": step}) for step in range(10))


def test_trackers_are_optional_and_get_every_row(home: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(MergelabError, match="trackio is not installed"):
        MetricsLog(home, 0, "trackio")
    calls: list[tuple[str, Any]] = []

    class Stub:
        init = staticmethod(lambda **options: calls.append(("init", options)))
        log = staticmethod(lambda row, step: calls.append(("log", (row, step))))
        finish = staticmethod(lambda: calls.append(("finish", None)))

    monkeypatch.setitem(sys.modules, "trackio", Stub)
    train(tiny_config(home, training={"tracker": "trackio", "max_steps": 3}), home / "tracked")
    assert [name for name, _ in calls] == ["init", "log", "log", "log", "finish"]
    assert calls[2][1][1] == 2
    assert calls[2][1][0]["train_loss"] == read_metrics(home / "tracked")[1]["train_loss"]


@pytest.mark.slow
def test_tensorboard_can_be_read_afterwards(home: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tiny_config(home, training={"tracker": "tensorboard", "max_steps": 3}), home / "board")
    board = events.EventAccumulator(str(home / "board" / "tensorboard"))
    board.Reload()
    expected = [row["train_loss"] for row in read_metrics(home / "board")]
    assert [scalar.value for scalar in board.Scalars("train_loss")] == pytest.approx(expected)

"""Metrics beyond the files of the run folder: trackers, and a disk that is full."""

import sys
from pathlib import Path
from typing import Any

import pytest

from impls import MergelabError
from lm.metrics import MetricsLog, plot_losses, read_metrics
from lm.train import train
from tests.support.lm_runs import files_of_at_most, tiny_config


def test_a_full_disk_while_logging_is_one_line(home: Path) -> None:
    (home / "full").mkdir()
    log = MetricsLog(home / "full", 0)
    message = r"metrics\.jsonl: File too large; make room and resume"
    with files_of_at_most(1_000), pytest.raises(MergelabError, match=message):
        any(log.add({"step": step}) for step in range(10))


@pytest.mark.parametrize("damaged", ["{", "5", "[" * 100_000, "{}", '{"step": "2"}', "\0"])
def test_a_damaged_row_costs_no_row_after_it(damaged: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{{"step": 2}}\n{damaged}')
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]
    path.write_text(f'{{"step": 1}}\n{damaged}\n{{"step": 3}}\n')
    with pytest.raises(MergelabError, match=r"metrics\.jsonl: line 2: is not a row of metrics"):
        MetricsLog(tmp_path, 3)
    assert path.read_text() == f'{{"step": 1}}\n{damaged}\n{{"step": 3}}\n'


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


def test_the_same_rows_give_the_same_drawing(tmp_path: Path) -> None:
    rows = [{"step": step, "train_loss": 5.0 - step, "val_bits_per_byte": 1.0} for step in range(3)]
    for name in ("a.svg", "b.svg"):
        plot_losses(rows, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()

"""Interrupted, killed or out of disk: a run goes on from its last checkpoint and ends with the same bits."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from impls import MergelabError
from impls.interrupts import noted
from lm import train as loop
from lm.checkpoint import read_checkpoint
from lm.config import RunConfig
from lm.config_files import save_run
from lm.metrics import read_metrics
from lm.train import train
from tests.support.lm_runs import (
    ENVIRONMENT,
    assert_same,
    files_of_at_most,
    tiny_config,
    weights,
    without_times,
    write_sealed,
)


@pytest.mark.parametrize("stop", [1, 4, 5])
def test_a_resumed_run_ends_with_the_same_bits(stop: int, home: Path, finished: Path, monkeypatch) -> None:
    folder = home / f"stopped-{stop}"
    step = loop.optimizer_step
    taken = 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == stop:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)

    monkeypatch.setattr(loop, "optimizer_step", interrupted)
    assert train(tiny_config(home), folder) == signal.SIGTERM
    assert read_checkpoint(folder / "checkpoints" / "last.pt")["step"] == stop
    assert train(tiny_config(home), folder, resume=True) == 0
    assert taken == 8
    assert_same(weights(folder), weights(finished))
    assert without_times(read_metrics(folder)) == without_times(read_metrics(finished))


def test_seconds_go_on_after_a_resume(home: Path) -> None:
    folder = home / "clock"
    train(tiny_config(home, training={"max_steps": 4}), folder)
    rows = read_metrics(folder)
    with (folder / "metrics.jsonl").open("w") as file:
        file.writelines(json.dumps(row | {"seconds": row["seconds"] + 1000}) + "\n" for row in rows)
    train(tiny_config(home, training={"max_steps": 6}), folder, resume=True)
    assert all(row["seconds"] > 1000 for row in read_metrics(folder))
    assert read_metrics(folder)[-1]["seconds"] > rows[-1]["seconds"] + 1000


@pytest.mark.parametrize(("keep", "left"), [(1, [8]), (3, [4, 6, 8]), (None, [2, 4, 6, 8])])
def test_only_the_newest_numbered_checkpoints_are_kept(keep: int | None, left: list[int], home: Path) -> None:
    folder = home / f"keep-{keep}"
    train(tiny_config(home, training={"keep": keep, "max_steps": 5}), folder)
    (folder / "checkpoints" / "step-mine.pt").write_bytes(b"not ours")
    train(tiny_config(home, training={"keep": keep}), folder, resume=True)
    found = {path.name for path in (folder / "checkpoints").iterdir()}
    assert found == {"last.pt", "step-mine.pt", *(f"step-{step:06d}.pt" for step in left)}


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with noted() as caught:
        assert caught == []
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lm", "train", *more]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def kill_and_resume(config: RunConfig, folder: Path, kills: int, seed: int) -> None:
    """Kill the command again and again, at random moments of its loop, then let it finish."""
    generator = random.Random(seed)
    config_file = folder.parent / f"{folder.name}.yaml"
    save_run(config, config_file)
    killed = 0
    while True:
        begun = (folder / "checkpoints" / "last.pt").exists()
        arguments = ("--resume", str(folder)) if begun else ("--config", str(config_file), "--out", str(folder))
        process = start(folder.parent, *arguments)
        if killed < kills:
            for line in process.stderr:
                if line.startswith("step"):
                    break
            time.sleep(generator.uniform(0, 0.4))
            process.kill()
            killed += 1
        _, complaint = process.communicate(timeout=120)
        if process.returncode == 0:
            return
        assert process.returncode == -signal.SIGKILL, complaint


KILLS = int(os.environ.get("MERGELAB_KILLS", 2))
"""Every kill costs the start of a process; MERGELAB_KILLS=20 is the long version."""


LONG = {"max_steps": 60, "checkpoint_interval": 3, "eval_interval": 20, "sample_interval": None}


@pytest.mark.slow
def test_killed_runs_end_with_the_same_bits(home: Path) -> None:
    config = tiny_config(home, training=LONG)
    whole = home / "long"
    config_file = home / "long.yaml"
    save_run(config, config_file)
    assert start(home, "--config", str(config_file), "--out", str(whole)).wait(120) == 0
    kill_and_resume(config, home / "killed", KILLS, seed=0)
    assert_same(weights(home / "killed"), weights(whole))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(number: int, home: Path) -> None:
    config_file = home / "signal.yaml"
    save_run(tiny_config(home, training={**LONG, "max_steps": 100_000}), config_file)
    folder = home / f"signal-{number}"
    process = start(home, "--config", str(config_file), "--out", str(folder))
    for line in process.stderr:
        if line.startswith("step 5/"):
            break
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said.splitlines()[-1].endswith(f"python -m lm train --resume {folder}")
    assert "Traceback" not in said
    state = read_checkpoint(folder / "checkpoints" / "last.pt")
    assert state["step"] == read_metrics(folder)[-1]["step"]


def test_a_finished_run_can_be_resumed_and_has_nothing_to_do(home: Path, finished: Path) -> None:
    before = read_metrics(finished)
    assert train(tiny_config(home), finished, resume=True) == 0
    assert read_metrics(finished) == before


def test_a_run_goes_on_where_the_disk_was_full(home: Path, finished: Path, monkeypatch) -> None:
    """The disk is full from the fifth step on: the checkpoint of the fourth is whole, and leads to the same end."""
    folder, step, taken = home / "filled", loop.optimizer_step, []
    size = (finished / "checkpoints" / "last.pt").stat().st_size

    def filling(*arguments: Any) -> Any:
        taken.append(1)
        if len(taken) == 5:
            disk.enter_context(files_of_at_most(size // 2))
        return step(*arguments)

    monkeypatch.setattr(loop, "optimizer_step", filling)
    with ExitStack() as disk, pytest.raises(MergelabError, match=r"last\.pt: File too large; nothing was written"):
        train(tiny_config(home), folder)
    assert len(taken) == 6
    names = {path.name for path in (folder / "checkpoints").iterdir()}
    assert names == {"last.pt", "step-000002.pt", "step-000004.pt"}
    assert train(tiny_config(home), folder, resume=True) == 0
    assert len(taken) == 6 + 4
    assert_same(weights(folder), weights(finished))
    assert without_times(read_metrics(folder)) == without_times(read_metrics(finished))


def test_a_damaged_last_checkpoint_gives_way_to_an_earlier_one(home: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    last, earlier = (folder / "checkpoints" / name for name in ("last.pt", "step-000004.pt"))
    last.unlink()  # Linked to the one of the last step.
    last.write_bytes(earlier.read_bytes()[:-1000])
    before = read_metrics(folder)
    with pytest.raises(MergelabError, match=r"last\.pt: is truncated, changed or not a checkpoint; give an earlier"):
        train(tiny_config(home), folder, resume=True)
    assert read_metrics(folder) == before
    last.unlink()
    shutil.copy(earlier, last)
    assert train(tiny_config(home), folder, resume=True) == 0
    assert_same(weights(folder), weights(finished))
    assert without_times(read_metrics(folder)) == without_times(before)


def test_data_of_another_tokenizer_are_not_trained_on(home: Path, finished: Path) -> None:
    path = finished / "checkpoints" / "last.pt"
    state = read_checkpoint(path)
    folder = home / "foreign"
    (folder / "checkpoints").mkdir(parents=True)
    write_sealed(folder / "checkpoints" / "last.pt", {**state, "tokenizer": "0" * 64})
    with pytest.raises(MergelabError, match="was trained with another tokenizer"):
        train(tiny_config(home), folder, resume=True)


@pytest.mark.parametrize(("before", "after"), [("reference", "fused"), ("fused", "reference")])
def test_operations_may_change_on_the_way(before: str, after: str, home: Path) -> None:
    folder, still = home / f"{before}-{after}", {"residual_dropout": 0.0}
    train(tiny_config(home, model=still, training={"ops": before}), folder)
    losses = [row["train_loss"] for row in read_metrics(folder)]
    shutil.copy(folder / "checkpoints" / "step-000004.pt", folder / "checkpoints" / "last.pt")
    assert train(tiny_config(home, model=still, training={"ops": after}), folder, resume=True) == 0
    assert [row["train_loss"] for row in read_metrics(folder)] == pytest.approx(losses, rel=1e-5)

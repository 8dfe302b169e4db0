"""The loop: what it writes, that it resumes bit for bit, stops cleanly, and learns as one written with torch.nn."""

import csv
import errno
import json
import math
import os
import pickle
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from impls import MergelabError
from lm import train as loop
from lm.batches import TrainBatches, open_data
from lm.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from lm.config import RunConfig, load_run
from lm.metrics import COLUMNS, MetricsLog, read_metrics
from lm.model import build
from lm.processes import Processes
from lm.shards import tokenize
from lm.train import DivergedError, build_optimizer, learning_rate, optimizer_step, train
from tests.lm.witness import witness_loss
from tests.support import ROOT
from tests.support.lm_runs import tiny_config

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ids of the tiny config."""
    folder = tmp_path_factory.mktemp("home")
    tokenize(tiny_config(folder), lambda _: None)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(folder / "checkpoints" / "last.pt")["model"]


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "tokens_per_second")} for row in rows]


@pytest.fixture(scope="module")
def finished(home: Path) -> Path:
    """An uninterrupted run."""
    assert train(tiny_config(home), home / "whole") == 0
    return home / "whole"


def test_a_run_folder_tells_all(finished: Path, home: Path) -> None:
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    steps = {f"checkpoints/step-{step:06d}.pt" for step in (2, 4, 6, 8)}
    samples = {f"samples/step-{step:06d}.txt" for step in (4, 8)}
    written = {"config.yaml", "run.json", "metrics.jsonl", "metrics.csv", "loss.svg", "checkpoints/last.pt"}
    assert files == steps | samples | written
    assert load_run(finished / "config.yaml") == tiny_config(home)
    facts = json.loads((finished / "run.json").read_bytes())
    assert facts["torch"] == torch.__version__
    assert set(facts["git"]) == {"commit", "dirty"}
    assert facts["parameters"] == sum(p.numel() for p in build(tiny_config(home).model).parameters())
    assert (finished / "samples" / "step-000008.txt").read_text().startswith("Once upon a time")


def test_metrics_are_complete_in_both_forms(finished: Path) -> None:
    rows = read_metrics(finished)
    assert [row["step"] for row in rows] == list(range(1, 9))
    assert [row["tokens"] for row in rows] == [4 * 32 * step for step in range(1, 9)]
    for row in rows:
        assert tuple(row) == COLUMNS
        assert row["train_perplexity"] == pytest.approx(math.exp(row["train_loss"]))
        assert row["tokens_per_second"] > 0
        assert row["gradient_norm"] > 0
        assert row["gpu_memory_bytes"] is None
        assert (row["val_loss"] is not None) == (row["step"] % 4 == 0)
    assert rows[-1]["val_perplexity"] == pytest.approx(math.exp(rows[-1]["val_loss"]))
    with (finished / "metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["train_loss"] for row in table] == [str(row["train_loss"]) for row in rows]
    assert "<svg" in (finished / "loss.svg").read_text()


def test_tokens_count_accumulation(home: Path) -> None:
    config = tiny_config(home, training={"accumulation": 3, "max_steps": 2})
    train(config, home / "accumulated")
    assert read_metrics(home / "accumulated")[-1]["tokens"] == 4 * 32 * 3 * 2


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


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with loop._signals() as caught:
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
    config_file.write_text(config.dump())
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
    config_file.write_text(config.dump())
    assert start(home, "--config", str(config_file), "--out", str(whole)).wait(120) == 0
    kill_and_resume(config, home / "killed", KILLS, seed=0)
    assert_same(weights(home / "killed"), weights(whole))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(number: int, home: Path) -> None:
    config_file = home / "signal.yaml"
    config_file.write_text(tiny_config(home, training={**LONG, "max_steps": 100_000}).dump())
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


@pytest.mark.slow
def test_two_processes_train_as_one(home: Path) -> None:
    changes = {"model": {"residual_dropout": 0.0}, "training": {"accumulation": 2, "max_steps": 6}}
    config = tiny_config(home, **changes)
    train(config, home / "one")
    config_file = home / "two.yaml"
    config_file.write_text(config.dump())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "lm"]
    done = subprocess.run(
        [*command, "train", "--config", str(config_file), "--out", str(home / "two")],
        cwd=home,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    one, two = read_metrics(home / "one"), read_metrics(home / "two")
    for column in ("train_loss", "val_loss", "gradient_norm"):
        values = [[row[column] for row in rows if row[column] is not None] for rows in (one, two)]
        assert values[0] == pytest.approx(values[1], rel=1e-4), column
    for name, value in weights(home / "one").items():
        torch.testing.assert_close(weights(home / "two")[name], value, rtol=1e-3, atol=1e-5)


def one_step(config: RunConfig, batches: list[tuple[torch.Tensor, torch.Tensor]]):
    torch.manual_seed(0)
    model = build(config.model, config.training.ops)
    optimizer = build_optimizer(model, config.training)
    device = torch.device("cpu")
    loss, norm = optimizer_step(model, optimizer, iter(batches), config.training, 1e-2, device)
    return float(loss), norm, model.state_dict()


def test_accumulated_is_one_large_batch(home: Path) -> None:
    still = {"residual_dropout": 0.0}
    batches = TrainBatches(open_data(tiny_config(home).data, 320).train, tiny_config(home).data, 0)
    parts = [batches[number] for number in range(3)]
    whole = tuple(torch.cat(halves) for halves in zip(*parts, strict=True))
    accumulated = one_step(tiny_config(home, model=still, training={"accumulation": 3}), parts)
    large = one_step(tiny_config(home, model=still), [whole])
    assert accumulated[:2] == pytest.approx(large[:2], rel=1e-4)
    for name in large[2]:
        torch.testing.assert_close(accumulated[2][name], large[2][name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"precision": "bf16"},
        {"ops": "reference"},
        {"optimizer": "sgd", "learning_rate": 1.0},
        {"schedule": "constant"},
    ],
)
def test_other_ways_to_train_learn_as_well(change: dict[str, Any], home: Path) -> None:
    name = next(iter(change.values()))
    train(tiny_config(home, training={"max_steps": 30, "learning_rate": 5e-3, **change}), home / name)
    losses = [row["train_loss"] for row in read_metrics(home / name)]
    assert losses[-1] < losses[0] - (0.1 if name == "sgd" else 0.5)


def test_bf16_keeps_weights_and_states_wide_and_is_close_to_fp32(home: Path) -> None:
    wide, narrow = tiny_config(home), tiny_config(home, training={"precision": "bf16"})
    train(narrow, home / "narrow")
    state = read_checkpoint(home / "narrow" / "checkpoints" / "last.pt")
    assert {value.dtype for value in state["model"].values()} == {torch.float32}
    train(wide, home / "wide")
    losses = [[row["train_loss"] for row in read_metrics(home / name)] for name in ("narrow", "wide")]
    assert losses[0] == pytest.approx(losses[1], rel=2e-2)
    assert losses[0] != losses[1]


def test_llama_trains_and_resumes(home: Path) -> None:
    llama = {"architecture": "llama3", "n_kv_heads": 1}
    config = tiny_config(home)
    values = config.model.model_dump(
        include={"vocab_size", "context_length", "d_model", "n_layers", "n_heads", "d_ff"}
    )
    config = config.model_copy(
        update={"model": type(load_run(ROOT / "lm/configs/code-llama3.yaml").model)(**values, **llama)}
    )
    train(config, home / "llama")
    assert read_metrics(home / "llama")[-1]["val_loss"] < 6


def test_the_schedule_is_the_configs(home: Path) -> None:
    training = tiny_config(home, training={"max_steps": 100, "warmup_ratio": 0.1}).training
    rates = [learning_rate(training, step) for step in range(100)]
    assert rates[0] == pytest.approx(training.learning_rate / 10)
    assert rates[9] == training.learning_rate == max(rates)
    assert rates[-1] == pytest.approx(training.min_learning_rate)


def test_hellaswag_is_scored_along_the_way_and_drawn(home: Path) -> None:
    items = home / "items.jsonl"
    item = {"activity_label": "Play", "ctx": "The dog", "endings": ["ran.", "sat.", "xyz.", "slept."], "label": "0"}
    items.write_text(json.dumps(item) + "\n")
    train(tiny_config(home, training={"hellaswag": str(items), "max_steps": 4}), home / "swag")
    assert read_metrics(home / "swag")[-1]["hellaswag"] in (0.0, 1.0)
    assert "HellaSwag" in (home / "swag" / "loss.svg").read_text()


# Failures.


def test_a_loss_that_is_no_number_stops_with_the_last_good_checkpoint(home: Path, monkeypatch) -> None:
    step, taken = loop.optimizer_step, []

    def broken(model: Any, *arguments: Any) -> Any:
        taken.append(1)
        if len(taken) == 6:
            with torch.no_grad():
                model.ln_final.weight.fill_(math.nan)
        return step(model, *arguments)

    monkeypatch.setattr(loop, "optimizer_step", broken)
    with pytest.raises(DivergedError, match=r"step 6: the loss is nan, .*last\.pt is from before") as error:
        train(tiny_config(home), home / "nan")
    assert error.value.exit_status == 1
    state = read_checkpoint(home / "nan" / "checkpoints" / "last.pt")
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in state["model"].values())


def test_a_gradient_that_is_no_number_is_not_saved(home: Path, monkeypatch) -> None:
    step = loop.optimizer_step
    monkeypatch.setattr(loop, "optimizer_step", lambda *arguments: (step(*arguments)[0], math.inf))
    with pytest.raises(DivergedError, match=r"step 1: the loss is \d.*, its gradient inf; no checkpoint was written"):
        train(tiny_config(home), home / "inf")
    assert not (home / "inf" / "checkpoints" / "last.pt").exists()


def test_a_finished_run_can_be_resumed_and_has_nothing_to_do(home: Path, finished: Path) -> None:
    before = read_metrics(finished)
    assert train(tiny_config(home), finished, resume=True) == 0
    assert read_metrics(finished) == before


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """What a full disk is to a writer: an error in the midst of a file."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_full_disk_loses_no_earlier_checkpoint(home: Path, finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes((finished / "checkpoints" / "last.pt").read_bytes())
    model = build(tiny_config(home).model)
    message = r"last\.pt: File too large; nothing was written"
    with files_of_at_most(10_000), pytest.raises(MergelabError, match=message):
        save_checkpoint(path, model, build_optimizer(model, tiny_config(home).training), 1)
    assert list(tmp_path.iterdir()) == [path]
    assert read_checkpoint(path)["step"] == 8


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


def test_a_checkpoint_is_kept_whole_without_links(home: Path, monkeypatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    train(tiny_config(home, training={"max_steps": 2}), home / "copied")
    last, kept = (home / "copied" / "checkpoints" / name for name in ("last.pt", "step-000002.pt"))
    assert last.read_bytes() == kept.read_bytes()
    assert last.stat().st_ino != kept.stat().st_ino
    assert len(list(last.parent.iterdir())) == 2


def test_a_damaged_last_checkpoint_gives_way_to_an_earlier_one(home: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    last, earlier = (folder / "checkpoints" / name for name in ("last.pt", "step-000004.pt"))
    last.unlink()  # Linked to the one of the last step.
    last.write_bytes(earlier.read_bytes()[:-1000])
    before = read_metrics(folder)
    with pytest.raises(MergelabError, match=r"last\.pt: is truncated .*; use an earlier one"):
        train(tiny_config(home), folder, resume=True)
    assert read_metrics(folder) == before
    last.unlink()
    shutil.copy(earlier, last)
    assert train(tiny_config(home), folder, resume=True) == 0
    assert_same(weights(folder), weights(finished))
    assert without_times(read_metrics(folder)) == without_times(before)


def test_a_full_disk_while_logging_is_one_line(home: Path) -> None:
    (home / "full").mkdir()
    log = MetricsLog(home / "full", 0)
    message = r"metrics\.jsonl: File too large; make room and resume"
    with files_of_at_most(1_000), pytest.raises(MergelabError, match=message):
        any(log.add({"step": step}) for step in range(10))


def test_a_run_is_not_overwritten(home: Path, finished: Path) -> None:
    with pytest.raises(MergelabError, match="holds a run already; go on with --resume"):
        train(tiny_config(home), finished)


def test_a_device_that_is_not_there_is_named() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    for device in ("cuda", "cuda:3"):
        with pytest.raises(MergelabError, match=r"training\.device: cuda:\d is not there; this machine has cpu"):
            Processes.join(device)


def test_more_processes_than_windows_are_refused(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(Processes, "join", classmethod(lambda cls, _: cls(0, 3, torch.device("cpu"))))
    with pytest.raises(MergelabError, match=r"data\.batch_size: 4 windows for 3 processes"):
        train(tiny_config(home), home / "three")


def test_a_context_longer_than_the_data_is_refused(home: Path) -> None:
    config = tiny_config(home, data={"block_size": 100_000}, model={"context_length": 100_000})
    with pytest.raises(MergelabError, match=r"data\.block_size: 100000 needs 100001 ids, there are \d+"):
        train(config, home / "short")


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch /tmp/mergelab-was-here",)


def test_a_damaged_or_foreign_checkpoint_is_refused(home: Path, finished: Path, tmp_path: Path) -> None:
    config = tiny_config(home)
    model = build(config.model)
    good = (finished / "checkpoints" / "last.pt").read_bytes()
    other = build(config.model.model_copy(update={"d_model": 16}))
    deeper = build(config.model.model_copy(update={"n_layers": 3}))
    cases = {
        "truncated": (good[: len(good) // 2], "truncated or not a checkpoint"),
        "its beginning": (good[:5000], "truncated or not a checkpoint"),
        "empty": (b"", "truncated or not a checkpoint"),
        "text": (b"hello", "truncated or not a checkpoint|holds code"),
        "code": (pickle.dumps({"model": Evil()}), "holds code"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(MergelabError, match=message) as error, warnings.catch_warnings(action="error"):
            load_checkpoint(path, model)
        assert "\n" not in str(error.value)
    torch.save({"model": Evil()}, tmp_path / "zip")
    with pytest.raises(MergelabError, match="holds code"):
        load_checkpoint(tmp_path / "zip", model)
    assert not Path("/tmp/mergelab-was-here").exists()
    torch.save({"weights": 1}, tmp_path / "other")
    with pytest.raises(MergelabError, match="is not a checkpoint of a training run"):
        load_checkpoint(tmp_path / "other", model)
    with pytest.raises(MergelabError, match="nowhere: No such file"):
        load_checkpoint(tmp_path / "nowhere", model)
    for foreign, message in {other: r"is \[320, 32\], not \[320, 16\]|is \[", deeper: r"it lacks layers\.2"}.items():
        with pytest.raises(MergelabError, match=f"is of another model: .*{message}"):
            load_checkpoint(finished / "checkpoints" / "last.pt", foreign)


def test_data_of_another_tokenizer_are_not_trained_on(home: Path, finished: Path) -> None:
    path = finished / "checkpoints" / "last.pt"
    state = read_checkpoint(path)
    folder = home / "foreign"
    (folder / "checkpoints").mkdir(parents=True)
    torch.save({**state, "tokenizer": "0" * 64}, folder / "checkpoints" / "last.pt")
    with pytest.raises(MergelabError, match="was trained with another tokenizer"):
        train(tiny_config(home), folder, resume=True)


@pytest.mark.parametrize(("before", "after"), [("adamw", "sgd"), ("sgd", "adamw")])
def test_one_optimizer_does_not_go_on_from_another(before: str, after: str, home: Path) -> None:
    config = tiny_config(home)
    model = build(config.model)
    optimizers = {
        name: build_optimizer(model, config.training.model_copy(update={"optimizer": name}))
        for name in (before, after)
    }
    save_checkpoint(home / f"{before}.pt", model, optimizers[before], 1)
    load_checkpoint(home / f"{before}.pt", model, optimizers[before])
    with pytest.raises(MergelabError, match=rf"{before}\.pt: the optimizer's state is of another optimizer"):
        load_checkpoint(home / f"{before}.pt", model, optimizers[after])


@pytest.mark.parametrize(("before", "after"), [("reference", "fused"), ("fused", "reference")])
def test_operations_may_change_on_the_way(before: str, after: str, home: Path) -> None:
    folder, still = home / f"{before}-{after}", {"residual_dropout": 0.0}
    train(tiny_config(home, model=still, training={"ops": before}), folder)
    losses = [row["train_loss"] for row in read_metrics(folder)]
    shutil.copy(folder / "checkpoints" / "step-000004.pt", folder / "checkpoints" / "last.pt")
    assert train(tiny_config(home, model=still, training={"ops": after}), folder, resume=True) == 0
    assert [row["train_loss"] for row in read_metrics(folder)] == pytest.approx(losses, rel=1e-5)


def test_compiling_is_optional(home: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no compiler\nhere")

    monkeypatch.setattr(torch, "compile", fail)
    train(tiny_config(home, training={"compile": True, "max_steps": 2}), home / "eager")
    assert "torch.compile failed, going on without it: no compiler\n" in capsys.readouterr().err
    train(tiny_config(home, training={"max_steps": 2}), home / "plain")
    assert_same(weights(home / "eager"), weights(home / "plain"))


@pytest.mark.slow
def test_a_compiled_model_trains_the_same(home: Path) -> None:
    changes = {"model": {"residual_dropout": 0.0}}
    train(tiny_config(home, training={"compile": True, "max_steps": 3}, **changes), home / "compiled")
    train(tiny_config(home, training={"max_steps": 3}, **changes), home / "uncompiled")
    losses = [[row["train_loss"] for row in read_metrics(home / name)] for name in ("compiled", "uncompiled")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


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


@pytest.mark.slow
def test_it_learns_as_well_as_the_same_model_of_torch_nn(tmp_path: Path) -> None:
    config = tiny_config(
        tmp_path,
        dataset={"bytes": 400_000},
        tokenizer={"vocab_size": 512},
        model={
            "vocab_size": 512,
            "d_model": 64,
            "d_ff": 256,
            "context_length": 64,
            "residual_dropout": 0.0,
            "qkv_bias": True,
        },
        training={
            **{"max_steps": 250, "learning_rate": 3e-3, "min_learning_rate": 3e-4, "eval_interval": 250},
            **{"eval_batches": None, "sample_interval": None, "checkpoint_interval": 250},
        },
        data={"block_size": 64, "batch_size": 16},
    )
    tokenize(config, lambda _: None)
    train(config, tmp_path / "run")
    ours = read_metrics(tmp_path / "run")[-1]["val_loss"]
    assert ours < 0.75 * math.log(512)
    assert ours == pytest.approx(witness_loss(config), rel=0.02)

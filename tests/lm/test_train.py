"""The loop: what it writes, what it refuses, and that it learns as one written with torch.nn."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from impls import MergelabError
from lm import train as loop
from lm.batches import TrainBatches, open_data
from lm.checkpoint import read_checkpoint
from lm.config import RunConfig
from lm.config_files import load_run, save_run
from lm.metrics import COLUMNS, read_metrics
from lm.models import build
from lm.processes import Processes
from lm.shards import tokenize
from lm.step import build_optimizer, learning_rate, optimizer_step
from lm.train import DivergedError, train
from tests.lm.witness import witness_loss
from tests.support import ROOT
from tests.support.lm_runs import (
    ENVIRONMENT,
    assert_same,
    quiet,
    tiny_config,
    weights,
)


def test_a_run_folder_tells_all(finished: Path, home: Path) -> None:
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    steps = {f"checkpoints/step-{step:06d}.pt" for step in (2, 4, 6, 8)}
    samples = {f"samples/step-{step:06d}.txt" for step in (4, 8)}
    written = {"config.yaml", "run.json", "metrics.jsonl", "metrics.csv", "loss.svg", "checkpoints/last.pt"}
    assert files == steps | samples | written | {".mergelab", ".mergelab.lock"}
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


@pytest.mark.slow
def test_two_processes_train_as_one(home: Path) -> None:
    changes = {"model": {"residual_dropout": 0.0}, "training": {"accumulation": 2, "max_steps": 6}}
    config = tiny_config(home, **changes)
    train(config, home / "one")
    config_file = home / "two.yaml"
    save_run(config, config_file)
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


def test_a_loss_that_is_no_number_stops_with_the_last_good_checkpoint(home: Path, monkeypatch) -> None:
    step, taken = loop.optimizer_step, []

    def broken(model: Any, *arguments: Any) -> Any:
        taken.append(1)
        if len(taken) == 6:
            with torch.no_grad():
                model.ln_final.weight.fill_(math.nan)
        return step(model, *arguments)

    monkeypatch.setattr(loop, "optimizer_step", broken)
    with pytest.raises(DivergedError, match=r"step 6: the loss is nan, .*last\.pt is from an earlier step") as error:
        train(tiny_config(home), home / "nan")
    assert error.value.exit_status == 1
    state = read_checkpoint(home / "nan" / "checkpoints" / "last.pt")
    assert state["step"] == 4
    assert "<svg" in (home / "nan" / "loss.svg").read_text()
    assert all(value.isfinite().all() for value in state["model"].values())


def test_a_gradient_that_is_no_number_is_not_saved(home: Path, monkeypatch) -> None:
    step = loop.optimizer_step
    monkeypatch.setattr(loop, "optimizer_step", lambda *arguments: (step(*arguments)[0], math.inf))
    with pytest.raises(
        DivergedError, match=r"step 1: the loss is \d.*, the norm of its gradient inf; no checkpoint was written"
    ):
        train(tiny_config(home), home / "inf")
    assert not (home / "inf" / "checkpoints" / "last.pt").exists()


def test_a_run_is_not_overwritten(home: Path, finished: Path) -> None:
    with pytest.raises(MergelabError, match="holds a run already; go on with --resume"):
        train(tiny_config(home), finished)


def test_a_note_says_that_nothing_is_left_for_validation(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny_config(tmp_path, dataset={"validation_share": 0.0}, training={"max_steps": 4})
    tokenize(config, quiet)
    train(config, tmp_path / "blind")
    assert "data has no text for validation; raise dataset.validation_share" in capsys.readouterr().err
    assert {row["val_bits_per_byte"] for row in read_metrics(tmp_path / "blind")} == {None}
    train(tiny_config(home, training={"max_steps": 1}), home / "seeing")
    assert "no text for validation" not in capsys.readouterr().err


def test_bits_per_byte_covers_the_same_documents_for_every_vocabulary(tmp_path: Path, monkeypatch) -> None:
    covered: dict[int, list[tuple[int, int]]] = {}
    for size in (260, 320):
        found = covered.setdefault(size, [])
        score = loop.score_documents

        def noting(*arguments: Any, score: Any = score, found: Any = found) -> Any:
            for one in score(*arguments):
                found.append((one.number, one.n_bytes))
                yield one

        folder = tmp_path / str(size)
        config = tiny_config(folder, tokenizer={"vocab_size": size}, training={"eval_bytes": 2000, "max_steps": 1})
        tokenize(config, quiet)
        with monkeypatch.context() as patch:
            patch.setattr(loop, "score_documents", noting)
            train(config, folder / "run")
    assert covered[260] == covered[320]
    total = sum(n_bytes for _, n_bytes in covered[260])
    assert 2000 <= total < 2000 + covered[260][-1][1]


def test_a_padded_vocabulary_samples_only_tokens(tmp_path: Path) -> None:
    values = tiny_config(tmp_path).model_dump(mode="json")
    values["model"]["vocab_size"], values["tokenizer"]["vocab_size"] = "auto", 290
    (tmp_path / "auto.yaml").write_text(json.dumps(values))
    config = load_run(tmp_path / "auto.yaml")
    assert config.model.vocab_size == 320
    tokenize(config, quiet)
    train(config, tmp_path / "padded")
    assert (tmp_path / "padded" / "samples" / "step-000008.txt").exists()
    values["tokenizer"]["folder"], values["tokenizer"]["vocab_size"] = f"{config.data.folder}/tokenizer", 4000
    (tmp_path / "auto.yaml").write_text(json.dumps(values))
    assert load_run(tmp_path / "auto.yaml").model.vocab_size == 320


def test_a_device_that_is_not_there_is_named() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    for device in ("cuda", "cuda:3"):
        with pytest.raises(MergelabError, match=r"training\.device: this machine has no cuda:\d; choose one of cpu"):
            Processes.join(device)


def test_more_processes_than_windows_are_refused(home: Path, monkeypatch) -> None:
    monkeypatch.setattr(Processes, "join", classmethod(lambda cls, _: cls(0, 3, torch.device("cpu"))))
    with pytest.raises(
        MergelabError, match=r"data\.batch_size: 4 windows cannot be divided among 3 .*; give a multiple of 3"
    ):
        train(tiny_config(home), home / "three")


def test_a_context_longer_than_the_data_is_refused(home: Path) -> None:
    config = tiny_config(home, data={"block_size": 100_000}, model={"context_length": 100_000})
    with pytest.raises(
        MergelabError, match=r"data\.block_size: a window of 100000 needs 100001 ids, but .* only \d+"
    ):
        train(config, home / "short")


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
    tokenize(config, quiet)
    train(config, tmp_path / "run")
    ours = read_metrics(tmp_path / "run")[-1]["val_loss"]
    assert ours < 0.75 * math.log(512)
    assert ours == pytest.approx(witness_loss(config), rel=0.02)

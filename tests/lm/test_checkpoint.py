"""Checkpoints: complete or not there, of this model and optimizer or refused, and never code that runs."""

import errno
import io
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

from impls import MergelabError
from impls.digests import sealed
from lm.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from lm.models import build
from lm.step import build_optimizer
from lm.train import train
from tests.support.lm_runs import files_of_at_most, tiny_config, write_sealed


def test_a_full_disk_loses_no_earlier_checkpoint(home: Path, finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes((finished / "checkpoints" / "last.pt").read_bytes())
    model = build(tiny_config(home).model)
    message = r"last\.pt: File too large; nothing was written"
    with files_of_at_most(10_000), pytest.raises(MergelabError, match=message):
        save_checkpoint(path, model, build_optimizer(model, tiny_config(home).training), 1)
    assert list(tmp_path.iterdir()) == [path]
    assert read_checkpoint(path)["step"] == 8


def test_a_checkpoint_is_kept_whole_without_links(home: Path, monkeypatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    train(tiny_config(home, training={"max_steps": 2}), home / "copied")
    last, kept = (home / "copied" / "checkpoints" / name for name in ("last.pt", "step-000002.pt"))
    assert last.read_bytes() == kept.read_bytes()
    assert last.stat().st_ino != kept.stat().st_ino
    assert len(list(last.parent.iterdir())) == 2


def sealed_bytes(content: bytes) -> bytes:
    target = io.BytesIO()
    with sealed(target) as file:
        file.write(content)
    return target.getvalue()


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
        "truncated": (good[: len(good) // 2], "truncated, changed or not a checkpoint"),
        "its beginning": (good[:5000], "truncated, changed or not a checkpoint"),
        "empty": (b"", "truncated, changed or not a checkpoint"),
        "text": (b"hello", "truncated, changed or not a checkpoint|holds code"),
        "code": (sealed_bytes(pickle.dumps({"model": Evil()})), "holds code"),
        "unsealed": (good[:-48], "truncated, changed or not a checkpoint"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(MergelabError, match=message) as error, warnings.catch_warnings(action="error"):
            load_checkpoint(path, model)
        assert "\n" not in str(error.value)
    write_sealed(tmp_path / "zip", {"model": Evil()})
    with pytest.raises(MergelabError, match="holds code"):
        load_checkpoint(tmp_path / "zip", model)
    assert not Path("/tmp/mergelab-was-here").exists()
    write_sealed(tmp_path / "other", {"weights": 1})
    with pytest.raises(MergelabError, match="is not a checkpoint of a training run"):
        load_checkpoint(tmp_path / "other", model)
    with pytest.raises(MergelabError, match="nowhere: No such file"):
        load_checkpoint(tmp_path / "nowhere", model)
    for foreign, message in {
        other: r"has the shape \[320, 32\], not \[320, 16\]|has the shape \[",
        deeper: r"it lacks the weight layers\.2",
    }.items():
        with pytest.raises(MergelabError, match=f"is of another model: .*{message}"):
            load_checkpoint(finished / "checkpoints" / "last.pt", foreign)


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
    with pytest.raises(MergelabError, match=rf"{before}\.pt: holds the state of another optimizer"):
        load_checkpoint(home / f"{before}.pt", model, optimizers[after])

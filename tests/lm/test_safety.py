"""Nothing of the user's is lost: folders that are not ours, links, inputs inside outputs, two runs at once."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from impls import MergelabError, Tokenizer
from lm import train as loop
from lm.__main__ import main
from lm.config import ConfigError, RunConfig
from lm.config_files import load_run, save_run
from lm.export import export
from lm.metrics import read_metrics
from lm.run_folder import claim
from lm.shards import tokenize
from lm.train import train
from lm.trained import Trained
from tests.lm.test_demo import SMALL
from tests.lm.test_models import CONFIGS, scrambled
from tests.lm.test_shards import byte_config
from tests.support.lm_runs import ENVIRONMENT, quiet, tiny_config

MINE = b"a text of my own\n" * 100


def everything(folder: Path) -> dict[Path, bytes | None]:
    """All that a folder holds, the mark and the lock of ours left out."""
    paths = [path for path in folder.rglob("*") if not path.name.startswith(".mergelab")]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def assert_nothing_changes(folder: Path, act: Callable[[], object], message: str) -> None:
    before = everything(folder)
    with pytest.raises(MergelabError, match=message) as error:
        act()
    assert "\n" not in str(error.value)
    assert everything(folder) == before


def test_a_data_folder_with_a_text_of_the_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.txt").write_bytes(MINE)
    config = tiny_config(tmp_path)
    assert_nothing_changes(
        tmp_path, lambda: tokenize(config, quiet), r"holds 'train\.txt' but not .mergelab, mergelab's mark"
    )
    own = tiny_config(
        tmp_path,
        dataset={
            "source": "local",
            "path": "",
            "bytes": None,
            "files": {"train": str(tmp_path / "data" / "train.txt")},
        },
    )
    assert_nothing_changes(
        tmp_path, lambda: tokenize(own, quiet), r"dataset\.files\.train: .* is inside data\.folder"
    )


def test_a_tokenizer_inside_the_data_folder_is_refused(tmp_path: Path) -> None:
    Tokenizer({i: bytes([i]) for i in range(256)}, [], ["<|endoftext|>"]).save(tmp_path / "data" / "tokenizer")
    config = tiny_config(tmp_path, tokenizer={"folder": str(tmp_path / "data" / "tokenizer")})
    assert_nothing_changes(tmp_path, lambda: tokenize(config, quiet), r"tokenizer\.folder: .* is inside data\.folder")


@pytest.mark.parametrize("place", ["shards/notes.txt", "tokenizer/notes.txt", "shards/old/train-000000.bin"])
def test_what_lies_beside_our_files_is_never_removed(place: str, tmp_path: Path) -> None:
    tokenize(byte_config(tmp_path, 150, 100), quiet)
    note = tmp_path / "data" / place
    note.parent.mkdir(exist_ok=True)
    note.write_bytes(MINE)
    (tmp_path / "data" / "metadata.json").unlink()
    (tmp_path / "data" / "texts.json").unlink()
    offender = re.escape(str(tmp_path / "data" / Path(*Path(place).parts[:2])))
    with pytest.raises(MergelabError, match=f"{offender}: was not made by mergelab"):
        tokenize(byte_config(tmp_path, 150, None), quiet)
    assert note.read_bytes() == MINE


def test_new_shards_replace_shards_alone(tmp_path: Path) -> None:
    tokenize(byte_config(tmp_path, 150, 50), quiet)
    note = tmp_path / "data" / "shards" / "train-notes.txt"
    note.write_bytes(MINE)
    tokenize(byte_config(tmp_path, 150, 100), quiet)
    assert note.read_bytes() == MINE
    names = {path.name for path in note.parent.glob("train-*.bin")}
    assert names == {"train-000000.bin", "train-000001.bin"}


@pytest.mark.parametrize("name", ["train.txt", "train.bin", "metadata.json", "shards", "tokenizer"])
def test_a_link_in_a_data_folder_is_not_written_through(name: str, tmp_path: Path) -> None:
    tokenize(byte_config(tmp_path, 150, 100), quiet)
    target, path = tmp_path / "target", tmp_path / "data" / name
    path.rename(target)
    path.symlink_to(target)
    (tmp_path / "data" / "texts.json").unlink()
    config = byte_config(tmp_path, 150, 50)
    assert_nothing_changes(
        tmp_path, lambda: tokenize(config, quiet), "is a link, and its target would be overwritten"
    )


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "notes.txt"])
def test_a_run_folder_with_files_of_the_user_is_refused(name: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(MINE)
    assert_nothing_changes(
        tmp_path, lambda: train(tiny_config(home), tmp_path), f"holds '{name}' but not .mergelab, mergelab's mark"
    )


def test_the_config_file_is_not_overwritten(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_run(tiny_config(home), tmp_path / "config.yaml")
    before = (tmp_path / "config.yaml").read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--config", "config.yaml", "--out", "."]) == 1
    assert "holds 'config.yaml' but not .mergelab, mergelab's mark" in capsys.readouterr().err
    (tmp_path / "run").mkdir()
    assert (
        main(["train", "--config", "config.yaml", "--out", "run", "--set", "data.block_size=7", "--model", "no"]) == 2
    )
    with claim(tmp_path / "run"):
        pass
    (tmp_path / "run" / "config.yaml").write_bytes(before)
    assert main(["train", "--config", "run/config.yaml", "--out", "run", "--set", "training.seed=3"]) == 1
    assert "is the same file as the input run/config.yaml" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_bytes() == (tmp_path / "run" / "config.yaml").read_bytes() == before


def test_two_runs_do_not_share_a_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, told = loop.optimizer_step, []

    def second(*arguments: object) -> object:
        if not told:
            for resume in (False, True):
                with pytest.raises(MergelabError) as error:
                    train(tiny_config(home, training={"seed": 7}), tmp_path / "run", resume=resume)
                told.append(str(error.value))
        return step(*arguments)

    monkeypatch.setattr(loop, "optimizer_step", second)
    assert train(tiny_config(home), tmp_path / "run") == 0
    assert f"is being written by process {os.getpid()} on " in told[0]
    assert "holds no checkpoint" in told[1]
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == list(range(1, 9))


@pytest.mark.slow
def test_a_second_command_is_told_who_writes_the_run(home: Path, tmp_path: Path) -> None:
    save_run(tiny_config(home, training={"max_steps": 100_000}), tmp_path / "a.yaml")
    command = [sys.executable, "-m", "lm", "train", "--config", "a.yaml", "--out", "run"]
    first = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE)
    assert any(line.startswith("step 1/") for line in first.stderr)
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, text=True, capture_output=True)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert (done.returncode, first.returncode) == (1, 128 + signal.SIGTERM)
    assert re.search(f"is being written by process {first.pid} on |holds a run already", done.stderr.splitlines()[-1])


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "..", ".", "a\0b"])
def test_the_name_of_a_run_stays_in_its_folder(name: str, home: Path) -> None:
    values = tiny_config(home).model_dump(mode="json")
    with pytest.raises(ValueError, match="cannot be the name of a folder in runs/; write a name without /"):
        RunConfig.model_validate(values | {"name": name})


def test_an_export_replaces_only_an_export(tmp_path: Path) -> None:
    trained = Trained(scrambled(CONFIGS["gpt2"]), SMALL, 96)
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_bytes(MINE)
    assert_nothing_changes(
        tmp_path, lambda: export(trained, out), r"holds 'config\.json' but not .mergelab, mergelab's mark"
    )
    (out / "config.json").unlink()
    for _ in range(2):
        export(trained, out)
    with claim(tmp_path / "run"):
        pass
    assert_nothing_changes(tmp_path, lambda: export(trained, tmp_path / "run"), "is a mergelab folder for run")
    (out / "config.json").rename(tmp_path / "config.json")
    (out / "config.json").symlink_to(tmp_path / "config.json")
    assert_nothing_changes(tmp_path, lambda: export(trained, out), "is a link")


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "line 4: there are more than 10000 values"),
        (BOMB + "name: *a11", "there are more than 10000 values"),
        ("name: " + "[" * 5000, "line 1: values are nested more than 50 deep"),
        ("name: " + "[" * 5000 + "]" * 5000, "line 1: values are nested more than 50 deep"),
        ("- " * 5000 + "a", "values are nested more than 50 deep"),
        ("name: &a [*a]", "line 1: this alias stands inside the value that it repeats"),
        ("name: 2024-13-45", "month must be in 1..12; repair the value, or put it in quotes"),
        ("name: " + "9" * 5000, "4300 digits|put it in quotes"),
        ("".join(f"k{n}: {n}\n" for n in range(20_000)), "there are more than 10000 values"),
        ("{" + ", ".join(f"k{n}: {n}" for n in range(20_000)) + "}", "there are more than 10000 values"),
    ],
)
def test_a_hostile_config_is_one_short_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        load_run(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_an_alias_is_a_value_like_any_other(tmp_path: Path, home: Path) -> None:
    save_run(tiny_config(home), tmp_path / "run.yaml")
    text = (tmp_path / "run.yaml").read_text()
    text = text.replace("block_size: 32", "block_size: &size 32").replace("batch_size: 4", "batch_size: *size")
    (tmp_path / "run.yaml").write_text(text)
    assert load_run(tmp_path / "run.yaml").data.batch_size == 32

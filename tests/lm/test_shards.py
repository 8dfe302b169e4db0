"""From text to ids on disk: what is made, shards of a fixed size, restarts."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impls import MergelabError, Tokenizer
from impls.jobs import encode
from impls.jobs.encode import ShardedEncoding
from lm.batches import open_data
from lm.config import RunConfig
from lm.config_files import save_run
from lm.shards import tokenize
from tests.support.lm_runs import END, ENVIRONMENT, contents, files_of_at_most, quiet, tiny_config


def metadata_of(config: RunConfig) -> dict[str, object]:
    return json.loads((Path(config.data.folder) / "metadata.json").read_bytes())


def test_ids_decode_to_the_text_and_metadata_count_them(made: RunConfig) -> None:
    folder = Path(made.data.folder)
    found = open_data(made.data, 320)
    metadata = metadata_of(made)
    for split, ids in {"train": found.train, "val": found.val}.items():
        text = (folder / f"{split}.txt").read_bytes()
        assert found.tokenizer.decode_bytes(ids) == text
        assert metadata["splits"][split] == {
            "ids": len(ids),
            "documents": text.count(END.encode()),
            "bytes": len(text) - len(END) * text.count(END.encode()),
        }
        assert ids.dtype == np.uint16
    assert metadata["tokenizer"] == Tokenizer.load(folder / "tokenizer").fingerprint()
    assert found.eos_id == metadata["eos_id"] == 319
    assert not (folder / "shards").exists()


def test_splits_share_no_document_and_the_tokenizer_saw_only_one(made: RunConfig) -> None:
    folder = Path(made.data.folder)
    documents = {split: set((folder / f"{split}.txt").read_text().split(END)) - {""} for split in ("train", "val")}
    assert documents["train"]
    assert documents["val"]
    assert not documents["train"] & documents["val"]


def test_a_second_call_changes_nothing(made: RunConfig) -> None:
    before = contents(Path(made.data.folder))
    said: list[str] = []
    tokenize(made, said.append)
    assert contents(Path(made.data.folder)) == before
    assert said == [f"{made.data.folder}: is complete"]


def test_a_folder_made_from_other_configs_is_left_alone(made: RunConfig) -> None:
    before = contents(Path(made.data.folder))
    other = made.model_copy(update={"tokenizer": made.tokenizer.model_copy(update={"vocab_size": 300})})
    with pytest.raises(MergelabError, match="was made from another dataset or tokenizer config"):
        tokenize(other, quiet)
    assert contents(Path(made.data.folder)) == before


BYTES = Tokenizer({i: bytes([i]) for i in range(256)}, [])
"""A token per byte, so that a text has as many ids as bytes."""


def byte_config(folder: Path, n_bytes: int, shard_tokens: int | None, n_validation: int = 7) -> RunConfig:
    """Texts of exactly so many bytes, and so many ids; none changes when the config is made again."""
    if not (folder / "bytes").exists():
        BYTES.save(folder / "bytes")
        for name, size in {"train": n_bytes, "validation": n_validation}.items():
            (folder / f"{name}.txt").write_text(("0123456 " * size)[:size])
    files = {name: str(folder / f"{name}.txt") for name in ("train", "validation")}
    return tiny_config(
        folder,
        dataset={"source": "local", "path": "", "bytes": None, "files": files},
        tokenizer={"folder": str(folder / "bytes"), "special_tokens": []},
        data={"shard_tokens": shard_tokens},
    )


def shards_of(folder: Path, split: str = "train") -> list[Path]:
    return sorted((folder / "data" / "shards").glob(f"{split}-*"))


@pytest.mark.parametrize("range_bytes", [1, 30, 1 << 20])
@pytest.mark.parametrize(
    ("n_bytes", "last"), [(1, 1), (99, 99), (100, 100), (101, 1), (299, 99), (300, 100), (301, 1)]
)
def test_shards_have_a_fixed_size(n_bytes: int, last: int, range_bytes: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(encode, "RANGE_BYTES", range_bytes)
    tokenize(byte_config(tmp_path, n_bytes, 100), quiet)
    paths = shards_of(tmp_path)
    assert [path.name for path in paths] == [f"train-{number:06d}.bin" for number in range(len(paths))]
    assert [path.stat().st_size // 2 for path in paths] == [100] * ((n_bytes - 1) // 100) + [last]
    assert [path.name for path in shards_of(tmp_path, "val")] == ["val-000000.bin"]
    for split, text in {"train": "train.txt", "val": "validation.txt"}.items():
        joined = b"".join(path.read_bytes() for path in shards_of(tmp_path, split))
        assert joined == (tmp_path / "data" / f"{split}.bin").read_bytes()
        assert np.frombuffer(joined, np.uint16).astype(np.uint8).tobytes() == (tmp_path / text).read_bytes()
    stated = json.loads((tmp_path / "data" / "shards" / "train.json").read_bytes())
    assert (stated["shards"], stated["shard_tokens"], stated["dtype"]) == (len(paths), 100, "uint16")
    assert stated["tokenizer"] == BYTES.fingerprint()


def test_an_empty_split_has_no_shard(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, dataset={"validation_share": 0.0}, data={"shard_tokens": 5000})
    tokenize(config, quiet)
    assert shards_of(tmp_path)
    assert shards_of(tmp_path, "val") == []
    assert (tmp_path / "data" / "val.bin").read_bytes() == b""


@pytest.mark.parametrize("moment", ["before", "between", "after"])
@pytest.mark.parametrize("number", range(8))
def test_a_restart_skips_finished_shards(number: int, moment: str, tmp_path: Path, monkeypatch) -> None:
    """Stopped before or after any of five and three shards, or between one and the note that it is finished."""
    monkeypatch.setattr(encode, "RANGE_BYTES", 30)
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    tokenize(byte_config(tmp_path / "whole", 460, 100, 230), quiet)
    config, finish, calls = byte_config(tmp_path / "stopped", 460, 100, 230), ShardedEncoding._finish, []

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def interrupted(*arguments: Any) -> None:
        calls.append(1)
        here = len(calls) == number + 1
        if here and moment == "before":
            stop()
        if here and moment == "between":
            patch.setattr(encode.json, "dumps", stop)
        finish(*arguments)
        if here:
            stop()

    with monkeypatch.context() as patch:
        patch.setattr(ShardedEncoding, "_finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tokenize(config, quiet)
    assert not (tmp_path / "stopped" / "data" / "metadata.json").exists()
    there = [path for split in ("train", "val") for path in shards_of(tmp_path / "stopped", split)]
    assert len(there) == number + (moment != "before")
    finished = {path: path.stat().st_ino for path in there[: number + (moment == "after")]}
    tokenize(config, quiet)
    assert {path: path.stat().st_ino for path in finished} == finished
    for folder in ("data", "data/shards"):
        whole, stopped = (contents(tmp_path / name / folder) for name in ("whole", "stopped"))
        assert whole.keys() == stopped.keys()
        assert all(stopped[name] == content for name, content in whole.items() if name.endswith(".bin"))


@pytest.mark.parametrize(("n_bytes", "file"), [(199, "train-000000.bin"), (800, "train.bin")])
def test_a_full_disk_keeps_finished_shards(n_bytes: int, file: str, tmp_path: Path) -> None:
    tokenize(byte_config(tmp_path, 460, None), quiet)
    config = byte_config(tmp_path, 460, 100)
    with (
        files_of_at_most(n_bytes),
        pytest.raises(MergelabError, match=f"{file}: File too large; nothing was written"),
    ):
        tokenize(config, quiet)
    finished = {path: path.stat().st_ino for path in shards_of(tmp_path)}
    assert len(finished) == (5 if file == "train.bin" else 0)
    tokenize(config, quiet)
    assert {path: path.stat().st_ino for path in finished} == finished
    assert b"".join(path.read_bytes() for path in shards_of(tmp_path)) == (tmp_path / "data/train.bin").read_bytes()


def flipped(content: bytes) -> bytes:
    return content[:20] + bytes([content[20] ^ 1]) + content[21:]


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes] | None]] = {
    "lost shard": ("shards/train-000001.bin", None),
    "flipped bit in a shard": ("shards/train-000001.bin", flipped),
    "cut shard": ("shards/train-000000.bin", lambda content: content[:-2]),
    "lost progress": ("shards/train.json", None),
    "progress of nothing": ("shards/train.json", lambda _: b"[]"),
    "another place in the text": (
        "shards/train.json",
        lambda content: re.sub(rb'"next_byte": \d+', b'"next_byte": 0', content),
    ),
    "flipped bit in a text": ("train.txt", flipped),
    "lost text": ("val.txt", None),
    "other counts": ("texts.json", lambda content: re.sub(rb'"read": \d+', b'"read": 7', content)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_lost_or_damaged_is_made_again(damage: str, tmp_path: Path) -> None:
    config = byte_config(tmp_path, 250, 100)
    tokenize(config, quiet)
    folders = (tmp_path / "data", tmp_path / "data" / "shards")
    expected = [contents(folder) for folder in folders]
    (tmp_path / "data" / "metadata.json").unlink()
    name, change = DAMAGE[damage]
    path = tmp_path / "data" / name
    before = path.read_bytes()
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(before))
        assert path.read_bytes() != before
    tokenize(config, quiet)
    assert [contents(folder) for folder in folders] == expected


def test_shards_beyond_the_millionth_are_removed_too(tmp_path: Path) -> None:
    config = byte_config(tmp_path, 250, 100)
    tokenize(config, quiet)
    (tmp_path / "data" / "metadata.json").unlink()
    shards = tmp_path / "data" / "shards"
    (shards / "train-1000000.bin").write_bytes(b"of an earlier job")
    (shards / "train-1000000.bin.copy").write_bytes(b"mine")
    tokenize(config, quiet)
    assert not (shards / "train-1000000.bin").exists()
    assert (shards / "train-1000000.bin.copy").read_bytes() == b"mine"


def test_shards_of_another_size_leave_none_of_the_old(tmp_path: Path) -> None:
    tokenize(byte_config(tmp_path, 150, None), quiet)
    assert not (tmp_path / "data" / "shards").exists()
    ids = (tmp_path / "data" / "train.bin").read_bytes()
    # The second one is of 50 ids twice, but not of the same.
    for shard_tokens, sizes in {100: [100, 50], 50: [50, 50, 50], 1000: [150]}.items():
        tokenize(byte_config(tmp_path, 150, shard_tokens), quiet)
        assert [path.stat().st_size // 2 for path in shards_of(tmp_path)] == sizes
        assert b"".join(path.read_bytes() for path in shards_of(tmp_path)) == ids
    said: list[str] = []
    for shard_tokens in (None, 1000):
        tokenize(byte_config(tmp_path, 150, shard_tokens), said.append)
    assert said == [f"{tmp_path / 'data'}: is complete"] * 2


def test_shards_asked_for_when_the_source_is_gone_cost_nothing_that_is_there(tmp_path: Path) -> None:
    tokenize(byte_config(tmp_path, 150, None), quiet)
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    (tmp_path / "train.txt").unlink()
    with pytest.raises(MergelabError, match=r"train\.txt: No such file"):
        tokenize(byte_config(tmp_path, 150, 100), quiet)
    assert {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()} == before


def test_text_that_cannot_be_encoded_is_named_with_its_place(tmp_path: Path) -> None:
    config = byte_config(tmp_path, 200, 100)
    (tmp_path / "train.txt").write_bytes(b"a" * 150 + b"\xff" + b"b" * 50)
    with pytest.raises(MergelabError, match=r"train\.txt: invalid UTF-8 at byte 150"):
        tokenize(config, quiet)


@pytest.mark.slow
def test_killed_runs_leave_the_same_bytes(tmp_path: Path) -> None:
    """The real command, killed when it says that a shard is finished, again and again."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        save_run(tiny_config(tmp_path / name, data={"shard_tokens": 6_000}), tmp_path / f"{name}.yaml")

    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-u", "-m", "lm", "tokenize", "--config", str(tmp_path / f"{name}.yaml")]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)

    said, _ = start("whole").communicate(timeout=120)
    assert said.count(" ids, at ") > 3
    for _ in range(2):
        process = start("killed")
        assert any(" ids, at " in line for line in process.stdout)
        process.kill()
        process.communicate(timeout=120)
    assert start("killed").wait(timeout=120) == 0
    for folder in ("", "shards"):
        whole, killed = (contents(tmp_path / name / "data" / folder) for name in ("whole", "killed"))
        # What was being written when it was killed stays under a temporary name; the lock names a process.
        shown = [{name: made[name] for name in made if not name.startswith(".")} for made in (whole, killed)]
        assert shown[0] == shown[1]


def test_wide_ids_on_request_and_narrow_ones_only_where_they_fit(tmp_path: Path, made: RunConfig) -> None:
    wide = tiny_config(tmp_path, data={"dtype": "uint32"})
    tokenize(wide, quiet)
    found = open_data(wide.data, 320)
    assert found.train.dtype == np.uint32
    np.testing.assert_array_equal(found.train, open_data(made.data, 320).train)
    vocab = {i: bytes([i]) for i in range(256)} | {70_000: b"<|endoftext|>"}
    large = Tokenizer(vocab, [], [END])
    large.save(tmp_path / "large")
    changes = {"tokenizer": {"folder": str(tmp_path / "large")}, "model": {"vocab_size": 70_001}}
    refused = tiny_config(tmp_path, **changes, data={"folder": str(tmp_path / "narrow"), "dtype": "uint16"})
    with pytest.raises(MergelabError, match=r"data\.dtype: uint16 holds ids below 65536"):
        tokenize(refused, quiet)
    taken = tiny_config(tmp_path, **changes, data={"folder": str(tmp_path / "auto")})
    tokenize(taken, quiet)
    assert open_data(taken.data, 70_001).train.dtype == np.uint32

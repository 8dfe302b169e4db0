"""Counting as a job: parts on disk give the counts of the whole, and a job that was killed ends the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import FileFormatError
from impls.__main__ import main
from impls.contract import Pretokens
from impls.counting import count_inputs
from impls.errors import UsageError
from impls.folders import claimed
from impls.inputs import block
from impls.inputs.collection import open_inputs
from impls.jobs import count as jobs
from impls.jobs.count import Settings, count_to_file
from impls.pipeline import train
from tests.support import ROOT
from tests.support.sources import expected, write

pyarrow = pytest.importorskip("pyarrow")

from impls.counts import merged, read_counts, sorted_batch, write_batches  # noqa: E402

END = "<|endoftext|>"
RANDOM = random.Random(5)
DOCUMENTS = [f"the cat {RANDOM.randrange(10**6)} sat{END}on {RANDOM.randrange(50)} mats " for _ in range(400)]


def job(inputs: Any, out: Path, memory: int | None = None, counter: str = "", **options: Any) -> None:
    count_to_file(open_inputs(inputs, **options), out, Settings("gpt2", [END], 2, counter, memory), force=True)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(block, "BLOCK_BYTES", 700)
    names = ("a.jsonl", "b.parquet", "c.jsonl.gz", "d.txt")
    return [write(tmp_path, name, DOCUMENTS[number::4]) for number, name in enumerate(names)]


@pytest.mark.parametrize("seconds", [0.0, 100.0])
@pytest.mark.parametrize("counter", ["jit", "finditer", ""])
def test_the_file_has_the_counts_and_their_origin(
    seconds: float, counter: str, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    monkeypatch.setattr(jobs, "PART_SECONDS", seconds)
    monkeypatch.setattr(jobs, "FAN_IN", 3)
    job(paths, tmp_path / "out.parquet", counter=counter, separator=END, boundary=" and ")
    found = read_counts(tmp_path / "out.parquet")
    documents = [*DOCUMENTS[::4], *DOCUMENTS[1::4], *DOCUMENTS[2::4], *END.join(DOCUMENTS[3::4]).split(END)]
    assert found.pretokens.to_mapping() == expected([*documents, *[" and "] * (len(documents) - 1)], [END])
    assert (found.pattern, found.special_tokens) == ("gpt2", (END,))
    assert found.n_documents == len(documents)
    facts = json.loads(pyarrow.parquet.read_schema(tmp_path / "out.parquet").metadata[b"mergelab.counts"])
    assert facts["version"] == 1
    assert facts["sources"] == [
        {"name": str(path), "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in paths
    ]
    assert not (tmp_path / "out.parquet.parts").exists()


def test_the_number_of_parts_does_not_change_the_file(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    monkeypatch.setattr("impls.counts.ROWS", 100)
    for seconds in (0.0, 100.0):
        monkeypatch.setattr(jobs, "PART_SECONDS", seconds)
        job(paths, tmp_path / "out.parquet")
        contents.append((tmp_path / "out.parquet").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("counter", ["jit", "finditer"])
def test_a_cap_of_memory_writes_parts_and_counts_the_same(
    counter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "BLOCK_BYTES", 1 << 14)
    words = [f"w{number * 7919 % 100_003:x}" for number in range(70_000)]
    texts = [" ".join(words[start : start + 4000]) for start in range(0, 60_000, 3000)]
    parts = []
    spill = jobs.CountJob._spill

    def counted(self: jobs.CountJob, counts: Pretokens) -> None:
        parts.append(len(counts))
        spill(self, counts)

    monkeypatch.setattr(jobs.CountJob, "_spill", counted)
    path = write(tmp_path, "a.jsonl", texts)
    job(path, tmp_path / "out.parquet", memory=1 << 18, counter=counter)
    assert len(parts) > 3
    assert read_counts(tmp_path / "out.parquet").pretokens.to_mapping() == expected(texts)


@pytest.mark.slow
def test_random_kills_change_nothing(paths: list[Path], tmp_path: Path) -> None:
    job(paths, tmp_path / "whole.parquet")
    script = (
        "import sys, time; from impls.inputs import block; block.BLOCK_BYTES = 700\n"
        "from impls.jobs import count; count.PART_SECONDS = 0.0\n"
        "record = count.CountJob._record\n"
        "def slow(self): record(self); time.sleep(0.02); print(len(self._parts), flush=True)\n"
        "count.CountJob._record = slow\n"
        "from impls.__main__ import main; sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = ["count", *map(str, paths), "--out", str(tmp_path / "out.parquet"), "--special-token", END]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
    highest = [0]
    for kill in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, None):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        if kill is not None:
            for _ in range(4):
                line = process.stdout.readline()
            time.sleep(RANDOM.random() / 50)
            process.send_signal(kill)
            highest.append(int(line))
        _, errors = process.communicate(timeout=100)
        if len(highest) > 2 or kill is None:
            assert "goes on after" in errors
    assert process.returncode == 0, errors
    assert highest == sorted(set(highest))
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert not (tmp_path / "out.parquet.parts").exists()
    sizes = {"vocab_size": 400, "special_tokens": [END]}
    assert train(read_counts(tmp_path / "out.parquet"), 400) == train(open_inputs(paths), **sizes)  # type: ignore[arg-type]


def stop_after(number: int, patch: pytest.MonkeyPatch) -> None:
    record, records = jobs.CountJob._record, iter(range(10**6))

    def stopping(self: jobs.CountJob) -> None:
        if next(records) == number:
            raise KeyboardInterrupt
        record(self)

    patch.setattr(jobs.CountJob, "_record", stopping)


CHANGES: dict[str, Callable[[Path, list[Path]], object]] = {
    "nothing": lambda _, __: None,
    "damaged part": lambda folder, _: next(folder.glob("part-*")).write_bytes(b"PAR1"),
    "missing part": lambda folder, _: next(folder.glob("part-*")).unlink(),
    "damaged progress": lambda folder, _: (folder / "progress.json").write_bytes(b"{}"),
    "unfinished part": lambda folder, _: (folder / "part-999999.parquet").write_bytes(b"PAR1"),
    "changed source": lambda _, paths: write(paths[0].parent, paths[0].name, ["other", *DOCUMENTS]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_interrupted_is_used_only_if_it_is_whole(
    change: str, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PART_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        stop_after(5, patch)
        with pytest.raises(KeyboardInterrupt):
            job(paths, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    CHANGES[change](tmp_path / "out.parquet.parts", paths)
    told: list[str] = []
    job(paths, tmp_path / "out.parquet", tell=told.append)
    assert any("goes on after" in line for line in told) == (change in ("nothing", "unfinished part"))
    whole = count_inputs(open_inputs(paths), pattern="gpt2", special_tokens=[END], workers=1)
    assert read_counts(tmp_path / "out.parquet").pretokens == whole.pretokens


def test_what_is_there_is_not_replaced(paths: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["count", str(paths[0]), "--quiet", "--out"]
    out = tmp_path / "out.parquet"
    assert main([*arguments, str(out)]) == 0
    assert main([*arguments, str(out)]) == 1
    assert "exists; give another --out, or --force to replace it" in capsys.readouterr().err
    assert main([*arguments, str(out), "--force"]) == 0
    for other in (paths[0], paths[1], tmp_path / "missing" / "x.parquet"):
        assert main([*arguments, str(other), "--force"]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    with claimed(tmp_path / "new.parquet.parts", "counts", []):
        assert main([*arguments, str(tmp_path / "new.parquet")]) == 1
    assert "is being written by process" in capsys.readouterr().err
    (tmp_path / "other.parquet.parts").mkdir()
    (tmp_path / "other.parquet.parts" / "mine.txt").write_text("mine")
    assert main([*arguments, str(tmp_path / "other.parquet")]) == 1
    assert "holds 'mine.txt' but not .mergelab" in capsys.readouterr().err


def test_a_source_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"nope\n")
    with pytest.raises(FileFormatError, match="line 1"):
        job(tmp_path / "a.jsonl", tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("damage", ["flip", "cut", "other", "version", "empty", "columns"])
def test_damaged_files_of_counts_are_refused(damage: str, paths: list[Path], tmp_path: Path) -> None:
    from pyarrow import parquet

    out = tmp_path / "out.parquet"
    job(paths, out)
    data = bytearray(out.read_bytes())
    if damage == "flip":
        data[100] ^= 0xFF
    elif damage == "cut":
        data = data[:-10]
    elif damage == "other":
        data = bytearray(paths[1].read_bytes())
    out.write_bytes(data)
    if damage in ("version", "empty", "columns"):
        facts = dict(parquet.read_schema(out).metadata)
        if damage == "version":
            facts = {key: value.replace(b'"version": 1', b'"version": 9') for key, value in facts.items()}
        pretokens = pyarrow.array([1, 2]) if damage == "columns" else pyarrow.array([b"a", b""], pyarrow.binary())
        table = pyarrow.table({"pretoken": pretokens, "count": [1, 1]}).replace_schema_metadata(facts)
        parquet.write_table(table, out)
    with pytest.raises(FileFormatError, match=r"out\.parquet: .*count"):
        read_counts(out)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dictionaries(st.binary(min_size=1, max_size=3), st.integers(1, 2**40), max_size=9), max_size=5))
def test_merging_adds_mappings(tmp_path_factory: pytest.TempPathFactory, counts: list[dict[bytes, int]]) -> None:
    folder, wanted = tmp_path_factory.mktemp("parts"), dict[bytes, int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impls.counts.ROWS", 2)
        paths = [folder / f"{number}" for number in range(len(counts))]
        for path, part in zip(paths, counts, strict=True):
            with path.open("wb") as file:
                write_batches(file, iter([sorted_batch(Pretokens.from_mapping(part))]))
            for pretoken, count in part.items():
                wanted[pretoken] = wanted.get(pretoken, 0) + count
        rows = [row for batch in merged(paths) for row in batch.to_pylist()]
    assert [(row["pretoken"], row["count"]) for row in rows] == sorted(wanted.items())


def test_settings_are_checked() -> None:
    assert Settings.checked("gpt2", [], 1, memory="512MB").memory == 512_000_000
    assert Settings.checked("gpt2", [], 1, memory="1GiB").memory == 1 << 30
    for memory in ("5", "lots", "-1MB", "1e9"):
        with pytest.raises(UsageError, match="memory: "):
            Settings.checked("gpt2", [], 1, memory=memory)
    with pytest.raises(UsageError, match="unknown pattern"):
        Settings.checked("gpt3", [], 1)

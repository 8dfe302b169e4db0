"""Files that change while they are read, extreme texts, full disks, damaged caches: right, or one clear line."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from impls import FileFormatError, InvalidUtf8Error, Tokenizer, train_bpe
from impls.__main__ import main
from impls.encode.jit import Worker
from impls.errors import MergelabError
from impls.inputs.file import TextFile
from impls.kernels.helpers import JIT
from impls.registry import find, implementations
from tests.impls.test_counters import cut_small, use_threads
from tests.support import ROOT
from tests.support.processes import child, names

END = "<|endoftext|>"
BYTES = {byte: bytes([byte]) for byte in range(256)}
LINE = b"Some words in a line, naive \xe2\x80\x94 na\xc3\xafve.\n"

compiled_only = pytest.mark.skipif(not JIT, reason="nothing is compiled")


# Files that change while they are read.


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text that every counter and encoder reads in some 40 ranges."""
    cut_small(monkeypatch, 1000)
    use_threads(monkeypatch)
    path = tmp_path / "text.txt"
    path.write_bytes(LINE * 1000)
    return path


def change_at_read(number: int, change: Callable[[], object], patch: pytest.MonkeyPatch) -> None:
    """Let something happen to the file before one of the reads."""
    read, reads = TextFile.read, iter(range(10**6))

    def read_later(corpus: TextFile, start: int, stop: int) -> bytes:
        if next(reads) == number:
            change()
        return read(corpus, start, stop)

    patch.setattr(TextFile, "read", read_later)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\xff more words" * 1000)


def replace(path: Path) -> None:
    path.with_name("other.txt").write_bytes(LINE * 1000)
    path.with_name("other.txt").replace(path)


@cache
def tokenizer_of_bytes(impl: str) -> Tokenizer:
    """Building a compiled encoder takes a while where it runs as plain Python."""
    return Tokenizer(BYTES, [], impl=impl)


def encode(path: Path, workers: int, impl: str) -> bytes:
    output = path.with_suffix(".bin")
    tokenizer_of_bytes(impl).encode_file(path, output, workers=workers)
    content = output.read_bytes()
    output.unlink()
    return content


def train(path: Path, workers: int, impl: str) -> object:
    return train_bpe(path, 280, [], workers=workers, impl=impl)


WORK = [(train, impl) for impl in ("incremental", "jit")] + [(encode, impl) for impl in ("cached", "jit")]
every_work = pytest.mark.parametrize(("work", "impl"), WORK, ids=[f"{work.__name__}-{impl}" for work, impl in WORK])


@pytest.mark.kernel
@pytest.mark.parametrize("workers", [1, 3])
@every_work
def test_what_is_appended_while_a_file_is_read_does_not_count(
    work: Callable[[Path, int, str], object], impl: str, workers: int, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = work(text, 1, impl)
    change_at_read(20, lambda: append(text), monkeypatch)
    assert work(text, workers, impl) == expected
    assert text.stat().st_size > len(LINE) * 1000


@pytest.mark.kernel
@pytest.mark.parametrize("workers", [1, 3])
@every_work
def test_a_file_that_shrinks_while_it_is_read_is_named_with_its_end(
    work: Callable[[Path, int, str], object], impl: str, workers: int, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_at_read(20, lambda: os.truncate(text, 12_345), monkeypatch)
    with pytest.raises(FileFormatError) as caught:
        work(text, workers, impl)
    assert str(caught.value) == f"{text}: shrank while it was read, and ends at byte 12345; read it again"
    assert names(text.parent) == {"text.txt"}


@pytest.mark.kernel
@pytest.mark.parametrize("workers", [1, 3])
@every_work
def test_a_file_is_never_mixed_with_one_that_took_its_place(
    work: Callable[[Path, int, str], object], impl: str, workers: int, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_at_read(20, lambda: replace(text), monkeypatch)
    with pytest.raises(FileFormatError, match=f"^{text}: another file took its place"):
        work(text, workers, impl)
    assert names(text.parent) == {"text.txt"}


@pytest.mark.kernel
@pytest.mark.parametrize("fault", [b"\xff", b"\x80", b"\xc3", b"\xe2\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
@every_work
def test_invalid_utf8_near_a_cut_is_named_the_same_by_any_number_of_workers(
    work: Callable[[Path, int, str], object], impl: str, fault: bytes, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, 100)
    content = LINE * 10
    text.write_bytes(content)
    (_, cut), *_ = TextFile.open(text).ranges("gpt2", [], 100)
    for place in range(cut - 5, cut + 6):
        faulty = content[:place] + fault + content[place:]
        with pytest.raises(UnicodeDecodeError) as expected:
            faulty.decode()
        text.write_bytes(faulty)
        for workers in (1, 3):
            with pytest.raises(InvalidUtf8Error) as caught:
                work(text, workers, impl)
            assert caught.value.offset == expected.value.start


@pytest.mark.kernel
@pytest.mark.parametrize("impl", ["cached", "jit"])
def test_invalid_utf8_in_a_batch_is_named_by_its_place_in_its_text(impl: str) -> None:
    with pytest.raises(InvalidUtf8Error) as caught:
        Tokenizer(BYTES, [], impl=impl).encode_batch([b"one", b"", b"two\xff", b"three"])
    assert caught.value.offset == 3


@pytest.mark.kernel
def test_an_encoder_begins_anew_after_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    tokenizer, words = Tokenizer(BYTES, [], impl="jit"), " ".join(map(str, range(5000)))
    for call in (tokenizer.encode, lambda text: tokenizer.encode_batch([text])[0]):
        assert call("the cat") == list(b"the cat")
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "_grow_cache", interrupt)
            with pytest.raises(KeyboardInterrupt):
                call(words)
        assert call("the cat") == list(b"the cat")


# Extreme texts.


@pytest.mark.kernel
@pytest.mark.parametrize("row", implementations("train"), ids=lambda row: row.name)
@pytest.mark.parametrize(
    ("content", "n_merges"),
    [(b"a", 0), (b" ", 0), (b"\0", 0), (b"ab", 1), (b" low" * 1000, 3), (b"aaaa", 2), (END.encode() * 1000, 0)],
)
def test_next_to_nothing_trains_and_comes_back(content: bytes, n_merges: int, row: object, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    vocab, merges = train_bpe(path, 300, [END], impl=row.name)  # type: ignore[attr-defined]
    assert len(merges) == n_merges
    for encoder in ("cached", "jit"):
        tokenizer = Tokenizer(vocab, merges, [END], impl=encoder)
        assert tokenizer.decode_bytes(tokenizer.encode(content)) == content


@pytest.mark.kernel
@pytest.mark.parametrize("specials", [[], [END], [END, "<pad>"]])
@pytest.mark.parametrize("row", implementations("train"), ids=lambda row: row.name)
def test_a_vocabulary_of_bytes_and_special_tokens_has_no_merges(
    row: object, specials: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(LINE + END.encode())
    vocab, merges = train_bpe(path, 256 + len(specials), specials, impl=row.name)  # type: ignore[attr-defined]
    assert merges == []
    assert vocab == BYTES | {256 + index: special.encode() for index, special in enumerate(specials)}


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4", "o200k", r"regex:\S+"])
@compiled_only
def test_a_million_special_tokens_are_a_million_ids(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(END.encode() * 1_000_000)
    count = find("count", "jit").load()
    assert len(count(TextFile.open(path), pattern=pattern, special_tokens=[END], workers=2)) == 0
    tokenizer = Tokenizer(*train_bpe(path, 1000, [END], pattern=pattern), [END], pattern=pattern)
    assert tokenizer.encode_file(path, tmp_path / "ids.bin") == 1_000_000
    assert np.array_equal(tokenizer.read_ids(tmp_path / "ids.bin"), np.full(1_000_000, 256))


@pytest.mark.slow
@compiled_only
@pytest.mark.parametrize("n_bytes", [10_000_000, 100_000_000])
def test_one_long_pretoken_works_in_memory_in_proportion(n_bytes: int, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"ab" * (n_bytes // 2))
    limits = {resource.RLIMIT_AS: 1_000_000_000 + 45 * n_bytes}
    for arguments, told in [
        (["train", "text.txt", "--vocab-size", "258", "--impl", "jit", "--out", "tok", "--force"], "258 tokens"),
        (["encode", "tok", "text.txt", "--impl", "jit", "--out", "ids.bin"], f"{n_bytes // 4} ids"),
        (["decode", "tok", "ids.bin", "--out", "again.txt"], ""),
    ]:
        done = child(["-m", "impls", *arguments], tmp_path, limits, OPENBLAS_NUM_THREADS="1")
        assert (done.returncode, done.stderr) == (0, "")
        assert told in done.stdout
    assert (tmp_path / "again.txt").read_bytes() == (tmp_path / "text.txt").read_bytes()


# No room, no memory, no threads, no processes.


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a text, a tokenizer, ids, and outputs of a former run."""
    (tmp_path / "text.txt").write_bytes(LINE * 10_000)
    tokenizer = Tokenizer(*train_bpe(tmp_path / "text.txt", 270, [], impl="incremental"))
    tokenizer.save(tmp_path / "tok")
    tokenizer.encode_file(tmp_path / "text.txt", tmp_path / "ids.bin")
    (tmp_path / "old").write_bytes(b"old")
    return tmp_path


@pytest.mark.parametrize("impl", ["auto", "jit"])
@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["train", "text.txt", "--vocab-size", "280", "--out", "made/new"], "made/new/vocab.json"),
        (["train", "text.txt", "--vocab-size", "280", "--out", "tok", "--force"], "tok/vocab.json"),
        (["encode", "tok", "text.txt", "--out", "new.bin"], "new.bin"),
        (["encode", "tok", "text.txt", "--out", "made.bin", "--force"], "made.bin"),
        (["decode", "tok", "ids.bin", "--out", "new.txt"], "new.txt"),
    ],
)
def test_a_full_disk_is_one_line_and_changes_nothing(arguments: list[str], file: str, impl: str, home: Path) -> None:
    if file == "made.bin":
        assert child(["-m", "impls", *arguments, "--impl", "cached"], home).returncode == 0
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    there = names(home)
    choice = ["--impl", impl] if arguments[0] != "decode" else []
    # The kernel refuses the write that passes the limit, as it does on a full disk.
    done = child(["-m", "impls", *arguments, *choice], home, {resource.RLIMIT_FSIZE: 2000})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f" {file}: File too large; nothing was written: make room, or give another path\n")
    assert names(home) == there
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


# Imports come first: without room for NumPy itself, nothing runs.
LIMITED = """
import resource, sys
from pathlib import Path
import impls.pipeline, impls.saving, impls.stage_times, impls.surgery.prune
from impls.__main__ import main

pages = int(Path("/proc/self/statm").read_text().split()[0])
size = pages * resource.getpagesize() + 30_000_000
resource.setrlimit(resource.RLIMIT_AS, (size, size))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("impl", ["naive", "weighted"])
def test_no_memory_is_one_line(impl: str, home: Path) -> None:
    (home / "text.txt").write_bytes(LINE * 500_000)
    arguments = ["train", "text.txt", "--vocab-size", "280", "--impl", impl, "--pattern", r"regex:\S+|\s+"]
    done = child(["-c", LIMITED, *arguments, "--out", "new"], home)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"python -m impls: error: out of memory; .*\n", done.stderr)
    assert "new" not in names(home)


def children_of(process_id: int) -> list[int]:
    listed = Path(f"/proc/{process_id}/task/{process_id}/children")
    return [int(number) for number in listed.read_text().split()]


def counting(home: Path) -> subprocess.Popen[str]:
    """Start a command, and return when two processes count for it; the third is `multiprocessing`'s own."""
    (home / "text.txt").write_bytes(LINE * 500_000)
    choices = ["--vocab-size", "280", "--impl", "incremental", "--workers", "2", "--out", "new"]
    command = [sys.executable, "-m", "impls", "train", "text.txt", *choices]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(children_of(process.pid)) < 3:
        time.sleep(0.01)
    return process


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_a_counting_process_that_dies_is_one_line(home: Path) -> None:
    process = counting(home)
    os.kill(children_of(process.pid)[-1], signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.fullmatch(r"python -m impls: error: a counting process ended early: .*\n", told)
    assert "new" not in names(home)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_counting_processes_end_with_the_command(home: Path) -> None:
    process = counting(home)
    process.kill()
    process.communicate(timeout=60)  # They hold the other end of standard error until they end.
    assert "new" not in names(home)


@pytest.mark.kernel
def test_a_thread_that_cannot_be_started_is_one_line(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    for work, impl in WORK[1], WORK[3]:
        with pytest.raises(MergelabError, match=r"can't start new thread; .* fewer workers"):
            work(text, 3, impl)
        work(text, 1, impl)


def test_a_warning_is_a_note_of_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impls.commands.list.run", lambda _: warnings.warn("folder: full\nof files", stacklevel=1))
    assert main(["list"]) == 0
    assert capsys.readouterr().err == "python -m impls: note: folder: full\\nof files\n"

"""`python -m impls` from outside: round trips, exit statuses, one-line errors, nothing left behind."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from impls import Tokenizer, train_bpe
from impls.__main__ import main
from impls.registry import STAGES, implementations
from tests.support.commands import (
    BAD_UTF8,
    COMMAND,
    ENVIRONMENT,
    TEXT,
    Capture,
    assert_fails,
    assert_one_line,
    contents,
    run,
)


@pytest.fixture
def home(tokenizer_home: Path) -> Path:
    """The folder to work in."""
    return tokenizer_home


@pytest.mark.slow
def test_round_trip_of_the_real_command(home: Path) -> None:
    steps = [
        ("train", "text.txt", "--vocab-size", "280", "--special-token", "<s>", "--out", "new"),
        ("encode", "new", "text.txt", "--out", "new.bin"),
        ("decode", "new", "new.bin", "--out", "again.txt"),
    ]
    for step in steps:
        done = run(*step, folder=home)
        assert (done.returncode, done.stderr) == (0, b""), step
    assert (home / "again.txt").read_bytes() == TEXT.encode()
    assert (home / "new.bin").read_bytes() == Tokenizer.load(home / "new").encode_to_array(TEXT).astype(
        "<u2"
    ).tobytes()
    done = run("decode", "new", "new.bin", folder=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, TEXT.encode(), b"")


def test_the_real_command_fails_with_one_line(home: Path) -> None:
    cases = [
        (("train", "nope.txt", "--vocab-size", "300", "--out", "new"), 1, "nope.txt"),
        (("train", "text.txt", "--vocab-size", "-5", "--out", "new"), 2, "-5"),
        (("encode", "tok", "text.txt", "--out", "text.txt/ids.bin"), 1, "text.txt/ids.bin"),
        (("decode", "tok", "beyond.bin"), 1, "270"),
        ((), 2, "COMMAND|command"),
    ]
    before = contents(home)
    for arguments, status, names in cases:
        done = run(*arguments, folder=home)
        assert_one_line(done.stderr.decode(), names)
        assert done.returncode == status
    assert contents(home) == before


def test_a_closed_pipe_ends_the_output_without_a_traceback(home: Path) -> None:
    # Far more than a pipe holds.
    np.full(8_000_000, 65, "<u2").tofile(home / "big.bin")
    process = subprocess.Popen(
        [*COMMAND, "decode", "tok", "big.bin"],
        cwd=home,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(1) == b"A"
    process.stdout.close()
    complaint = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in complaint
    assert "Exception" not in complaint
    assert complaint.count("\n") <= 1


@pytest.mark.parametrize("arguments", [("decode", "tok", "ids.bin"), ("list",)])
def test_a_standard_output_that_is_full_is_a_failure(arguments: tuple[str, ...], home: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=home, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert_one_line(done.stderr.decode(), "No space left on device")
    assert done.returncode == 1


def test_train_says_what_it_wrote(home: Path, capsys: Capture) -> None:
    specials = ["--special-token", "<s>", "--special-token", "<pad>"]
    arguments = ["train", "text.txt", "--vocab-size", "270", *specials, "--pattern", "gpt4", "--out", "a/b"]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert re.fullmatch(r"a/b: 270 tokens \(12 merges, 2 special\) in \d+\.\d\d s\n", shown.out)
    assert shown.err == ""
    loaded = Tokenizer.load(home / "a" / "b")
    assert (loaded.pattern, loaded.special_tokens) == ("gpt4", {"<s>": 268, "<pad>": 269})
    vocab, merges = train_bpe(home / "text.txt", 270, ["<s>", "<pad>"], pattern="gpt4")
    assert (loaded.vocab, loaded.merges) == (vocab, merges)


@pytest.mark.parametrize("tie_break", ["greatest", "huggingface"])
def test_train_options_reach_the_trainer(tie_break: str, home: Path, capsys: Capture) -> None:
    options = ["--tie-break", tie_break, "--impl", "weighted", "--workers", "1", "--pattern", r"regex:\S+"]
    assert main(["train", "text.txt", "--vocab-size", "275", *options, "--out", "new"]) == 0
    assert capsys.readouterr().err == ""
    _, merges = train_bpe(home / "text.txt", 275, [], pattern=r"regex:\S+", tie_break=tie_break)  # type: ignore[arg-type]
    assert Tokenizer.load(home / "new").merges == merges


@pytest.mark.parametrize("impl", ["auto", "naive", "heap"])
def test_encode_says_what_it_wrote(impl: str, home: Path, capsys: Capture) -> None:
    assert main(["encode", "tok", "text.txt", "--impl", impl, "--out", "new.bin"]) == 0
    shown = capsys.readouterr()
    n_ids, n_bytes = len((home / "ids.bin").read_bytes()) // 2, len(TEXT.encode())
    ratio = f"{n_bytes / n_ids:.3f}"
    n_documents = TEXT.count("<s>") + 1
    assert re.fullmatch(
        rf"new\.bin: {n_ids} ids \(uint16\) of {n_bytes} bytes, {ratio} bytes per id, documents: {n_documents}\n"
        rf"{n_bytes} bytes in [\d.]+ s, [\d.]+ MB/s\n",
        shown.out,
    )
    assert shown.err == ""
    assert (home / "new.bin").read_bytes() == (home / "ids.bin").read_bytes()


def test_list_names_every_implementation(capsys: Capture) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(STAGES)
    for stage in STAGES:
        for row in implementations(stage):
            assert any(line.split()[0] == row.name and line.endswith(row.idea) for line in lines if line[0] == " ")
    assert shown.err == ""


@pytest.mark.usefixtures("home")
def test_verbose_prints_a_line_for_each_merge(capsys: Capture) -> None:
    arguments = ["train", "text.txt", "--vocab-size", "263", "--special-token", "<s>", "--out", "new", "--verbose"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    loaded = Tokenizer.load("new")
    ids = {token: token_id for token_id, token in loaded.vocab.items()}
    n = len(loaded.merges)
    assert n == 6
    for rank, ((left, right), line) in enumerate(zip(loaded.merges, lines[:n], strict=True)):
        start = f"merge {rank + 1}: ({ids[left]}, {ids[right]}) -> {256 + rank} {left + right!r} count "
        assert line.startswith(start)
        assert re.fullmatch(r"\d+ in \d+\.\d+ ms", line.removeprefix(start))
    assert lines[-1].startswith("new: 263 tokens")
    times = dict(line.removesuffix(" s").split(": ") for line in lines[n:-1])
    assert list(times) == ["counting", "merges", "laying out pretokens, telling of merges", "saving", "total"]
    *parts, total = map(float, times.values())
    assert sum(parts) == pytest.approx(total, abs=5e-6)
    merges = [float(line.split()[-2]) / 1e3 for line in lines[:n]]
    assert sum(merges) == pytest.approx(parts[1], abs=1e-5)


def test_train_replaces_a_tokenizer_only_by_force(home: Path, capsys: Capture) -> None:
    arguments = ["train", "text.txt", "--out", "new", "--vocab-size"]
    assert main([*arguments, "260"]) == 0
    assert main([*arguments, "261"]) == 1
    assert "new: holds a tokenizer; give another --out, or --force" in capsys.readouterr().err
    assert len(Tokenizer.load(home / "new").vocab) == 260
    assert main([*arguments, "261", "--force"]) == 0
    assert len(Tokenizer.load(home / "new").vocab) == 261


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_train_refuses_files_of_others_before_it_trains(name: str, home: Path, capsys: Capture) -> None:
    (home / "new").mkdir()
    (home / "new" / name).write_text("mine")
    assert main(["train", "text.txt", "--out", "new", "--vocab-size", "260", "--force"]) == 1
    assert f"new/{name}: mergelab.json is not beside it, so mergelab did not write it" in capsys.readouterr().err
    assert [path.name for path in (home / "new").iterdir()] == [name]


def test_encode_and_decode_do_not_replace_their_input(home: Path, capsys: Capture) -> None:
    before = (home / "text.txt").read_bytes()
    for command in ("encode", "decode"):
        assert main([command, "tok", "text.txt", "--out", "./text.txt"]) == 1
        assert "text.txt: is the same file as the input" in capsys.readouterr().err
    assert (home / "text.txt").read_bytes() == before


TRAIN = ("train", "text.txt", "--out", "new", "--vocab-size")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), "COMMAND"),
        (("frobnicate",), "frobnicate"),
        (("train", "text.txt", "--out", "new"), "--vocab-size"),
        (("train", "--vocab-size", "300", "--out", "new"), "input"),
        ((*TRAIN, "255"), "vocab_size: 255 is too small.* at least 256"),
        (
            (*TRAIN, "257", "--special-token", "<a>", "--special-token", "<b>"),
            "vocab_size: 257 is too small.* at least 258",
        ),
        ((*TRAIN, "0"), "vocab_size: 0 is too small"),
        ((*TRAIN, "-5"), "-5"),
        ((*TRAIN, "3.5"), "'3.5'"),
        ((*TRAIN, "lots"), "'lots'"),
        ((*TRAIN, ""), "--vocab-size"),
        ((*TRAIN, "300", "--impl", "fast"), "'fast'"),
        ((*TRAIN, "300", "--impl", "heap"), "'heap'"),
        ((*TRAIN, "300", "--pattern", "gpt9"), "'gpt9'"),
        ((*TRAIN, "300", "--pattern", "regex:("), r"regex:\("),
        ((*TRAIN, "300", "--special-token", ""), "special tokens: number 0 is empty"),
        ((*TRAIN, "300", "--special-token", "a"), "special tokens: 'a' is a single byte"),
        ((*TRAIN, "300", "--special-token", "<s>", "--special-token", "<s>"), "'<s>' is given twice"),
        ((*TRAIN, "300", "--special-token", "\ufffd"), "special tokens"),
        ((*TRAIN, "300", "--workers", "0"), "workers: 0"),
        ((*TRAIN, "300", "--workers", "-1"), "workers: -1"),
        ((*TRAIN, "300", "--workers", "all"), "'all'"),
        ((*TRAIN, "300", "--tie-break", "random"), "'random'"),
        ((*TRAIN, "300", "--errors", "ignore"), "'ignore'"),
        ((*TRAIN, "300", "--colour"), "--colour"),
        (("encode", "tok", "text.txt"), "--out"),
        (("encode", "tok", "text.txt", "--out", "new.bin", "--impl", "fast"), "'fast'"),
        (("encode", "tok", "text.txt", "--out", "new.bin", "--errors", "ignore"), "'ignore'"),
        (("decode", "tok"), "input"),
        (("list", "extra"), "extra"),
    ],
)
def test_bad_usage_exits_2(arguments: tuple[str, ...], names: str, home: Path, capsys: Capture) -> None:
    assert_fails(arguments, 2, names, home, capsys)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("train", "nope.txt", "--vocab-size", "300", "--out", "new"), "nope.txt: No such file"),
        (("train", "folder", "--vocab-size", "300", "--out", "new"), "folder: the folder holds no .txt"),
        (("train", "/dev/null", "--vocab-size", "300", "--out", "new"), "/dev/null: not a regular file"),
        (("train", "empty.txt", "--vocab-size", "300", "--out", "new"), "empty.txt: the file is empty"),
        (("train", "bad.txt", "--vocab-size", "300", "--out", "new"), "bad.txt: invalid UTF-8 at byte 8;"),
        (("train", "no\nsuch.txt", "--vocab-size", "300", "--out", "new"), "such.txt"),
        (("train", "text.txt", "--vocab-size", "300", "--out", "text.txt"), "text.txt: "),
        (("train", "text.txt", "--vocab-size", "300", "--out", "text.txt/new"), "text.txt/new: "),
        (("train", "text.txt", "--vocab-size", "300", "--out", "/proc/no/such"), "/proc/no"),
        (
            ("encode", "nope", "text.txt", "--out", "new.bin"),
            "nope: No such file or directory; give a folder with mergelab.json",
        ),
        (("encode", "text.txt", "text.txt", "--out", "new.bin"), "text.txt: is not a tokenizer; give a folder with"),
        (("encode", "folder", "text.txt", "--out", "new.bin"), "folder: is not a tokenizer; give a folder with"),
        (("encode", "tok", "nope.txt", "--out", "new.bin"), "nope.txt: No such file"),
        (("encode", "tok", "folder", "--out", "new.bin"), "folder: the folder holds no .txt"),
        (("encode", "tok", "empty.txt", "--out", "new.bin"), "empty.txt: the file is empty"),
        (("encode", "tok", "bad.txt", "--out", "new.bin"), "bad.txt: invalid UTF-8 at byte 8;"),
        (("encode", "column", "text.txt", "--out", "new.bin"), "column/merges.txt: line 15: 'lonely'"),
        (("encode", "third", "text.txt", "--out", "new.bin"), "third/merges.txt: line 15: 'a b c'"),
        (("encode", "twice", "text.txt", "--out", "new.bin"), "twice/merges.txt: line 16: .*already in line 15"),
        (("encode", "edited", "text.txt", "--out", "new.bin"), "edited: .*digest differs"),
        (("encode", "small", "text.txt", "--out", "new.bin"), "0x77"),
        (("encode", "tok", "text.txt", "--out", "folder"), "folder: Is a directory"),
        (("encode", "tok", "text.txt", "--out", "missing/new.bin"), "missing/new.bin: No such file"),
        (("encode", "tok", "text.txt", "--out", "text.txt/new.bin"), "text.txt/new.bin: Not a directory"),
        (("encode", "tok", "text.txt", "--out", "."), r"error: \.: "),
        (("encode", "tok", "text.txt", "--out", "n" * 300), "nnn: File name too long"),
        (("decode", "nope", "ids.bin"), "nope: No such file or directory; give a"),
        (("decode", "twice", "ids.bin"), "twice/merges.txt: line 16"),
        (("decode", "tok", "nope.bin"), "nope.bin: No such file"),
        (("decode", "tok", "folder"), "folder: Is a directory"),
        (("decode", "tok", "empty.txt"), "empty.txt: the file is empty"),
        (("decode", "tok", "odd.bin"), "odd.bin: has 3 bytes, not a multiple of the 2 bytes of a uint16 id"),
        (("decode", "tok", "odd.bin", "--out", "new.txt"), "odd.bin: has 3 bytes"),
        (("decode", "tok", "beyond.bin"), "beyond.bin: .*270 at place 2"),
        (("decode", "tok", "beyond.bin", "--out", "new.txt"), "beyond.bin: .*270 at place 2"),
        (("decode", "tok", "ids.bin", "--out", "folder"), "folder: Is a directory"),
        (("decode", "tok", "ids.bin", "--out", "missing/new.txt"), "missing/new.txt: No such file"),
        (("decode", "tok", "ids.bin", "--out", "text.txt/new.txt"), "text.txt/new.txt: Not a directory"),
    ],
)
def test_failure_exits_1(arguments: tuple[str, ...], names: str, home: Path, capsys: Capture) -> None:
    assert_fails(arguments, 1, names, home, capsys)


def test_the_place_of_a_bad_id_counts_from_the_start_of_the_file(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impls.decoder.DECODE_IDS", 2)
    assert_fails(("decode", "tok", "beyond.bin", "--out", "new.txt"), 1, "270 at place 2 ", home, capsys)


def test_decode_in_pieces_gives_the_whole_text(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impls.decoder.DECODE_IDS", 1)
    assert main(["decode", "tok", "ids.bin", "--out", "new.txt"]) == 0
    assert (home / "new.txt").read_bytes() == TEXT.encode()
    assert capsys.readouterr().err == ""


def test_invalid_utf8_is_replaced_on_request(home: Path, capsys: Capture) -> None:
    replaced = ["--errors", "replace"]
    assert main(["train", "bad.txt", "--vocab-size", "258", "--out", "new", *replaced]) == 0
    assert main(["encode", "new", "bad.txt", "--out", "new.bin", *replaced]) == 0
    assert main(["decode", "new", "new.bin", "--out", "new.txt"]) == 0
    assert capsys.readouterr().err == ""
    assert (home / "new.txt").read_text("utf-8") == BAD_UTF8.decode(errors="replace")


def test_a_vocabulary_beyond_what_the_text_gives_is_no_error(home: Path, capsys: Capture) -> None:
    (home / "ab.txt").write_text("ab ab")
    assert main(["train", "ab.txt", "--vocab-size", "1000000000000", "--out", "new"]) == 0
    assert "258 tokens (2 merges, 0 special)" in capsys.readouterr().out


def test_an_interrupt_exits_130_and_leaves_nothing(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("impls.encode.cached.CachedEncoder.encode", interrupt)
    arguments = ("encode", "tok", "text.txt", "--out", "new.bin", "--impl", "cached")
    assert_fails(arguments, 130, "interrupted", home, capsys)


def test_a_closed_standard_output_is_one_line(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python makes of `>&-` in the shell.
    monkeypatch.setattr("sys.stdout", None)
    assert main(["list"]) == 1
    assert capsys.readouterr().err == (
        "python -m impls: error: standard output is closed; send it to /dev/null if it is not wanted\n"
    )

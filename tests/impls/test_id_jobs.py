"""Encoding to files of ids: splits disjoint by content, shards, special tokens, and what is never replaced."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impls import FileFormatError, MergelabError, Tokenizer, UsageError
from impls.__main__ import main
from impls.ids import sidecar
from impls.inputs import file as input_file
from impls.inputs.file import TextFile
from impls.inputs.held_out import HeldOut
from impls.jobs import split as split_module
from impls.jobs.ids import Order, Written, encode_to_ids
from tests.support.commands import Capture, contents, status_of
from tests.support.tokenizers import BYTES, FRAGMENTS, cat

END = "<|endoftext|>"
TOKENIZER = Tokenizer(BYTES, [], [END], impl="cached")
TEXT = "".join(f"document {number % 17} " * (number % 4 + 1) + f"{END}\n" for number in range(60)) + "the last"
DOCUMENT = st.lists(st.sampled_from(["\n", *FRAGMENTS]), max_size=9).map("".join)
ANY_SPLIT = HeldOut(0.4, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_bytes(TEXT.encode())
    TOKENIZER.save("tok")
    return tmp_path


def encoded(tokenizer: Tokenizer = TOKENIZER, **order: object) -> list[Written]:
    return encode_to_ids(tokenizer, TextFile.open("text.txt"), Order(Path("ids.bin"), **order))  # type: ignore[arg-type]


def side_of(document: str, rule: HeldOut) -> str:
    state = zlib.crc32(document.removeprefix("\n").encode(), zlib.crc32(str(rule.seed).encode()))
    return "val" if state < rule.share * 2**32 else "train"


@pytest.fixture(params=[30, 1 << 20])
def small_ranges(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    ranges = TextFile.ranges
    monkeypatch.setattr(
        input_file.TextFile, "ranges", lambda self, pattern, specials: ranges(self, pattern, specials, request.param)
    )
    monkeypatch.setattr(split_module, "SPOOL_BYTES", request.param)
    monkeypatch.setattr(split_module, "BLOCK_IDS", request.param)


@pytest.mark.usefixtures("small_ranges")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(
        st.lists(st.sampled_from(["\n", *FRAGMENTS]), max_size=9).map("".join), min_size=1, max_size=9
    ),
    seed=st.integers(0, 5),
)
def test_each_document_goes_whole_to_the_side_that_its_content_decides(documents: list[str], seed: int) -> None:
    *ended, last = END.join(documents).split(END)
    rule = HeldOut(0.5, seed)
    expected = {"train": "", "val": ""}
    for document in ended:
        expected[side_of(document, rule)] += document + END
    if last:
        expected[side_of(last, rule)] += last
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_bytes(END.join(documents).encode())
        order = Order(Path(folder, "ids.bin"), held_out=rule)
        if not all(expected.values()):
            if path.stat().st_size:
                with pytest.raises(FileFormatError, match=r"ids-(train|val)\.bin: no document is left for"):
                    encode_to_ids(TOKENIZER, TextFile.open(path), order)
                assert list(Path(folder).iterdir()) == [path]
            return
        for (place, facts), side in zip(encode_to_ids(TOKENIZER, TextFile.open(path), order), expected, strict=True):
            assert place.name == f"ids-{side}.bin"
            assert TOKENIZER.decode(TOKENIZER.read_ids(place)) == expected[side]
            assert facts["bytes"] == len(expected[side].encode())
            *whole, rest = expected[side].split(END)
            assert facts["documents"] == len(whole) + bool(rest)


@pytest.mark.usefixtures("home")
def test_the_sides_are_disjoint_by_content_for_any_tokenizer() -> None:
    sides = {}
    for tokenizer in (TOKENIZER, Tokenizer({**BYTES, 256: b"do"}, [(b"d", b"o")], ["<x>", END])):
        texts = [
            tokenizer.decode(tokenizer.read_ids(path)).removesuffix(END).split(END)
            for path, _ in encoded(tokenizer, held_out=ANY_SPLIT, force=True)
        ]
        train, val = ({document.removeprefix("\n") for document in text} for text in texts)
        assert train
        assert val
        assert not train & val
        sides[tokenizer] = val
    first, second = sides.values()
    assert first == second


@pytest.mark.usefixtures("home", "small_ranges")
@pytest.mark.parametrize("shard_ids", [1, 7, 100, 10**6])
def test_shards_hold_a_fixed_number_of_ids(shard_ids: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impls.ids.writer.MOST_FILES", 10**5)
    Path("text.txt").write_text(TEXT[:300])
    files = encoded(shard_ids=shard_ids, format="llmc")
    ids = [TOKENIZER.read_ids(path).tolist() for path, _ in files]
    assert [token_id for shard in ids for token_id in shard] == TOKENIZER.encode(TEXT[:300])
    assert {len(shard) for shard in ids[:-1]} <= {shard_ids}
    assert 0 < len(ids[-1]) <= shard_ids
    assert [path.name for path, _ in files] == [f"ids-{number:06d}.bin" for number in range(len(files))]
    assert [(facts["shard"], facts["shards"]) for _, facts in files] == [(i, len(files)) for i in range(len(files))]
    assert sum(facts["bytes"] for _, facts in files) == 300


@pytest.mark.usefixtures("home")
def test_fewer_shards_leave_none_of_an_earlier_run() -> None:
    assert len(encoded(shard_ids=200)) > 3
    Path("ids-000000.bin.txt").write_text("mine")
    with pytest.raises(FileFormatError, match=r"ids-000000\.bin: exists; .* --force"):
        encoded(shard_ids=10**6)
    assert len(encoded(shard_ids=10**6, force=True)) == 1
    assert sorted(path.name for path in Path().glob("ids-*")) == [
        "ids-000000.bin", "ids-000000.bin.json", "ids-000000.bin.txt",
    ]  # fmt: skip


def test_the_sidecar_tells_where_the_ids_come_from(home: Path, capsys: Capture) -> None:
    words = ["encode", "tok", "text.txt", "--out", "ids.npy", "--validation", "0.4", "--seed", "1", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["seconds"]) == {"load", "encode"}
    assert [file["path"] for file in told["files"]] == ["ids-train.npy", "ids-val.npy"]
    for file, side in zip(told["files"], ("train", "val"), strict=True):
        values = sidecar.read(home / file["path"])
        assert values == {"format": sidecar.FORMAT, **{name: file[name] for name in file if name != "path"}}
        ids = np.load(file["path"])
        assert (values["ids"], values["dtype"], values["kind"]) == (len(ids), "uint16", "npy")
        assert (values["split"], values["validation"], values["seed"]) == (side, 0.4, 1)
        assert values["tokenizer"] == TOKENIZER.fingerprint()
        assert values["source"] == {
            "names": ["text.txt"],
            "bytes": len(TEXT.encode()),
            "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
        }
        assert (values["command"], values["document_end"], values["special"]) == (words, END, "all")
        assert str(home) not in Path(f"{file['path']}.json").read_text()
    assert sum(file["documents"] for file in told["files"]) == TEXT.count(END) + 1


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("special", ["all", "none", "none_raise"])
def test_special_tokens_are_treated_as_asked(special: str, capsys: Capture) -> None:
    status = main(["encode", "tok", "text.txt", "--out", "ids.bin", "--special", special])
    if special == "none_raise":
        told = f"text.txt: holds the special token '{END}' at byte {TEXT.index(END)}; "
        assert (status, told in capsys.readouterr().err) == (2, True)
        assert not Path("ids.bin").exists()
        return
    assert status == 0
    assert TOKENIZER.read_ids("ids.bin").tolist() == TOKENIZER.encode(TEXT, special=special)  # type: ignore[arg-type]


@pytest.mark.usefixtures("home", "small_ranges")
def test_text_without_special_tokens_passes_in_any_mode_and_is_cut_anywhere() -> None:
    Path("text.txt").write_text("the cat <|endof text|> " * 30)
    expected = TOKENIZER.encode("the cat <|endof text|> " * 30)
    for special in ("all", "none", "none_raise"):
        encoded(special=special, force=True)
        assert TOKENIZER.read_ids("ids.bin").tolist() == expected


def test_an_interrupted_or_failed_job_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(home)
    Path("text.txt").write_bytes(TEXT.encode() + b"\xff")
    with pytest.raises(MergelabError, match="invalid UTF-8 at byte"):
        encoded(shard_ids=50, held_out=ANY_SPLIT)
    Path("text.txt").write_bytes(TEXT.encode())
    monkeypatch.setattr("impls.ids.llmc.MOST_IDS", 100)
    with pytest.raises(FileFormatError, match=r"llmc: a file holds at most 100 ids, not \d+; give --shard-tokens"):
        encoded(format="llmc")
    monkeypatch.setattr("impls.ids.writer.MOST_FILES", 3)
    with pytest.raises(UsageError, match="--shard-tokens: 50 makes more than 3 files"):
        encoded(shard_ids=50)
    monkeypatch.setattr("impls.ids.megatron.MOST_IDS", 20)
    with pytest.raises(FileFormatError, match=r"megatron: document \d+ has \d+ ids, .* --document-end"):
        encoded(format="megatron")
    assert contents(home) == before


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (["--format", "llmc", "--shard-tokens", "0"], 2, "--shard-tokens: 0 is too small"),
        (["--format", "megatron", "--shard-tokens", "9"], 2, "the format megatron makes one file"),
        (["--format", "parquet"], 2, "parquet"),
        (["--validation", "1"], 2, r"validation: 1.0 is not a share"),
        (["--validation", "1e-9"], 1, r"new-val\.bin: no document is left for validation; give another"),
        (["--validation", "0.1", "--special", "none"], 2, "--special: with none, no special token ends a document"),
        (["--document-end", "<x>"], 2, r"--document-end: '<x>' is not a special token .* choose one of '<\|endof"),
        (["--special", "some"], 2, "some"),
        (["--workers", "0"], 2, "workers: 0 is too small"),
    ],
)
def test_bad_options_are_one_line(options: list[str], status: int, says: str, home: Path, capsys: Capture) -> None:
    before = contents(home)
    assert status_of(["encode", "tok", "text.txt", "--out", "new.bin", *options]) == status
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert re.search(says, complaint), complaint
    assert contents(home) == before


@pytest.mark.usefixtures("home")
def test_a_tokenizer_without_special_tokens_cannot_split() -> None:
    with pytest.raises(UsageError, match="no special token that ends a document"):
        encoded(cat(), held_out=ANY_SPLIT)


@pytest.mark.parametrize("name", ["ids.bin", "ids.idx", "ids.bin.json"])
def test_files_of_others_are_never_replaced(name: str, home: Path, capsys: Capture) -> None:
    (home / name).write_text("mine")
    before = contents(home)
    assert main(["encode", "tok", "text.txt", "--out", "ids.bin", "--format", "megatron", "--force"]) == 1
    assert "ids.bin: exists, and no ids.bin.json says that mergelab wrote it" in capsys.readouterr().err
    assert contents(home) == before


def test_ids_of_ours_are_replaced_by_force(home: Path, capsys: Capture) -> None:
    words = ["encode", "tok", "text.txt", "--out", "ids.bin"]
    assert main(words) == 0
    before = contents(home)
    assert main(words) == 1
    assert "ids.bin: exists; give another --out, or --force to replace it" in capsys.readouterr().err
    assert contents(home) == before
    Path("text.txt").write_text("the hat")
    assert main([*words, "--force"]) == 0
    assert TOKENIZER.decode(TOKENIZER.read_ids("ids.bin")) == "the hat"


def test_many_files_are_decoded_in_order_and_checked_first(
    home: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["encode", "tok", "text.txt", "--out", "ids.npy", "--shard-tokens", "300"]) == 0
    capsysbinary.readouterr()
    assert main(["decode", "tok", "ids-*.npy"]) == 0
    assert capsysbinary.readouterr().out == TEXT.encode()
    (home / "ids-000001.npy.json").write_text("{}")
    assert main(["decode", "tok", "ids-000000.npy", "ids-000001.npy"]) == 1
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert b"ids-000001.npy.json: is damaged" in err
    assert main(["decode", "tok", "ids-000000.npy", "--out", "ids-000000.npy"]) == 1
    assert b"is the same file as the input" in capsysbinary.readouterr().err

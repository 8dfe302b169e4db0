"""Files of ids: what we write is read by readers written from the formats' own descriptions, and the other way."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impls import FileFormatError, MergelabError, Tokenizer, UsageError
from impls.ids import FORMATS, NAMES, format_for, sidecar
from impls.ids.files import expand, open_ids
from impls.inputs.file import TextFile
from impls.inputs.held_out import HeldOut
from impls.jobs.ids import Order, encode_to_ids
from tests.support.tokenizers import BYTES, FRAGMENTS

END = "<|endoftext|>"
SMALL = Tokenizer(BYTES, [], [END], impl="cached")
WIDE = Tokenizer({**BYTES, 70_000: b"the", 300: b"th"}, [(b"t", b"h"), (b"th", b"e")], [END], impl="cached")
TOKENIZERS = {"uint16": SMALL, "uint32": WIDE}
DOCUMENTS = st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join), min_size=1, max_size=8)


def llmc(path: Path) -> np.ndarray:
    """llm.c's data loader: a header of 256 int32, then the ids."""
    header = np.frombuffer(path.read_bytes()[:1024], np.int32)
    dtype = {(20240520, 1): np.uint16, (20240801, 7): np.uint32}[int(header[0]), int(header[1])]
    ids = np.frombuffer(path.read_bytes()[1024:], dtype)
    assert len(ids) == header[2]
    assert not header[3:].any()
    return ids


def megatron(path: Path) -> list[list[int]]:
    """Megatron-LM's indexed data set: the documents."""
    index = path.with_suffix(".idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, n_sequences, n_entries = struct.unpack("<QBQQ", index[9:34])
    assert version == 1
    dtype = {4: np.int32, 8: np.uint16}[code]
    lengths = np.frombuffer(index, np.int32, n_sequences, 34)
    pointers = np.frombuffer(index, np.int64, n_sequences, 34 + lengths.nbytes)
    documents = np.frombuffer(index, np.int64, n_entries, 34 + lengths.nbytes + pointers.nbytes)
    assert len(index) == 34 + lengths.nbytes + pointers.nbytes + documents.nbytes
    assert documents.tolist() == list(range(n_sequences + 1))
    content = path.read_bytes()
    sequences = zip(pointers.tolist(), lengths.tolist(), strict=True)
    return [np.frombuffer(content, dtype, length, start).tolist() for start, length in sequences]


def written(folder: Path, text: str, tokenizer: Tokenizer, out: str, **order: object) -> Path:
    (folder / "text.txt").write_bytes(text.encode())
    (file, *_) = encode_to_ids(tokenizer, TextFile.open(folder / "text.txt"), Order(folder / out, **order))  # type: ignore[arg-type]
    return file[0]


@pytest.mark.parametrize("dtype", TOKENIZERS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS)
def test_the_formats_are_read_by_their_own_readers(dtype: str, documents: list[str], tmp_path: Path) -> None:
    tokenizer, text = TOKENIZERS[dtype], END.join(documents)
    if not text:
        return
    ids = tokenizer.encode(text)
    bare = written(tmp_path, text, tokenizer, "ids.bin", force=True)
    assert np.fromfile(bare, dtype).tolist() == ids
    npy = np.load(written(tmp_path, text, tokenizer, "ids.npy", force=True), mmap_mode="r", allow_pickle=False)
    assert (npy.dtype, npy.tolist()) == (np.dtype(dtype), ids)
    assert llmc(written(tmp_path, text, tokenizer, "llmc.bin", format="llmc", force=True)).tolist() == ids
    found = megatron(written(tmp_path, text, tokenizer, "megatron.idx", force=True))
    *ended, last = text.split(END)
    assert found == [tokenizer.encode(document + END) for document in ended] + [tokenizer.encode(last)] * bool(last)


@pytest.mark.parametrize("dtype", TOKENIZERS)
@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_what_is_written_is_read_back_with_and_without_the_sidecar(row: object, dtype: str, tmp_path: Path) -> None:
    tokenizer, text = TOKENIZERS[dtype], f"the cat{END}\nthe hat{END}" * 50
    path = written(tmp_path, text, tokenizer, "ids.bin", format=row.name)  # type: ignore[attr-defined]
    for _ in range(2):
        assert b"".join(tokenizer.decode_file(path)) == text.encode()
        mapped = tokenizer.read_ids(path)
        assert mapped.tolist() == tokenizer.encode(text)
        assert mapped.dtype.itemsize == np.dtype(dtype).itemsize
        sidecar.path_of(path).unlink(missing_ok=True)


def test_ids_of_others_are_read(tmp_path: Path) -> None:
    ids = SMALL.encode("the cat")
    for dtype in ("u1", "<i4", ">i8", "<u2"):
        np.save(tmp_path / "theirs.npy", np.array(ids, dtype))
        assert SMALL.decode(SMALL.read_ids(tmp_path / "theirs.npy")) == "the cat"
        assert b"".join(SMALL.decode_file(tmp_path / "theirs.npy")) == b"the cat"
    with (tmp_path / "two.npy").open("wb") as file:
        np.lib.format.write_array(file, np.array(ids, "<i4"), version=(2, 0))
    assert SMALL.decode(SMALL.read_ids(tmp_path / "two.npy")) == "the cat"
    np.array(ids, "<i4").tofile(tmp_path / "m.bin")
    sizes, offsets = np.array([3, 4], "<i4"), np.array([0, 12], "<i8")
    index = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 4, 2, 2) + sizes.tobytes() + offsets.tobytes()
    (tmp_path / "m.idx").write_bytes(index + np.array([0, 2], "<i8").tobytes())  # One document of two sequences.
    for name in ("m.bin", "m.idx"):
        assert b"".join(SMALL.decode_file(tmp_path / name)) == b"the cat"


def test_ids_of_another_tokenizer_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "the cat", SMALL, "ids.bin")
    other = Tokenizer(BYTES, [], ["<s>"])
    for work in (other.read_ids, other.decode_file):
        with pytest.raises(FileFormatError, match=r"ids\.bin: holds ids of another tokenizer .* give the tokenizer"):
            work(path)
    sidecar.path_of(path).unlink()
    assert other.decode(other.read_ids(path)) == "the cat"


def damaged(tmp_path: Path) -> dict[str, tuple[str, bytes]]:
    """Damage -> the name of a file and its content."""
    whole = {
        row.name: written(tmp_path, f"the{END}cat", SMALL, f"{row.name}.bin", format=row.name) for row in FORMATS
    }
    for path in whole.values():
        sidecar.path_of(path).unlink()
    content = {name: path.read_bytes() for name, path in whole.items()}
    index = (tmp_path / "megatron.idx").read_bytes()
    return {
        "cut": ("npy.bin", content["npy"][:-1]),
        "more": ("llmc.bin", content["llmc"] + b"\0"),
        "cut header": ("npy.bin", content["npy"][:40]),
        "code in the header": ("npy.bin", content["npy"].replace(b"{'descr'", b"{__import")),
        "two columns": ("npy.bin", content["npy"].replace(b"(7,)} ", b"(7,1)}")),
        "objects": ("npy.bin", content["npy"].replace(b"'<u2'", b"'|O' ")),
        "a huge array": ("npy.bin", content["npy"].replace(b"(7,)}      ", b"(7000000,)}")),
        "fewer ids": ("llmc.bin", content["llmc"][:8] + b"\xff\xff\xff\xff" + content["llmc"][12:]),
        "odd": ("bin.bin", content["bin"] + b"\0"),
        "cut index": ("megatron.idx", index[:-4]),
        "empty index": ("megatron.idx", index[:9]),
        "another version": ("megatron.idx", index[:9] + b"\2" + index[10:]),
        "floats": ("megatron.idx", index[:17] + b"\7" + index[18:]),
        "many documents": ("megatron.idx", index[:18] + b"\xff" * 16 + index[34:]),
        "longer documents": ("megatron.idx", index[:34] + b"\5" + index[35:]),
        "negative documents": ("megatron.idx", index[:34] + b"\xff\xff\xff\xff" + index[38:]),
    }


DAMAGES = {
    "cut": "has 141 bytes, but 7 uint16 ids after a header of 128 bytes take 142 bytes",
    "more": "has 1039 bytes, but 7 uint16 ids after a header of 1024 bytes take 1038 bytes",
    "cut header": "the header is damaged: ",
    "code in the header": "the header is damaged: ",
    "two columns": r"holds uint16\[7, 1\], not a row of ids",
    "objects": r"holds object\[7\], not a row of ids",
    "a huge array": "has 142 bytes, but 7000000 uint16 ids",
    "fewer ids": "has 1038 bytes, but -1 uint16 ids",
    "odd": "has 15 bytes, not a multiple of the 2 bytes",
    "cut index": "is damaged or of another version",
    "empty index": "is damaged or of another version",
    "another version": "is damaged or of another version",
    "floats": "is damaged or of another version",
    "many documents": "is damaged or of another version",
    "longer documents": "the documents do not follow one another",
    "negative documents": "the documents do not follow one another",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_one_line_that_names_it(damage: str, tmp_path: Path) -> None:
    name, content = damaged(tmp_path)[damage]
    assert SMALL.read_ids(tmp_path / name).tolist() == SMALL.encode(f"the{END}cat")
    assert (tmp_path / name).read_bytes() != content
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=rf"{Path(name).stem}\.\w+: {DAMAGES[damage]}") as caught:
        SMALL.read_ids(tmp_path / name)
    assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"\x93NUMPY\1\0", b"\x93NUMPY\2\0", struct.pack("<2i", 20240520, 1)]),
    junk=st.binary(min_size=1, max_size=1500),
    name=st.sampled_from(["junk.bin", "junk.idx", "junk.bin.json"]),
)
def test_junk_is_one_of_our_errors_or_ids(start: bytes, junk: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / "junk.bin").write_bytes(b"ab")
    (tmp_path / name).write_bytes((b"MMIDIDX\0\0" if name == "junk.idx" else start) + junk)
    with suppress(MergelabError):
        open_ids(tmp_path / "junk.bin", np.dtype("<u2"), SMALL.fingerprint).map()
    for path in tmp_path.glob("junk.*"):
        path.unlink()


def test_a_sidecar_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "the cat", SMALL, "ids.bin")
    values = json.loads(sidecar.path_of(path).read_bytes())
    sidecar.path_of(path).write_text(json.dumps(values | {"ids": 3}))
    with pytest.raises(FileFormatError, match=r"ids\.bin\.json: is damaged or of another version"):
        SMALL.read_ids(path)
    path = written(tmp_path, "the cat", SMALL, "other.bin")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(FileFormatError, match=r"other\.bin: holds 6 ids, but other\.bin\.json says 7"):
        SMALL.read_ids(path)


def test_the_suffix_or_the_name_chooses_the_format() -> None:
    for name, expected in (("a.bin", "bin"), ("a.npy", "npy"), ("a.idx", "megatron"), ("a", "bin"), ("a.txt", "bin")):
        assert format_for(Path(name)).name == expected
    assert [format_for(Path("a.npy"), name).name for name in NAMES] == list(NAMES)
    with pytest.raises(UsageError, match="unknown format 'parquet'; choose one of bin, npy, llmc, megatron"):
        format_for(Path("a"), "parquet")


def test_patterns_name_files_in_order_without_their_companions(tmp_path: Path) -> None:
    for name in ("b.bin", "a.bin", "a.bin.json", "a.idx", "[x].bin"):
        (tmp_path / name).touch()
    assert [path.name for path in expand([tmp_path / "*"])] == ["[x].bin", "a.bin", "b.bin"]
    assert [path.name for path in expand([tmp_path / "[x].bin", tmp_path / "no.bin"])] == ["[x].bin", "no.bin"]
    with pytest.raises(FileFormatError, match=r"no\*: no file fits this pattern"):
        expand([tmp_path / "no*"])


@given(st.lists(st.binary(max_size=20)), st.integers(0, 9), st.sampled_from([0.1, 0.5, 0.9]))
def test_a_document_is_held_out_by_its_content_alone(documents: list[bytes], seed: int, share: float) -> None:
    rule = HeldOut(share, seed)
    taken = {document: rule.takes_document(document) for document in documents}
    assert [rule.takes_document(document) for document in reversed(documents)] == [
        taken[document] for document in reversed(documents)
    ]


def test_the_share_is_kept_and_another_seed_takes_others() -> None:
    documents = [b"document %d" % number for number in range(4000)]
    taken = {seed: {d for d in documents if HeldOut(0.1, seed).takes_document(d)} for seed in (0, 1)}
    assert 300 < len(taken[0]) < 500
    assert len(taken[0] & taken[1]) < 100
    for share in (-0.1, 1.0, float("nan")):
        with pytest.raises(UsageError, match=r"validation: .* is not a share"):
            HeldOut(share)

"""Every kind of source, in every compression and through every door, gives the counts of its documents."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impls import Tokenizer
from impls.contract import Pretokens
from impls.inputs import KINDS, block, compression_of, find_kind, known_kind
from impls.inputs.block import load_joined
from impls.inputs.collection import open_inputs
from impls.inputs.file import TextFile
from impls.pipeline import train, train_bpe
from tests.support.sources import COMPRESS, CONTENT, SEPARATOR, counted, expected, json_lines, parquet, write

DOCUMENTS = [
    "It's the cat that ate the hat;",
    " naïve cats — 12 of 345.\n\n", "", "語語 😀\r\n", "a \x1e b\x1e", "\n", "the end",
    "  two spaces ", "the\u3000cat", "'ll be", "x" * 70, "\ttab", "zero \0 byte",
]  # fmt: skip


HALVES = [("a", DOCUMENTS[:7]), ("b", DOCUMENTS[7:])]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "BLOCK_BYTES", 60)


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("counter", ["jit", "finditer"])
def test_all_kinds_give_the_counts_of_their_documents(
    kind: str, compression: str, counter: str, tmp_path: Path
) -> None:
    path = write(tmp_path, f"a{kind}{compression}", DOCUMENTS)
    found = counted(path, separator=SEPARATOR, counter=counter)
    assert found.pretokens.to_mapping() == expected(DOCUMENTS)
    assert found.n_documents == len(DOCUMENTS)
    assert found.n_bytes == sum(len(text.encode()) for text in DOCUMENTS)


texts = st.lists(
    st.lists(
        st.sampled_from([*"ab1'! \n\té\u3000😀\x1e\x1d<>|", "ll", SEPARATOR, "<s>", "word" * 5]), max_size=12
    ).map("".join)
    | st.lists(st.sampled_from([SEPARATOR, "<s>", "a", " ", "\x1e", "<"]), max_size=6).map("".join),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=texts,
    special_tokens=st.lists(
        st.sampled_from([SEPARATOR, "<s>", "<", "\x1e", "a\x1e", "\x1eb", ">a", "aa", "|>"]), unique=True, max_size=3
    ),
    block_bytes=st.integers(1, 120),
    workers=st.sampled_from([1, 2]),
)
def test_random_documents_keep_their_bounds(
    documents: list[str], special_tokens: list[str], block_bytes: int, workers: int, tmp_path: Path
) -> None:
    if not "".join(documents):
        documents.append("a")
    wanted = expected_with_longest_first(documents, special_tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "BLOCK_BYTES", block_bytes)
        for kind in (".jsonl", ".jsonl.gz", ".parquet"):
            path = write(tmp_path, f"a{kind}", documents)
            for counter in ("jit", "finditer"):
                found = counted(path, special_tokens, workers, counter)
                assert found.pretokens.to_mapping() == wanted, (kind, counter)
        assert counted(iter(documents), special_tokens, workers).pretokens.to_mapping() == wanted


def expected_with_longest_first(documents: list[str], special_tokens: list[str]) -> dict[bytes, int]:
    """Counts by the product's own splitter, which other tests prove, on each document alone."""
    total: dict[bytes, int] = {}
    for document in documents:
        from impls.patterns import Splitter

        for word in Splitter("gpt2", special_tokens).corpus_pretokens(document):
            total[word.encode()] = total.get(word.encode(), 0) + 1
    return total


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("special_tokens", [[], [SEPARATOR]])
def test_a_text_that_is_one_document_is_cut_where_nothing_changes(
    compression: str, special_tokens: list[str], tmp_path: Path
) -> None:
    text = f"It's the cat that ate the hat; naïve cats.\n\n  {SEPARATOR}The end\r\n of 12 days 語語語. " * 20
    path = tmp_path / f"a.txt{compression}"
    path.write_bytes(COMPRESS[compression](text.encode()))
    found = counted(path, special_tokens)
    assert found.pretokens.to_mapping() == expected([text], special_tokens)
    assert found.n_documents == 1


def test_folders_globs_lists_and_uris_name_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    (tmp_path / "corpus" / "below").mkdir(parents=True)
    (tmp_path / "corpus" / ".hidden").mkdir()
    names = ["a.jsonl", "below/b.jsonl.gz", "below/c.parquet", "d.txt.xz"]
    for number, name in enumerate(names):
        path = write(tmp_path / "corpus", name, DOCUMENTS[3 * number : 3 * number + 3])
        fsspec.filesystem("memory").pipe(f"/sources/{name}", path.read_bytes())
    for name in ("README.md", ".hidden/x.txt", ".y.txt"):
        (tmp_path / "corpus" / name).write_text("not read")
    monkeypatch.chdir(tmp_path)
    wanted = expected(DOCUMENTS[:12])
    doors: list[Any] = [
        "corpus", [Path("corpus")], "corpus/**/*.*[lzt]", [f"corpus/{name}" for name in names], "memory://sources",
        "memory://sources/**", [f"memory://sources/{name}" for name in names],
    ]  # fmt: skip
    for door in doors:
        found = counted(door, separator=SEPARATOR)
        assert found.pretokens.to_mapping() == wanted, door
    assert [Path(place.name).name for place in open_inputs("corpus").places] == [
        "a.jsonl", "b.jsonl.gz", "c.parquet", "d.txt.xz",
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "suffix"), [("jsonl", ".jsonl"), ("parquet", ".parquet"), ("text", ".txt")])
def test_standard_input_is_read_once(kind: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with write(tmp_path, f"a{suffix}", DOCUMENTS).open("rb") as file:
        monkeypatch.setattr(sys, "stdin", file)
        found = counted("-", kind=kind, separator=SEPARATOR)
    assert found.pretokens.to_mapping() == expected(DOCUMENTS)


def test_the_same_file_twice_is_told_and_read_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", DOCUMENTS)
    (tmp_path / "link.jsonl").symlink_to(path)
    told: list[str] = []
    found = counted([path, tmp_path, str(tmp_path / "*.jsonl")], tell=told.append)
    assert found.pretokens.to_mapping() == expected(DOCUMENTS)
    assert len(told) == 4
    assert all("is named twice" in line for line in told)


@pytest.mark.parametrize("limit", [1, 4, 9, len(DOCUMENTS), 1000])
@pytest.mark.parametrize("kind", [".jsonl", ".parquet.gz", ".txt", ".txt.bz2"])
def test_a_limit_is_exact(limit: int, kind: str, tmp_path: Path) -> None:
    paths = [
        write(tmp_path, f"{name}{kind}", part)
        for name, part in zip("ab", (DOCUMENTS[:7], DOCUMENTS[7:]), strict=True)
    ]
    found = counted(paths, limit_documents=limit, separator=SEPARATOR)
    assert found.pretokens.to_mapping() == expected(DOCUMENTS[:limit])
    assert found.n_documents == min(limit, len(DOCUMENTS))
    if kind == ".jsonl":
        assert counted(iter(DOCUMENTS), limit_documents=limit).pretokens == found.pretokens


@pytest.mark.parametrize("boundary", ["\n\n", " and ", SEPARATOR])
def test_a_boundary_stands_between_documents(boundary: str, tmp_path: Path) -> None:
    paths = [
        write(tmp_path, f"{name}.jsonl", part)
        for name, part in zip("ab", (DOCUMENTS[:7], DOCUMENTS[7:]), strict=True)
    ]
    found = counted(paths, [SEPARATOR], boundary=boundary)
    assert found.pretokens.to_mapping() == expected([*DOCUMENTS, *[boundary] * (len(DOCUMENTS) - 1)], [SEPARATOR])


@pytest.mark.parametrize("separator", ["\n", "\n\n", "ab", "aba"])
def test_separators_are_found_from_the_left(separator: str, tmp_path: Path) -> None:
    text = "aba ababa\n\n\nabab the\n\n ab\n" * 9
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    found = counted(path, separator=separator)
    documents = text.removesuffix(separator).split(separator)
    assert found.pretokens.to_mapping() == expected(documents)
    assert found.n_documents == len(documents)
    if separator == "\n":
        assert counted(path, kind="lines").pretokens == found.pretokens


def test_parquet_of_other_types_of_text(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    plain = pyarrow.array(DOCUMENTS)
    kinds = [plain.cast(pyarrow.large_string()), plain.cast(pyarrow.binary()), plain.dictionary_encode()]
    kinds.append(plain.cast(pyarrow.string_view()))
    for number, texts in enumerate(kinds):
        files.write_table(
            pyarrow.table({"a": [{"text": 1}] * len(texts), "text": texts}), tmp_path / f"{number}.parquet"
        )
        assert counted(tmp_path / f"{number}.parquet").pretokens.to_mapping() == expected(DOCUMENTS), number


def test_without_pyarrow_json_lines_are_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from impls.inputs import json_lines as module

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    module.parser.cache_clear()
    try:
        path = tmp_path / "a.jsonl"
        path.write_bytes(json_lines(DOCUMENTS))
        assert counted(path).pretokens.to_mapping() == expected(DOCUMENTS)
    finally:
        module.parser.cache_clear()


def test_training_takes_every_source(tmp_path: Path) -> None:
    documents = DOCUMENTS * 3
    path = write(tmp_path, "a.jsonl.gz", documents)
    wanted = train(iter(documents), 290, ["<s>"])
    assert len(wanted.merges) > 20
    counts = expected(documents)
    sources: list[Any] = [
        path,
        [path],
        str(tmp_path),
        (text for text in documents),
        counts,
        Pretokens.from_mapping(counts),
    ]
    sources.append(counted(path, ["<s>"]))
    for source in sources:
        assert train(source, 290, ["<s>"]) == wanted
    assert train_bpe({key.decode(): count for key, count in counts.items()}, 289)[1] == list(wanted.merges)
    assert Tokenizer.from_definition(wanted).decode(Tokenizer.from_definition(wanted).encode("the cat")) == "the cat"


def test_the_table_of_kinds_has_no_ambiguous_suffix() -> None:
    suffixes = [suffix for kind in KINDS for suffix in kind.suffixes]
    assert len(suffixes) == len(set(suffixes))
    for kind in KINDS:
        assert find_kind(kind.name) is kind
        assert callable(kind.load().blocks)
        for suffix in kind.suffixes:
            assert known_kind(f"A{suffix.upper()}.GZ") is kind
    assert compression_of("a.txt.ZST") == ".zst"
    assert known_kind("a.csv") is None


@given(st.lists(st.sampled_from(["\x1e", "a", "", "\x1e\x1e", "a\x1eb"]), min_size=1, max_size=8))
def test_a_separator_is_in_no_document(documents: list[str]) -> None:
    loaded = load_joined(
        "x", lambda separator: separator.join(t.encode() for t in documents), len(documents), [], "strict"
    )
    assert loaded.documents() == [text.encode() for text in documents]


def test_one_plain_file_is_read_in_ranges(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"the cat")
    assert isinstance(open_inputs(tmp_path / "a.txt").text_file(), TextFile)
    (tmp_path / "b.txt").write_bytes(b"the cat")
    assert open_inputs(tmp_path).text_file() is None


def test_rows_without_text_and_empty_files_are_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    (tmp_path / "b.jsonl").write_bytes(b"\n\n")
    (tmp_path / "c.parquet").write_bytes(parquet([]))
    write(tmp_path, "d.jsonl", ["", "a"])
    assert counted(tmp_path).pretokens.to_mapping() == {b"a": 1}


def strings() -> Iterator[str]:
    yield "the cat"


def test_a_generator_is_read_once() -> None:
    assert counted(strings()).pretokens.to_mapping() == {b"the": 1, b" cat": 1}

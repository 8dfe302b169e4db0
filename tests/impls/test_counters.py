"""Every counter of the registry gives the same counts: those of a split and a count written here."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import adversarial
from impls.count import jit, process_pool
from impls.cuts import WINDOW_BYTES
from impls.errors import FileFormatError, InvalidUtf8Error, UsageError
from impls.inputs.file import TextFile
from impls.kernels.helpers import JIT
from impls.kernels.specials import pack_specials
from impls.patterns import PATTERNS
from impls.registry import find, implementations

pytestmark = pytest.mark.kernel

SLOW_KERNELS = not JIT
COUNTERS = [row.name for row in implementations("count")]
WORKERS = (1, 2, 3, 4)
EOT = "<|endoftext|>"
STORY = "One day, it's 12 o'clock.\r\n\r\n  We'll see 語語 and é — don't we?  \u3000 \n"


def reference(text: str, pattern: str, special_tokens: Sequence[str]) -> dict[bytes, int]:
    """Split at special tokens, then at matches; what is between matches counts as well."""
    longest_first = sorted(special_tokens, key=lambda token: -len(token))
    parts = re.split("|".join(map(re.escape, longest_first)), text) if special_tokens else [text]
    expression = regex.compile(PATTERNS.get(pattern, pattern.removeprefix("regex:")))
    counts: Counter[str] = Counter()
    for part in parts:
        end = 0
        for start, stop in [match.span() for match in expression.finditer(part) if match.group()]:
            counts.update([part[end:start], part[start:stop]])
            end = stop
        counts.update([part[end:]])
    del counts[""]
    return {pretoken.encode(): count for pretoken, count in counts.items()}


def count(
    name: str, corpus: TextFile, pattern: str = "gpt2", special_tokens: Sequence[str] = (EOT,), workers: int = 1
) -> dict[bytes, int]:
    pretokens = find("count", name).load()(corpus, pattern=pattern, special_tokens=special_tokens, workers=workers)
    assert (pretokens.bytes_.dtype, pretokens.offsets.dtype, pretokens.counts.dtype) == (
        np.uint8,
        np.int64,
        np.int64,
    )
    mapping: dict[bytes, int] = pretokens.to_mapping()
    assert len(mapping) == len(pretokens)
    return mapping


def write(folder: Path, data: bytes, errors: Any = "strict") -> TextFile:
    path = folder / "corpus.txt"
    path.write_bytes(data)
    return TextFile.open(path, errors)


def cut_small(patch: pytest.MonkeyPatch, range_bytes: int) -> None:
    """Let every counter that reads ranges read small ones."""
    patch.setattr(TextFile.ranges, "__defaults__", (range_bytes,))
    for module in (process_pool, jit):
        patch.setattr(module, "MIN_RANGE_BYTES", 1)
        patch.setattr(module, "MAX_RANGE_BYTES", range_bytes)


def use_threads(patch: pytest.MonkeyPatch) -> None:
    """Let `process_pool` use threads: the same code without half a second a process."""
    patch.setattr(process_pool, "ProcessPoolExecutor", lambda workers, *_: ThreadPoolExecutor(workers))


CASES: dict[str, tuple[bytes, str, list[str]]] = {
    "one-byte": (b"a", "gpt2", [EOT]),
    "one-space": (b" ", "gpt2", []),
    "documents": (f"{STORY}{EOT}".encode() * 9, "gpt2", [EOT]),
    "no-special-token-in-the-file": (STORY.encode() * 9, "gpt2", [EOT]),
    "no-special-tokens": (f"{STORY}{EOT}".encode() * 9, "gpt2", []),
    "only-special-tokens": (EOT.encode() * 50, "gpt2", [EOT]),
    "one-special-token": (EOT.encode(), "gpt2", [EOT]),
    "special-token-cut-off": (f"{STORY}{EOT}"[:-1].encode(), "gpt2", [EOT]),
    "overlapping-special-tokens": (b"ab<|a|><|a|>b|>.*a aaa<|a" * 20, "gpt2", ["<|a|>", "<|a|>b", "|>", ".*", "aa"]),
    "special-tokens-beyond-ascii": ("é語é 語語éa ".encode() * 30, "gpt2", ["語é", "é"]),
    "special-tokens-of-blanks": (b"a  b \n c   d\n\n" * 30, "gpt2", ["  ", "\n", " c"]),
    "crlf": (b"a line\r\nb\r\n\r\nc\rd\n\r \r\n" * 20, "gpt2", [EOT]),
    "multi-byte-only": ("語é😀\u3000".encode() * 60, "gpt2", [EOT]),
    "bom-and-zero-bytes": (b"\xef\xbb\xbfa\x00b \x00\x1a" * 20, "gpt2", []),
    "lengths-around-a-short-key": (b" ".join(b"x" * n for n in range(1, 40)) * 3, "gpt2", []),
    "many-unique": (" ".join(map(str, range(6_000))).encode(), "gpt2", []),
    "many-unique-long": (" ".join("a" * 16 + "xyz"[i % 3 :] * (i // 3 + 1) for i in range(90)).encode(), "gpt2", []),
    "gpt4": (f"{STORY}WE'LL 1234567\r\n{EOT}".encode() * 9, "gpt4", [EOT]),
    "o200k": (f"{STORY}HelloWorld's a/b\n{EOT}".encode() * 9, "o200k", [EOT]),
    "custom": (STORY.encode() * 4, r"regex:\w+|\s+", [EOT]),
    "custom-with-gaps": (f"{STORY}{EOT}".encode() * 4, r"regex:\w+", [EOT]),
    "custom-with-groups": (f"{STORY}{EOT}".encode() * 4, r"regex:(\w)(?P<more>\w*)|(\s)", [EOT]),
    "custom-with-empty-matches": (f"{STORY}{EOT}".encode() * 4, r"regex:\s*|(?=e)", [EOT]),
    "custom-that-matches-nothing": (f"{STORY}{EOT}".encode() * 4, "regex:", [EOT]),
}  # fmt: skip
for _name in adversarial.TEXTS:
    if _name != "invalid-utf8":
        CASES[f"adversarial-{_name}"] = (adversarial.TEXTS[_name](1_500 if SLOW_KERNELS else 20_000), "gpt2", [EOT])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", COUNTERS)
def test_counts_equal_a_split_and_count(
    name: str, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, pattern, special_tokens = CASES[case]
    expected = reference(data.decode(), pattern, special_tokens)
    corpus = write(tmp_path, data)
    use_threads(monkeypatch)
    assert count(name, corpus, pattern, special_tokens) == expected
    cut_small(monkeypatch, max(29, len(data) // 20))
    for workers in WORKERS:
        assert count(name, corpus, pattern, special_tokens, workers) == expected


@pytest.mark.parametrize("name", COUNTERS)
def test_every_size_of_range_gives_the_same_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"{STORY}{EOT}{EOT}é {STORY}".encode()
    corpus, expected = write(tmp_path, data), reference(data.decode(), "gpt2", [EOT])
    use_threads(monkeypatch)
    for range_bytes in range(1, len(data), 17 if SLOW_KERNELS else 3):
        cut_small(monkeypatch, range_bytes)
        assert count(name, corpus, workers=2) == expected


@settings(
    max_examples=20 if SLOW_KERNELS else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    text=st.lists(st.sampled_from([*"aab1'! \n\té\u3000😀", "'ll", EOT, "word" * 5]), min_size=1, max_size=60),
    special_tokens=st.lists(st.sampled_from([EOT, "a", "ab", "aa", "b1", " ", "é"]), unique=True, max_size=3),
    range_bytes=st.integers(1, 60),
    workers=st.sampled_from(WORKERS),
)
def test_counters_agree_on_random_texts(
    tmp_path: Path, text: list[str], special_tokens: list[str], range_bytes: int, workers: int
) -> None:
    corpus = write(tmp_path, "".join(text).encode())
    expected = reference("".join(text), "gpt2", special_tokens)
    with pytest.MonkeyPatch.context() as patch:
        use_threads(patch)
        cut_small(patch, range_bytes)
        for name in COUNTERS:
            assert count(name, corpus, "gpt2", special_tokens, workers) == expected, name


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3])
def test_processes_give_the_same_counts_and_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    data = f"{STORY}{EOT}".encode() * 9
    cut_small(monkeypatch, 200)
    corpus = write(tmp_path, data)
    assert count("process_pool", corpus, workers=workers) == reference(data.decode(), "gpt2", [EOT])
    corpus = write(tmp_path, data + b"\xff" + data + b"\xff")
    with pytest.raises(InvalidUtf8Error) as caught:
        count("process_pool", corpus, workers=workers)
    assert (caught.value.source, caught.value.offset) == (str(corpus.path), len(data))


FAULTS = [b"\xff", b"\x80", b"\xc3", b"\xe8\xaa", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"]


@pytest.mark.parametrize("name", COUNTERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_first_fault_of_the_file_is_named(
    name: str, fault: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_threads(monkeypatch)
    cut_small(monkeypatch, 60)
    for before in (b"", b"one", STORY.encode() * 3, f"{STORY * 2}{EOT}".encode(), STORY.encode() * 2 + b"  "):
        corpus = write(tmp_path, before + fault + EOT.encode() + STORY.encode() + fault)
        for workers in WORKERS:
            with pytest.raises(InvalidUtf8Error) as caught:
                count(name, corpus, workers=workers)
            assert str(caught.value) == str(InvalidUtf8Error(str(corpus.path), len(before)))


@pytest.mark.parametrize("name", COUNTERS)
def test_a_character_cut_off_at_the_end_is_named(name: str, tmp_path: Path) -> None:
    corpus = write(tmp_path, "語".encode() * 5 + b"\xe8\xaa")
    with pytest.raises(InvalidUtf8Error, match="byte 15;"):
        count(name, corpus)


@pytest.mark.parametrize("name", COUNTERS)
def test_faults_are_replaced_on_request(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_threads(monkeypatch)
    gaps = ("", "a", " ", EOT, "é", "'s  ", "\n")
    mixed = b"".join(fault + gap.encode() for gap in gaps for fault in FAULTS)
    for data in (mixed, STORY.encode() + mixed * 2, adversarial.TEXTS["invalid-utf8"](1_200), b"\xff"):
        corpus = write(tmp_path, data, "replace")
        expected = reference(data.decode("utf-8", "replace"), "gpt2", [EOT, "é"])
        for range_bytes in (1 << 20, 60):
            with monkeypatch.context() as patch:
                cut_small(patch, range_bytes)
                for workers in (1, 3):
                    assert count(name, corpus, "gpt2", [EOT, "é"], workers) == expected


@pytest.mark.parametrize("name", COUNTERS)
def test_a_file_that_shrank_is_an_error(name: str, tmp_path: Path) -> None:
    corpus = write(tmp_path, STORY.encode())
    corpus.path.write_bytes(STORY.encode()[:40])
    with pytest.raises(FileFormatError, match="shrank while it was read, and ends at byte 40"):
        count(name, corpus)


@pytest.mark.parametrize(("pattern", "special_tokens"), [("gpt3", []), ("regex:(", []), ("gpt2", [""])])
@pytest.mark.parametrize("name", COUNTERS)
def test_bad_arguments_are_refused(name: str, pattern: str, special_tokens: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        count(name, write(tmp_path, b"text"), pattern, special_tokens)


def table_of(counts: dict[bytes, int]) -> jit.PretokenTable:
    """A table with any counts of what the pattern makes one pretoken of."""
    table = jit.PretokenTable("gpt2")
    for pretoken in counts:
        assert table.count(np.frombuffer(pretoken, np.uint8), pack_specials({})) == -1
    rows = np.flatnonzero(table._table[:, 1])
    table._table[rows, 2] = [counts[pretoken] for pretoken in table.pretokens().to_mapping()]
    return table


def test_the_table_adds_counts_past_32_bits() -> None:
    big = {b"a": 2**31, b"b" * 15: 2**32 + 1, b"c" * 16: 2**40, b"d" * 300: 2**61}
    table = jit.PretokenTable("gpt2")
    for _ in range(3):
        table.add(table_of(big))
    assert table.pretokens().to_mapping() == {pretoken: 3 * count for pretoken, count in big.items()}


def test_the_table_counts_on_after_adding() -> None:
    table = jit.PretokenTable("gpt2")
    table.add(table_of({b"a": 2**33, b" a": 1}))
    assert table.count(np.frombuffer(b"a a a", np.uint8), pack_specials({})) == -1
    assert table.pretokens().to_mapping() == {b"a": 2**33 + 1, b" a": 3}


def test_the_table_grows_while_adding() -> None:
    counts = {b"%d" % number * (1 + number % 9): number + 1 for number in range(5_000)}
    table = jit.PretokenTable("gpt2")
    table.add(table_of(counts))
    table.add(table_of(dict(reversed(counts.items()))))
    assert table.pretokens().to_mapping() == {pretoken: 2 * count for pretoken, count in counts.items()}


def test_an_empty_table_adds_nothing() -> None:
    table = jit.PretokenTable("gpt2")
    table.add(table_of({}))
    assert len(table.pretokens()) == 0


def peak_memory(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_finditer_does_not_grow_with_the_file(tmp_path: Path) -> None:
    document = f"{'long' * 100} {'word' * 150}\n{EOT}".encode()
    peaks = []
    for megabytes in (4, 16):
        corpus = write(tmp_path, document * (megabytes * 1_000_000 // len(document)))
        peaks.append(peak_memory(lambda corpus=corpus: count("finditer", corpus)))  # type: ignore[misc]
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 8_000_000


@pytest.mark.parametrize("name", ["finditer", "process_pool", "jit"])
def test_no_read_is_larger_than_a_range_and_a_window(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    read = TextFile.read

    def recorded(corpus: TextFile, start: int, stop: int) -> bytes:
        sizes.append(stop - start)
        return read(corpus, start, stop)

    monkeypatch.setattr(TextFile, "read", recorded)
    use_threads(monkeypatch)
    cut_small(monkeypatch, 1 << 13)
    corpus = write(tmp_path, STORY.encode() * (600 if SLOW_KERNELS else 3_000))
    count(name, corpus, workers=2)
    assert max(sizes) < (1 << 13) + WINDOW_BYTES + 100 < corpus.n_bytes // 3

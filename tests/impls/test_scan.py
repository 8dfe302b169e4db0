"""The compiled scans, special token search and class tables: equal to `regex` everywhere, and to UTF-8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data import adversarial
from impls.kernels import classes
from impls.kernels.compiler import kernel
from impls.kernels.helpers import JIT, Int
from impls.kernels.scan import gpt2_end
from impls.kernels.scan_words import gpt4_end, llama3_end, o200k_end, qwen2_end
from impls.kernels.specials import next_special, special_at, special_length
from impls.kernels.splits import SPLITS
from impls.patterns import Splitter

pytestmark = pytest.mark.kernel

SLOW_KERNELS = not JIT
ENDS = {"gpt2": gpt2_end, "gpt4": gpt4_end, "o200k": o200k_end, "llama3": llama3_end, "qwen2": qwen2_end}
EVERY_CHARACTER = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def scan_by_character(pattern: str) -> Any:
    end_of = ENDS[pattern]

    def scan_segments(text: Any, stops: Any, table: Any, ends: Any, faults: Any) -> Int:
        """Scan each segment by itself; returns how many ends were written. Fault -1: the segment is UTF-8."""
        n_ends = 0
        start = 0
        for segment in range(len(stops)):
            stop = stops[segment]
            faults[segment] = -1
            while start < stop:
                end = end_of(text, start, stop, table)
                if end <= start:
                    faults[segment] = -1 - end
                    break
                ends[n_ends] = end
                n_ends += 1
                start = end
            start = stop
        return n_ends

    return kernel(scan_segments, pattern)


def scan_by_block(pattern: str) -> Any:
    scan_ends = SPLITS[pattern].scan_ends

    def scan_segments_by_block(text: Any, stops: Any, table: Any, batch: Any, ends: Any, faults: Any) -> Int:
        """Do as `scan_segments` does, 64 bytes at a time where they are ASCII."""
        n_ends = 0
        start = 0
        for segment in range(len(stops)):
            stop = stops[segment]
            faults[segment] = -1
            while start < stop:
                n = scan_ends(text, start, stop, table, batch)
                for index in range(n):
                    if batch[index] < 0:
                        faults[segment] = -1 - batch[index]
                        start = stop
                    else:
                        start = batch[index]
                        ends[n_ends] = start
                        n_ends += 1
        return n_ends

    return kernel(scan_segments_by_block, pattern)


SCANS = {pattern: (scan_by_character(pattern), scan_by_block(pattern)) for pattern in SPLITS}


@pytest.fixture(params=SPLITS)
def pattern(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@kernel
def special_spans(text: Any, end: Int, specials: Any, spans: Any) -> Int:
    """Write start and length of the special tokens of `text[:end]`; returns how many there are."""
    n_spans = 0
    position = next_special(text, 0, end, specials)
    while position < end:
        length = special_length(special_at(text, position, end, specials), specials)
        spans[n_spans, 0] = position
        spans[n_spans, 1] = length
        n_spans += 1
        position = next_special(text, position + length, end, specials)
    return n_spans


def scan(segments: Sequence[bytes], pattern: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ends of all pretokens in the joined segments, and the place of each segment's first fault or -1."""
    text = np.frombuffer(b"".join(segments), np.uint8)
    stops = np.cumsum([len(segment) for segment in segments], dtype=np.int64)
    ends, faults = np.empty(len(text), np.int64), np.empty(len(stops), np.int64)
    table, (by_character, by_block) = SPLITS[pattern].classes(), SCANS[pattern]
    n_ends = by_character(text, stops, table, ends, faults)
    block_ends, block_faults, batch = np.empty_like(ends), np.empty_like(faults), np.empty(100, np.int64)
    n_block_ends = by_block(text, stops, table, batch, block_ends, block_faults)
    assert np.array_equal(block_ends[:n_block_ends], ends[:n_ends])
    assert np.array_equal(block_faults, faults)
    found = faults >= 0
    faults[found] -= np.concatenate([[0], stops[:-1]])[found]
    return ends[:n_ends], faults


def assert_scans_like_regex(segments: Sequence[str], pattern: str) -> None:
    encoded, splitter = [segment.encode() for segment in segments], Splitter(pattern)
    ends, faults = scan(encoded, pattern)
    assert not (faults != -1).any()
    is_lead = (np.frombuffer(b"".join(encoded), np.uint8) & 0xC0) != 0x80
    actual = np.cumsum(is_lead)[ends - 1]
    lengths = [len(pretoken) for segment in segments for pretoken in splitter.pretokens(segment)]
    expected = np.cumsum(lengths)
    if not np.array_equal(actual, expected):
        place = int(np.setxor1d(actual, expected)[0])
        text = "".join(segments)
        side = "scan" if place in actual else "regex"
        pytest.fail(f"only {side} ends a pretoken at {text[max(0, place - 12) : place]!r} | {text[place:][:12]!r}")


def edge_characters() -> list[str]:
    """Both ends of every run of characters of one class, and some characters of every plane."""
    kinds = class_numbers(classes.load_classes(by_case=True))
    changes = np.flatnonzero(np.diff(kinds)).tolist()
    codes = {0, 0x10FFFF, *changes, *(change + 1 for change in changes), *range(0, 0x110000, 0x1000)}
    return [chr(code) for code in sorted(codes) if not 0xD800 <= code < 0xE000]


def class_numbers(table: classes.Classes) -> NDArray[np.uint8]:
    codes = np.arange(0x110000)
    numbers: NDArray[np.uint8] = table.blocks[table.pages[codes >> 8].astype(np.int64) * 256 + (codes & 255)]
    return numbers


@pytest.mark.slow
@pytest.mark.skipif(SLOW_KERNELS, reason="minutes as plain Python; the edges of every class are tested below")
@pytest.mark.parametrize("context", ["{}", " {}x", "'{}"])
def test_every_character_in_context_is_split_like_regex(pattern: str, context: str) -> None:
    for start in range(0, len(EVERY_CHARACTER), 1 << 17):
        chosen = EVERY_CHARACTER[start : start + (1 << 17)]
        assert_scans_like_regex(["".join(context.replace("{}", char) for char in chosen)], pattern)


@pytest.mark.parametrize("after", ["", "é", " ", "'s"])
@pytest.mark.parametrize("before", ["x", "1", "!", "\n ", "'", "\u3000"])
def test_characters_at_the_edges_of_classes_are_split_like_regex(pattern: str, before: str, after: str) -> None:
    chosen = edge_characters()[:: 40 if SLOW_KERNELS else 1]
    assert_scans_like_regex([f"{before}{char}{after}" for char in chosen], pattern)


def test_every_character_as_a_whole_text_is_one_pretoken(pattern: str) -> None:
    chosen = edge_characters() if SLOW_KERNELS else EVERY_CHARACTER
    ends, faults = scan([char.encode() for char in chosen], pattern)
    assert len(ends) == len(chosen)
    assert (faults == -1).all()


def all_strings(alphabet: str, longest: int) -> Iterator[str]:
    for length in range(1, longest + 1):
        yield from map("".join, product(alphabet, repeat=length))


@pytest.mark.parametrize("between", ["", " ", "\n", "x", "'", "!", "1", "é"])
@pytest.mark.parametrize(
    ("alphabet", "longest"), [("a1! \n", 4), ("a'st ", 4), ("a'lve", 4), ("a 'é", 4), ("a !\u3000\t", 4)]
)
def test_short_texts_inside_a_long_one_are_split_like_regex(
    pattern: str, alphabet: str, longest: int, between: str
) -> None:
    # Every short text stands at many places of a block of 64 bytes.
    texts = list(all_strings(alphabet, longest - SLOW_KERNELS))
    assert_scans_like_regex([between.join(texts), between.join(reversed(texts)) + "." * 64], pattern)


@pytest.mark.parametrize("seed", range(4))
def test_random_texts_longer_than_a_block_are_split_like_regex(pattern: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    alphabets = [
        "abc    ",
        "ab1!' \n",
        "it's we'll he'd  ",
        "ab  \n\t\r",
        "aé \u20191x' ",
        "世a 界",
        "aAbB's/\n ",
        "  \n\r\n! x",
        "0123456789x ",
    ]
    segments = []
    for _ in range(20 if SLOW_KERNELS else 1500):
        alphabet = list(alphabets[random.integers(len(alphabets))])
        segments.append("".join(random.choice(alphabet, random.integers(1, 400))))
    assert_scans_like_regex(segments, pattern)


@pytest.mark.parametrize(
    ("alphabet", "longest", "longest_slow"),
    [
        pytest.param("xé7!'slvret \n\t\xa0\u3000\x85\x1c😀", 4, 2, id="all-representatives"),
        pytest.param("é7!'s \n\u3000", 6, 4, id="one-of-each-class"),
        pytest.param("'slvred ", 5, 3, id="contractions"),
        pytest.param(" \n\t\xa0\u3000x", 6, 4, id="whitespace-runs"),
        pytest.param("aA世\u0301 !", 6, 4, id="cases"),
        pytest.param(" \n\r!/x", 6, 4, id="line-ends"),
        pytest.param("12a !", 7, 4, id="numbers"),
        pytest.param("aA'S\u017flL", 5, 3, id="contractions-in-any-case"),
    ],
)
def test_every_short_text_is_split_like_regex(pattern: str, alphabet: str, longest: int, longest_slow: int) -> None:
    assert_scans_like_regex(list(all_strings(alphabet, longest_slow if SLOW_KERNELS else longest)), pattern)


@pytest.mark.parametrize("name", [name for name in adversarial.TEXTS if name != "invalid-utf8"])
def test_adversarial_texts_are_split_like_regex(pattern: str, name: str) -> None:
    make = adversarial.TEXTS[name]
    assert_scans_like_regex(
        [make(size).decode() for size in (1, 2, 7, 64, 4_000 if SLOW_KERNELS else 200_000)], pattern
    )


@pytest.mark.parametrize("apostrophe", ["'", "\u2019", "''", " '"])
def test_contractions_are_split_like_regex(pattern: str, apostrophe: str) -> None:
    endings = [
        "s",
        "t",
        "d",
        "m",
        "ll",
        "ve",
        "re",
        "S",
        "LL",
        "l",
        "v",
        "r",
        "e",
        "lve",
        "\u017f",
        "\u017ft",
        "é",
        "",
    ]
    assert_scans_like_regex(
        [f"{left}{apostrophe}{end}{right}" for left, end, right in product("a1 !", endings, "x ")], pattern
    )


def decode_fault(segment: bytes) -> int:
    try:
        segment.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1


def assert_faults_like_python(segments: Sequence[bytes], pattern: str) -> None:
    _, faults = scan(segments, pattern)
    expected = [decode_fault(segment) for segment in segments]
    wrong = np.flatnonzero(faults != expected)
    assert not wrong.size, f"{segments[wrong[0]]!r}: {faults[wrong[0]]}, Python says {expected[wrong[0]]}"


BYTES = [bytes([byte]) for byte in range(256)]
# The edges of every range that the definition of UTF-8 names, and one byte inside.
EDGES = bytes.fromhex("2041 7f80 8f90 9fa0 a7bf c0c1 c2d0 dfe0 e1ec edee eff0 f1f3 f4f5 ff27")
FEW_EDGES = bytes.fromhex("41 80 90 a0 bf c2 e0 ed f0 f4 ff")


@pytest.mark.parametrize("before", [b"", b"a", b" ", b"  ", b"'", b"7", b"!", "\u3000".encode(), "é".encode()])
@pytest.mark.parametrize("after", [b"", b"a", b" ", b"\xbf"])
def test_a_fault_is_reported_where_python_reports_it(pattern: str, before: bytes, after: bytes) -> None:
    sequences = [bytes(sequence) for sequence in product(FEW_EDGES, repeat=2 if SLOW_KERNELS else 3)]
    assert_faults_like_python([before + sequence + after for sequence in sequences], pattern)


def test_every_pair_of_bytes_and_every_edge_of_four_is_judged_like_python(pattern: str) -> None:
    assert_faults_like_python(
        [left + right for left, right in product(BYTES, BYTES[:: 16 if SLOW_KERNELS else 1])], pattern
    )
    alphabet, length = (FEW_EDGES, 3) if SLOW_KERNELS else (EDGES, 4)
    assert_faults_like_python([bytes(sequence) for sequence in product(alphabet, repeat=length)], pattern)


def test_faults_in_the_adversarial_text_are_reported_like_python(pattern: str) -> None:
    text = adversarial.TEXTS["invalid-utf8"](600)
    assert_faults_like_python([text[start:] for start in range(0, 600, 7 if SLOW_KERNELS else 1)], pattern)


def test_pretokens_before_a_fault_are_found(pattern: str) -> None:
    ends, faults = scan([b"one two\xff three", b" four"], pattern)
    assert ends.tolist() == [3, 19]
    assert faults.tolist() == [7, -1]


@pytest.mark.parametrize("fault", [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80"])
def test_faults_anywhere_in_a_block_are_found(pattern: str, fault: bytes) -> None:
    before = b"It's 10 o'clock,  and \n all is well. " * 5
    _, faults = scan([before[:place] + fault + b" " + before for place in range(len(before))], pattern)
    assert faults.tolist() == list(range(len(before)))

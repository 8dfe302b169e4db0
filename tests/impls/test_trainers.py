"""All trainers give the merges of the oracle, by the tie-break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import UsageError
from impls.contract import TIE_BREAKS, MergeEvent, Merges, Pretokens, TieBreak
from impls.kernels.helpers import JIT
from impls.kernels.merge import DONE, run_merges
from impls.registry import Impl, find, implementations
from impls.train.jit import initial_state, with_larger_pool, with_larger_slots

pytestmark = pytest.mark.kernel

TRAINERS = implementations("train")
ORACLE = TRAINERS[0].load()

each_trainer = pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)


def merged(row: Impl, counts: dict[bytes, int], n_merges: int, **options: Any) -> list[tuple[bytes, bytes]]:
    """Merges as pairs of bytes."""
    merges = row.load()(Pretokens.from_mapping(counts), n_merges=n_merges, **options)
    tokens = merges.token_bytes()
    return [(tokens[left], tokens[right]) for left, right in zip(merges.left, merges.right, strict=True)]


@each_trainer
def test_worked_example_of_sennrich(row: Impl) -> None:
    counts = {b"low": 5, b"lower": 2, b"widest": 3, b"newest": 6}
    expected = "s t, e st, o w, l ow, w est, n e, ne west, w i, wi d, wid est, low e, lowe r"
    assert merged(row, counts, 12) == [tuple(pair.encode().split()) for pair in expected.split(", ")]


@each_trainer
def test_ties_go_to_the_greatest_pair_of_byte_strings(row: Impl) -> None:
    counts = {b"BA": 100, b"ZZ": 90, b"AB": 7, b"AC": 7, b"BZZ": 7, b"BAA": 7}
    assert merged(row, counts, 6) == [
        (b"B", b"A"), (b"Z", b"Z"), (b"BA", b"A"), (b"B", b"ZZ"), (b"A", b"C"), (b"A", b"B"),
    ]  # fmt: skip


@each_trainer
def test_ties_compare_real_bytes_and_a_prefix_is_smaller(row: Impl) -> None:
    assert merged(row, {b"\x00\x01": 1, b"\xff\x00": 1, b" b": 1}, 1) == [(b"\xff", b"\x00")]
    assert merged(row, {b"ab": 9, b"abc": 5, b"ac": 5}, 2)[1] == (b"ab", b"c")


@each_trainer
def test_overlapping_occurrences_count_and_merge_left_to_right(row: Impl) -> None:
    assert merged(row, {b"aaa": 1, b"bc": 1}, 1) == [(b"a", b"a")]
    assert merged(row, {b"aaaaaaa": 1}, 9) == [(b"a", b"a"), (b"aa", b"aa"), (b"aaaa", b"aa"), (b"aaaaaa", b"a")]


@each_trainer
def test_training_stops_when_no_pair_is_left(row: Impl) -> None:
    assert merged(row, {b"ab": 3, b"c": 9}, 100) == [(b"a", b"b")]
    assert merged(row, {b"a": 3}, 100) == []
    assert merged(row, {}, 100) == []
    assert merged(row, {b"ab": 3}, 0) == []


@each_trainer
def test_order_of_pretokens_does_not_matter(row: Impl) -> None:
    words = [bytes([first, second, third]) for first in b"ab" for second in b"ab" for third in b"ba"]
    forward = merged(row, dict.fromkeys(words, 2), 20)
    assert merged(row, dict.fromkeys(reversed(words), 2), 20) == forward


@pytest.mark.parametrize("row", TRAINERS[1:], ids=lambda row: row.name)
def test_counts_are_64_bit(row: Impl) -> None:
    counts = {b"ab": 2**33, b"cd": 2**33 + 1, b"ef": 2**62, b"abcd": 1}
    assert merged(row, counts, 3) == [(b"e", b"f"), (b"c", b"d"), (b"a", b"b")]


def test_compiled_trainer_refuses_counts_that_its_integers_cannot_hold() -> None:
    compiled = next(row for row in TRAINERS if row.name == "jit")
    with pytest.raises(UsageError, match=r"2\^63 pairs"):
        merged(compiled, {b"aaa": 2**62}, 3)


@each_trainer
@pytest.mark.parametrize("tie_break", TIE_BREAKS)
def test_verbose_stream_tells_each_merge(row: Impl, tie_break: TieBreak) -> None:
    counts = {b"low": 5, b"lower": 2, b"widest": 3, b"newest": 6}
    events: list[MergeEvent] = []
    merges = row.load()(Pretokens.from_mapping(counts), n_merges=8, tie_break=tie_break, on_merge=events.append)
    silent = row.load()(Pretokens.from_mapping(counts), n_merges=8, tie_break=tie_break)
    assert merges == silent
    assert [event.index for event in events] == list(range(8))
    assert [event.pair for event in events] == list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    assert [event.new_id for event in events] == list(range(256, 264))
    assert [event.token for event in events] == merges.token_bytes()[256:]
    assert all(event.seconds >= 0 for event in events)
    reference: list[MergeEvent] = []
    ORACLE(Pretokens.from_mapping(counts), n_merges=8, tie_break=tie_break, on_merge=reference.append)
    assert [event.count for event in events] == [event.count for event in reference]


@each_trainer
def test_huggingface_ties_go_to_the_smallest_ids_of_its_alphabet(row: Impl) -> None:
    # There the printable bytes come before the space, and single bytes before merged tokens.
    assert merged(row, {b" b": 1, b"ab": 1, b"zb": 1}, 2, tie_break="huggingface") == [(b"a", b"b"), (b"z", b"b")]


def pretokens(alphabets: list[bytes]) -> st.SearchStrategy[dict[bytes, int]]:
    """Mappings from short words over a small alphabet to small counts: nothing but ties and overlaps."""
    words = st.sampled_from(alphabets).flatmap(
        lambda alphabet: st.lists(st.sampled_from(alphabet), min_size=1, max_size=14).map(bytes)
    )
    return st.dictionaries(words, st.sampled_from([1, 1, 1, 2, 3]), min_size=1, max_size=12)


@settings(max_examples=100 if JIT else 30, deadline=None)
@given(
    counts=pretokens([b"a", b"ab", b"abc", b"\x00\xff", b" ab\n"]),
    n_merges=st.integers(0, 40),
    tie_break=st.sampled_from(TIE_BREAKS),
)
def test_all_trainers_agree_with_the_oracle(counts: dict[bytes, int], n_merges: int, tie_break: TieBreak) -> None:
    packed = Pretokens.from_mapping(counts)
    expected = ORACLE(packed, n_merges=n_merges, tie_break=tie_break)
    for row in TRAINERS[1:]:
        assert row.load()(packed, n_merges=n_merges, tie_break=tie_break) == expected, row.name


def test_compiled_trainer_agrees_while_its_arrays_grow() -> None:
    words = np.random.default_rng(7).integers(97, 123, (500, 12), np.uint8)
    packed = Pretokens.from_mapping({row.tobytes(): 1 + number % 50 for number, row in enumerate(words)})
    n_merges = 600
    state = with_larger_pool(initial_state(packed, n_merges, "greatest"))
    for wanted in (100, 300, n_merges):
        assert run_merges(state, wanted) == DONE
        state = with_larger_slots(with_larger_pool(state))
    expected = find("train", "incremental").load()(packed, n_merges=n_merges)
    assert Merges(*state.merges.T) == expected


def test_merges_compare_by_value() -> None:
    merges = Merges.from_pairs([(97, 98), (256, 99)])
    assert merges == Merges.from_pairs([(97, 98), (256, 99)])
    assert merges != Merges.from_pairs([(97, 98)])
    assert merges != Merges.from_pairs([(97, 98), (256, 98)])
    assert merges.token_bytes()[256:] == [b"ab", b"abc"]
    assert merges.digest() != Merges.from_pairs([(97, 98)]).digest()

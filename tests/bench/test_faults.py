"""Known faults of tokenizer programs, each with the test that would catch it here (ruling 9)."""

from __future__ import annotations

import collections
import pickle
import random
from functools import partial
from pathlib import Path

import pytest

from impls import Tokenizer, UsageError, train_bpe
from impls.contract import MergeEvent, Pretokens
from impls.count import process_pool
from impls.inputs.file import TextFile
from impls.registry import Impl, implementations

SPECIAL = "<|endoftext|>"


@pytest.fixture
def many_documents(tmp_path: Path) -> Path:
    path = tmp_path / "documents.txt"
    path.write_text(f"a short document\n{SPECIAL}\n" * 100_000)
    return path


def test_a_worker_is_sent_a_range_and_not_the_text(many_documents: Path) -> None:
    job = partial(
        process_pool.count_range, text=TextFile.open(many_documents), pattern="gpt2", special_tokens=(SPECIAL,)
    )
    assert len(pickle.dumps((job, (0, many_documents.stat().st_size)))) < 1000


def test_there_are_few_tasks_and_not_one_a_document(many_documents: Path) -> None:
    ranges = list(TextFile.open(many_documents).ranges("gpt2", [SPECIAL], process_pool.MIN_RANGE_BYTES))
    assert len(ranges) <= many_documents.stat().st_size // process_pool.MIN_RANGE_BYTES + 1


def test_counts_of_ranges_are_added_in_place(many_documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # `sum(counters, Counter())` copies all that was counted before, once a range.
    def copying_sum(*_: object) -> None:
        raise AssertionError("the sum of Counters copies")

    monkeypatch.setattr(collections.Counter, "__add__", copying_sum)
    monkeypatch.setattr(collections.Counter, "__iadd__", copying_sum)
    counts = process_pool.count(TextFile.open(many_documents), pattern="gpt2", special_tokens=[SPECIAL], workers=1)
    assert counts.to_mapping()[b" document"] == 100_000


@pytest.mark.kernel
@pytest.mark.parametrize("row", implementations("train"), ids=lambda row: row.name)
def test_pretokens_that_become_alike_keep_their_counts(row: Impl) -> None:
    # Keyed by the joined text of their symbols, these would overwrite each other's counts.
    counts = {b"ab": 3, b"abab": 2, b"ababab": 1, b"aabb": 5}
    merges = row.load()(Pretokens.from_mapping(counts), n_merges=3)
    assert list(zip(merges.left.tolist(), merges.right.tolist(), strict=True)) == [(97, 98), (256, 98), (97, 257)]


def test_special_tokens_are_in_the_vocabulary_even_if_absent_from_the_text(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("no special token here")
    vocab, merges = train_bpe(path, 260, [SPECIAL, "<|pad|>"])
    assert vocab[256 + len(merges)] == SPECIAL.encode()
    assert vocab[257 + len(merges)] == b"<|pad|>"


def test_an_empty_special_token_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(UsageError, match="number 1 is empty"):
        Tokenizer({0: b"a"}, [], [SPECIAL, ""])


def test_of_overlapping_special_tokens_the_longest_wins() -> None:
    double = SPECIAL + SPECIAL
    tokenizer = Tokenizer({97: b"a"}, [], [SPECIAL, double])
    assert tokenizer.encode(f"a{double}a{SPECIAL}") == [97, 99, 97, 98]


@pytest.mark.kernel
@pytest.mark.parametrize("row", implementations("train"), ids=lambda row: row.name)
def test_training_again_after_an_interrupt_gives_the_same_merges(row: Impl) -> None:
    # Nothing of the interrupted training is left that could be wrong: neither in the pretokens nor in the trainer.
    pretokens = Pretokens.from_mapping({b"ab": 3, b"abab": 2, b"abc": 7, b"bcbc": 4, b"cab": 5, b"aabb": 1})
    before, train = pretokens.digest(), row.load()
    whole = train(pretokens, n_merges=8)

    for stop in range(8):

        def interrupt(event: MergeEvent, stop: int = stop) -> None:
            if event.index == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(pretokens, n_merges=8, on_merge=interrupt)
        assert pretokens.digest() == before
        assert train(pretokens, n_merges=8) == whole


@pytest.mark.kernel
@pytest.mark.parametrize("row", implementations("train"), ids=lambda row: row.name)
def test_ties_do_not_depend_on_the_order_of_the_text(row: Impl, tmp_path: Path) -> None:
    words = [f"{first}{second}" for first in "abcd" for second in "abcd"]
    found = set()
    for seed in range(4):
        random.Random(seed).shuffle(words)
        path = tmp_path / f"{seed}.txt"
        path.write_text(" ".join(["x", *words]))
        _, merges = train_bpe(path, 280, [], impl=row.name)
        found.add(tuple(merges))
    assert len(found) == 1


def test_a_pattern_that_ends_in_a_space_is_kept_as_it_is(tmp_path: Path) -> None:
    pattern = r"regex:[a-z]+ "
    vocab, merges = {byte: bytes([byte]) for byte in range(256)} | {256: b"b "}, [(b"b", b" ")]
    Tokenizer(vocab, merges, pattern=pattern).save(tmp_path / "saved")
    loaded = Tokenizer.load(tmp_path / "saved")
    assert loaded.pattern == pattern
    assert loaded.encode("ab b") == [97, 256, 98]


def test_ids_past_16_bits_are_not_wrapped(tmp_path: Path) -> None:
    tokenizer = Tokenizer({70_000: b"a", 4_464: b"b"}, [])
    (tmp_path / "in.txt").write_text("ab")
    tokenizer.encode_file(tmp_path / "in.txt", tmp_path / "out.bin")
    assert tokenizer.read_ids(tmp_path / "out.bin").tolist() == [70_000, 4_464]

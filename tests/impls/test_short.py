"""Short strings and lists of batches through built-in functions: the same ids, and exact counts of references."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from impls import Tokenizer, UsageError
from impls.id_lists import IdLists
from impls.kernels.builtins import USABLE
from tests.impls.test_course import END
from tests.support.tokenizers import TEXT, Merge

pytestmark = pytest.mark.skipif(not USABLE, reason="this Python has no such functions, or kernels are not compiled")


@pytest.fixture
def compiled(trained: tuple[dict[int, bytes], list[Merge]]) -> Tokenizer:
    tokenizer = Tokenizer(*trained, [END], impl="jit")
    tokenizer.encode("")
    return tokenizer


def texts() -> Iterator[str]:
    yield from ["", "a", " ", END, f"{END}x{END}", "é," * 499, "世 " * 500, "😀1" * 500, "\0", "x" * 1000, "x" * 1001]
    for start in range(0, len(TEXT), 37):
        yield TEXT[start : start + start % 301]


def test_short_strings_have_the_ids_of_the_same_bytes(compiled: Tokenizer) -> None:
    for text in texts():
        assert compiled.encode(text) == compiled.encode(text.encode())
        function = compiled._encoders.short_text
        assert function(text) == (compiled.encode(text.encode()) if len(text) <= 1000 else None)


@pytest.mark.parametrize("junk", [b"bytes", None, 7, [], object(), "\ud800", "ok\udfff", np.zeros(3)])
def test_what_is_no_text_goes_the_usual_way(compiled: Tokenizer, junk: Any) -> None:
    assert compiled._encoders.short_text(junk) is None
    if not isinstance(junk, bytes):
        with pytest.raises(UsageError):
            compiled.encode(junk)
    assert compiled.encode("it was") == compiled.encode(b"it was")


def test_a_text_that_cannot_be_encoded_leaves_nothing_behind(trained: tuple[dict[int, bytes], list[Merge]]) -> None:
    vocab, merges = trained
    tokenizer = Tokenizer({i: token for i, token in vocab.items() if b"~" not in token}, [], impl="jit")
    del merges
    tokenizer.encode("")
    for _ in range(3):
        with pytest.raises(UsageError, match="no token for byte 0x7e"):
            tokenizer.encode("some words ~ and more")
        assert tokenizer.encode("some words") == list(b"some words")


def test_modes_of_special_tokens_are_kept(compiled: Tokenizer) -> None:
    text = f"it{END}was"
    assert compiled.encode(text) == compiled.encode(text, workers=1) == compiled.encode(text.encode())
    assert END not in (compiled.decode([token_id]) for token_id in compiled.encode(text, special="none"))
    with pytest.raises(UsageError, match="special token"):
        compiled.encode(text, special="none_raise")
    assert compiled.encode("it", special="".join(["a", "ll"])) == compiled.encode("it")  # type: ignore[arg-type]


def test_the_cache_grows_when_it_is_full(compiled: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impls.encode.jit.MAX_ENTRIES", 1 << 13)
    first, refused = compiled._encoders.short_text, 0
    for number in range(30_000):
        text = f"w{number} w{number + 1}"
        refused += compiled._encoders.short_text(text) is None
        if number % 97 == 0 or refused:
            assert compiled.encode(text) == compiled.encode(text.encode())
    assert compiled._encoders.short_text is not first
    assert 2 <= refused <= 100


def test_threads_share_the_function(compiled: Tokenizer) -> None:
    expected = {text: compiled.encode(text.encode()) for text in texts()}
    wrong: list[str] = []

    def work() -> None:
        for _ in range(20):
            wrong.extend(text for text, ids in expected.items() if compiled.encode(text) != ids)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_code_that_the_garbage_collector_runs_may_encode(compiled: Tokenizer) -> None:
    text, before = "it was the best of times", gc.get_threshold()
    expected, seen = compiled.encode(text), []

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            seen.append(compiled.encode(TEXT[:200]))

    nested = compiled.encode(TEXT[:200])
    gc.set_threshold(1)
    try:
        for _ in range(200):
            Cycle()
            assert compiled.encode(text) == expected
    finally:
        gc.set_threshold(*before)
    assert seen
    assert all(ids == nested for ids in seen)


def test_references_are_counted_exactly(compiled: Tokenizer) -> None:
    integers = compiled._lists.integers()
    ids = compiled.encode(TEXT[:300])
    large = max(ids)
    assert large > 256  # Smaller integers are immortal in newer Pythons.
    del ids
    gc.collect()
    before = sys.getrefcount(integers[large]), sys.getrefcount(None)
    for _ in range(1000):
        made = compiled.encode(TEXT[:300])
        compiled._encoders.short_text(b"")
        batch = compiled.encode_batch([TEXT[:300], "", TEXT[:100]])
    assert made == batch[0]
    plain, alone = [[1], [2]], [3]
    one, other = batch[0], plain[0]
    assert sys.getrefcount(one) == sys.getrefcount(other)
    assert sys.getrefcount(made) == sys.getrefcount(alone)
    del made, batch, one
    gc.collect()
    after = sys.getrefcount(integers[large]), sys.getrefcount(None)
    assert after[0] == before[0]
    assert abs(after[1] - before[1]) < 500


def test_the_function_outlives_its_tokenizer(trained: tuple[dict[int, bytes], list[Merge]]) -> None:
    tokenizer = Tokenizer(*trained, [END], impl="jit")
    expected = tokenizer.encode("it was the worst")
    function = tokenizer._encoders.short_text
    del tokenizer
    gc.collect()
    assert function("it was the worst") == expected


@pytest.mark.parametrize("dtype", ["<u2", "<u4"])
@pytest.mark.parametrize("is_compiled", [False, True])
def test_parts_are_lists_of_ids(dtype: str, is_compiled: bool) -> None:
    random = np.random.default_rng(5)
    ids = random.integers(0, 60_000, 5000).astype(dtype)
    offsets = np.array([0, 0, 1, 400, 400, 4999, 5000, 5000])
    lists = IdLists(60_000)
    made = lists.parts(ids, offsets, compiled=is_compiled)
    assert made == [ids[start:stop].tolist() for start, stop in pairwise(offsets)]
    assert lists.parts(ids[:0], np.zeros(1, np.int64), compiled=is_compiled) == []
    assert lists.parts(ids[:0], np.zeros(3, np.int64), compiled=is_compiled) == [[], []]


def test_a_batch_as_arrays_has_the_ids_of_each_text(compiled: Tokenizer) -> None:
    batch = [*texts(), "last"]
    ids, offsets = compiled.encode_batch_to_arrays(batch)
    assert (ids.dtype, offsets.dtype, len(offsets)) == (compiled.id_dtype, np.int64, len(batch) + 1)
    expected = [compiled.encode(text) for text in batch]
    assert [ids[start:stop].tolist() for start, stop in pairwise(offsets)] == expected
    assert compiled.encode_batch(batch) == expected
    empty, none = compiled.encode_batch_to_arrays(iter([]))
    assert (len(empty), none.tolist()) == (0, [0])

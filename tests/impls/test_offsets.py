"""`encode_with_offsets`: each token is the bytes of its span, and its characters are the fewest that hold it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impls import InvalidUtf8Error, Tokenizer, UsageError, offsets
from impls.formats import tokenizer_json
from tests.impls.test_course import END, as_cases
from tests.support import oracle
from tests.support.tokenizers import BYTES, SMALL_FUZZ, TEXT, Merge

MERGES = [(b"\xf0", b"\x9f"), (b"t", b"h"), (b"\x99", b"\x83 "[:1]), (b"\x99\x83", b"\xf0\x9f"), (b" ", b"\xe4")]
"""Some of the tokens begin or end inside a character, and one holds parts of two characters."""

TEXTS = st.lists(
    st.sampled_from(["th", "the", " ", "é", "🙃", "🙃🙃", "中", " 中", "\u0301", "\r\n", END, "<|", "0"]), max_size=20
).map("".join)


def build(impl: str) -> Tokenizer:
    made = [left + right for left, right in MERGES]
    return Tokenizer(BYTES | {300 + i: token for i, token in enumerate(made)}, MERGES, [END], impl=impl)


TOKENIZERS = cache(build)


def expected(text: str, tokens: Sequence[bytes]) -> tuple[list[list[int]], list[list[int]]]:
    """Spans by the law: a table of the character to which each byte belongs."""
    owners = [place for place, character in enumerate(text) for _ in character.encode()]
    byte_spans = [[len(b"".join(tokens[:i])), len(b"".join(tokens[: i + 1]))] for i in range(len(tokens))]
    return byte_spans, [[owners[start], owners[stop - 1] + 1] for start, stop in byte_spans]


def check(tokenizer: Tokenizer, text: str, tokens: Sequence[bytes], special: str = "all") -> None:
    found = tokenizer.encode_with_offsets(text, special=special)  # type: ignore[arg-type]
    assert [tokenizer.vocab[token_id] for token_id in found.ids.tolist()] == list(tokens)
    assert found.ids.dtype == tokenizer.id_dtype
    byte_spans, character_spans = expected(text, tokens)
    assert found.byte_spans.tolist() == byte_spans
    assert found.character_spans.tolist() == character_spans
    assert found.byte_spans.shape == found.character_spans.shape == (len(tokens), 2)


@pytest.mark.kernel
@pytest.mark.parametrize("impl", ["auto", *as_cases("encode")])
@given(text=TEXTS)
@SMALL_FUZZ
def test_spans_are_those_of_the_law(impl: str, text: str) -> None:
    tokenizer = TOKENIZERS(impl)
    check(tokenizer, text, oracle.encode(text, MERGES, [END]))
    check(tokenizer, text, oracle.encode(text, MERGES, []), "none")


@pytest.mark.kernel
@pytest.mark.parametrize("narrow", [offsets.NARROW, 7])
@given(text=TEXTS)
@SMALL_FUZZ
def test_threads_and_long_texts_change_nothing(narrow: int, text: str) -> None:
    tokenizer = TOKENIZERS("jit")
    before = tokenizer.encode_with_offsets(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offsets, "PART_IDS", 2)
        patch.setattr(offsets, "NARROW", narrow)
        after = tokenizer.encode_with_offsets(text, workers=2)
    for one, other in zip(before, after, strict=True):
        assert one.tolist() == other.tolist()
    is_long = len(text.encode()) > narrow
    assert after.byte_spans.dtype == after.character_spans.dtype == (np.int64 if is_long else np.int32)


def test_text_as_bytes_and_read_only_spans() -> None:
    tokenizer = TOKENIZERS("cached")
    ids, byte_spans, character_spans = tokenizer.encode_with_offsets("é🙃".encode())
    assert (len(ids), byte_spans.tolist()[-1], character_spans.tolist()[-1]) == (4, [4, 6], [1, 2])
    for spans in (byte_spans, character_spans):
        with pytest.raises(ValueError, match="read-only"):
            spans[0] = 1


def test_errors_are_those_of_encode() -> None:
    tokenizer = TOKENIZERS("auto")
    with pytest.raises(UsageError, match="endoftext"):
        tokenizer.encode_with_offsets(f"the {END}", special="none_raise")
    with pytest.raises(InvalidUtf8Error, match="byte 2"):
        tokenizer.encode_with_offsets(b"ab\xff")
    with pytest.raises(UsageError, match="workers"):
        tokenizer.encode_with_offsets("ab", workers=0)


def test_hugging_face_says_the_same(trained: tuple[dict[int, bytes], list[Merge]]) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = Tokenizer(*trained, [END])
    theirs = tokenizers.Tokenizer.from_str(tokenizer_json.content(tokenizer.definition))
    for text in (TEXT, f"a🙃b{END}naïve «中»", "🙃" * 5, END * 2):
        encoded = theirs.encode(text, add_special_tokens=False)
        ids, _, character_spans = tokenizer.encode_with_offsets(text)
        assert encoded.ids == ids.tolist()
        assert [list(span) for span in encoded.offsets] == character_spans.tolist()

"""Small tokenizers and awkward texts that tests of tokenizers share."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from impls import Tokenizer, streams
from impls.kernels.helpers import JIT
from tests.impls.test_course import CAT_MERGES, CAT_VOCAB, END

BYTES = {byte: bytes([byte]) for byte in range(256)}
FUZZ = settings(deadline=None, max_examples=150)
SMALL_FUZZ = settings(deadline=None, max_examples=30 if JIT else 10)

TEXT = (
    "It's the cat that ate the hat; the cats can't say what they've eaten in 1999 or 12345.\r\n"
    "  Then  they\tsaid: «naïve» 🙃🙃 — hello-hello, hello!\n\n   the end of the day\n"
)

FRAGMENTS = (
    *("a", "the", "Zx", "é", "e\u0301", "🙃", "\u3000", "0", "12345", "'", "'s", "'ll", ".", "...", "/"),
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\x85", "<|endof", "text|>", "<|", "|>", END),
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)

Merge = tuple[bytes, bytes]


def cat(impl: str = "auto") -> Tokenizer:
    vocab = {token_id: token.encode() for token_id, token in CAT_VOCAB.items()}
    return Tokenizer(vocab, [(left.encode(), right.encode()) for left, right in CAT_MERGES], impl=impl)


def chunked(text: str, places: Sequence[int]) -> list[str]:
    bounds = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:stop] for start, stop in pairwise(bounds)]


def streamed(tokenizer: Tokenizer, parts: Sequence[str], buffer: int) -> list[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "STREAM_CHARACTERS", buffer)
        return list(tokenizer.encode_iterable(parts))

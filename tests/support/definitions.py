"""Tokenizers as others number them, and what a token is made of, for tests of surgery and of continued training."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from impls import Definition
from tests.support import oracle

CHARACTERS = st.sampled_from([*"aabbts'le  \n.1é", "<s>", "low", "er", "  "])
TEXTS = st.lists(CHARACTERS, min_size=1, max_size=60).map("".join)

SPECIALS = ["<s>", "<pad>"]

KINDS = ("trained", "shuffled", "idle", "all splits")
"""trained: numbered as we do. shuffled: any ids, with gaps, as imported files have them. idle: besides, a token that
no merge makes. all splits: a token has a merge for each way to cut it in two tokens, as in files made from ranks."""


def all_splits(merges: list[oracle.Pair]) -> list[oracle.Pair]:
    """A merge for each way in which a token can be cut into two tokens that were made before it."""
    known = {bytes([byte]) for byte in range(256)}
    found: list[oracle.Pair] = []
    for left, right in merges:
        token = left + right
        cuts = [(token[:place], token[place:]) for place in range(1, len(token))]
        found += [cut for cut in cuts if set(cut) <= known]
        known.add(token)
    return found


@st.composite
def definitions(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Definition:
    """A tokenizer of up to 25 merges of a random text."""
    kind = draw(st.sampled_from(kinds))
    merges = oracle.train(draw(TEXTS), draw(st.integers(0, 25)), SPECIALS)
    tokens = [bytes([byte]) for byte in range(256)] + [left + right for left, right in merges]
    if kind == "trained":
        return Definition(dict(enumerate(tokens)), merges, SPECIALS)
    if kind == "idle":
        tokens += [token for token in (b"aabb", b"tstst", b"qq") if token not in tokens]
    if kind == "all splits":
        merges = all_splits(merges)
    tokens += [special.encode() for special in SPECIALS]
    ids = random.Random(draw(st.integers(0, 99))).sample(range(2 * len(tokens)), len(tokens))
    return Definition(dict(zip(ids, tokens, strict=True)), merges, SPECIALS)


def parts(token: bytes, definition: Definition) -> oracle.Word:
    """The two tokens that are merged last when a token is made of its bytes; none if its bytes do not give it."""
    word: oracle.Word = tuple(bytes([byte]) for byte in token)
    for pair in definition.merges:
        before, word = word, oracle.joined(word, pair)
        if len(word) == 1 and len(before) == 2:
            return before
    return ()


def tokens_of(text: str, definition: Definition) -> list[bytes]:
    """The tokens of a text, from the oracle."""
    return oracle.encode(text, list(definition.merges), list(definition.special_tokens))

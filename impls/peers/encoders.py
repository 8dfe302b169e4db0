"""Peers that encode, built from our `Vocabulary`; their ids are ours.

What they need beyond that: tiktoken takes ids for ranks, so merged ids must grow with the rank; gigatoken and HF read
a tokenizer.json, whose split is their own for "gpt2" and "o200k" ("gpt4" as tiktoken writes it means something else
to HF's regular expressions, and gigatoken does not know it). gigatoken does not check UTF-8, so `encode` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from impls.contract import Ids, Vocabulary
from impls.cuts import SafeCuts
from impls.errors import UsageError
from impls.formats.alphabet import to_text
from impls.formats.tokenizer_json import EXPRESSIONS, byte_level, compose, split_by
from impls.inputs.text import decode_utf8
from impls.patterns import PATTERNS
from impls.peers.files import flat_ids

PIECE_BYTES = 1 << 16
"""What HF gets in one string: it encodes a string in one thread, and long ones slowly."""


def token_bytes(vocabulary: Vocabulary) -> dict[int, bytes]:
    """Return id to bytes of the single bytes and all merges, without special tokens."""
    tokens = {token_id: bytes([byte]) for byte, token_id in enumerate(vocabulary.byte_ids.tolist()) if token_id >= 0}
    for left, right, merged in _merges(vocabulary):
        tokens[merged] = tokens[left] + tokens[right]
    return tokens


def _merges(vocabulary: Vocabulary) -> Iterator[tuple[int, int, int]]:
    return zip(vocabulary.left.tolist(), vocabulary.right.tolist(), vocabulary.merged.tolist(), strict=True)


def tokenizer_json(vocabulary: Vocabulary, pattern: str) -> str:
    """Return the tokenizer.json of a vocabulary, as HF tokenizers defines it.

    Raises:
        UsageError: a split that the format's readers do not have, or a vocabulary without all single bytes.
    """
    if pattern not in ("gpt2", "o200k"):
        raise UsageError(f"pattern: tokenizer.json cannot carry {pattern!r}; it can carry gpt2, o200k")
    if (vocabulary.byte_ids < 0).any():
        raise UsageError("vocabulary: peers need a token for each of the 256 bytes")
    text = {token_id: to_text(token) for token_id, token in token_bytes(vocabulary).items()}
    vocab = {token: token_id for token_id, token in text.items()}
    merges = [(text[left], text[right]) for left, right, _ in _merges(vocabulary)]
    # GPT-2's split as GPT-2's own file has it.
    split = byte_level(use_regex=True) if pattern == "gpt2" else split_by(EXPRESSIONS[pattern])
    return compose(vocab, merges, vocabulary.special_tokens, split)


class PeerEncoder(ABC):
    """A `contract.Encoder` with the call that returns a list. Peers have no say in `workers`: all cores, or one."""

    @abstractmethod
    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the peer's tokenizer. See `contract.Encoder`."""

    @abstractmethod
    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        """Encode UTF-8 text, special tokens first. See `contract.Encoder`."""

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> list[Ids]:
        """Encode each of many texts by itself. See `contract.Encoder`."""
        return [self.encode(text, workers=workers) for text in texts]

    @abstractmethod
    def encode_str(self, text: str) -> list[int]:
        """Encode a string to a list by the peer's fastest call for that, special tokens first."""


class GigatokenEncoder(PeerEncoder):
    """A whole text as one document: all threads work on it, special tokens keep their ids."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build from a tokenizer.json in memory."""
        import gigatoken

        self._dtype = vocabulary.id_dtype
        self._tokenizer = gigatoken.Tokenizer.from_json(tokenizer_json(vocabulary, pattern))

    def encode_unchecked(self, text: bytes) -> NDArray[np.uint32]:
        """Encode what is known to be UTF-8; nothing but the peer's own call."""
        import gigatoken

        return flat_ids(self._tokenizer.encode_batch(gigatoken.BytesSource(text)))

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Encode. See `contract.Encoder`."""
        decode_utf8(text, "text")
        return self.encode_unchecked(text).astype(self._dtype)

    def encode_str(self, text: str) -> list[int]:
        """Encode a batch of one."""
        return self._tokenizer.encode_batch_list([text])[0]


class TiktokenEncoder(PeerEncoder):
    """`tiktoken.Encoding`, in one thread."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build from ranks.

        Raises:
            UsageError: merged ids that do not grow with the rank, or a pattern that is not a named one.
        """
        import tiktoken

        if (np.diff(vocabulary.merged) <= 0).any() or (vocabulary.byte_ids < 0).any():
            raise UsageError("vocabulary: tiktoken takes ids for ranks; ids must grow with the rank of the merge")
        if pattern not in PATTERNS:
            raise UsageError(f"pattern: this peer has no {pattern!r}; it has {', '.join(PATTERNS)}")
        self._dtype = vocabulary.id_dtype
        self._encoding = tiktoken.Encoding(
            "mergelab",
            pat_str=PATTERNS[pattern],
            mergeable_ranks={token: token_id for token_id, token in token_bytes(vocabulary).items()},
            special_tokens=dict(vocabulary.special_tokens),
        )

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Encode to an array without a list in between. See `contract.Encoder`."""
        ids = self._encoding.encode_to_numpy(decode_utf8(text, "text"), allowed_special="all")
        return ids.astype(self._dtype)

    def encode_str(self, text: str) -> list[int]:
        """Encode with all special tokens allowed."""
        return self._encoding.encode(text, allowed_special="all")


class HuggingFaceEncoder(PeerEncoder):
    """HF tokenizers on batches of short pieces, in all threads, offsets left out."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build from a tokenizer.json in memory."""
        from tokenizers import Tokenizer

        self._dtype = vocabulary.id_dtype
        self._tokenizer = Tokenizer.from_str(tokenizer_json(vocabulary, pattern))
        self._cuts = SafeCuts(pattern, list(vocabulary.special_tokens))

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Encode pieces cut at safe places. See `contract.Encoder`."""
        decode_utf8(text, "text")
        ranges = self._cuts.ranges(lambda start, stop: text[start:stop], 0, len(text), PIECE_BYTES)
        parts = self._tokenizer.encode_batch_fast([text[start:stop].decode() for start, stop in ranges])
        return np.concatenate([np.empty(0, self._dtype), *(np.array(part.ids, self._dtype) for part in parts)])

    def encode_str(self, text: str) -> list[int]:
        """Encode one string."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

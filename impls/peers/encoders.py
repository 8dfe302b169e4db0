"""Peers that encode, built from our `Vocabulary`; they give the same ids as our encoders.

Each peer has its own needs. tiktoken uses ids as ranks, so a merge of higher rank must make a higher id. gigatoken
and Hugging Face (HF) read a tokenizer.json, in which both know the split patterns "gpt2" and "o200k". Neither knows
"gpt4": HF's regular expressions give tiktoken's expression another meaning, and gigatoken has no such pattern.
gigatoken does not check UTF-8, so `encode` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from impls.contract import Array64, Ids, Vocabulary
from impls.cuts import SafeCuts
from impls.encode import flat
from impls.errors import UsageError
from impls.formats.alphabet import to_text
from impls.formats.pre_tokenizers import EXPRESSIONS, byte_level, split_by
from impls.formats.tokenizer_json import compose
from impls.inputs.text import decode_utf8
from impls.patterns import PATTERNS
from impls.peers.files import flat_ids

PIECE_BYTES = 1 << 16
"""Size in bytes of the strings given to HF, which encodes each string in one thread, and long strings slowly."""


def token_bytes(vocabulary: Vocabulary) -> dict[int, bytes]:
    """Return a dict: id -> bytes, for the single bytes and all merges, without special tokens."""
    tokens = {token_id: bytes([byte]) for byte, token_id in enumerate(vocabulary.byte_ids.tolist()) if token_id >= 0}
    for left, right, merged in _merges(vocabulary):
        tokens[merged] = tokens[left] + tokens[right]
    return tokens


def _merges(vocabulary: Vocabulary) -> Iterator[tuple[int, int, int]]:
    return zip(vocabulary.left.tolist(), vocabulary.right.tolist(), vocabulary.merged.tolist(), strict=True)


def tokenizer_json(vocabulary: Vocabulary, pattern: str) -> str:
    """Return the tokenizer.json of a vocabulary, as HF tokenizers defines it.

    Raises:
        UsageError: a tokenizer.json cannot carry the pattern, or the vocabulary lacks a single byte.
    """
    if pattern not in ("gpt2", "o200k"):
        raise UsageError(f"pattern: tokenizer.json cannot carry {pattern!r}; choose one of gpt2, o200k")
    if (vocabulary.byte_ids < 0).any():
        raise UsageError("vocabulary: a byte has no token, but peers need one for each of the 256 bytes; add it")
    text = {token_id: to_text(token) for token_id, token in token_bytes(vocabulary).items()}
    vocab = {token: token_id for token_id, token in text.items()}
    merges = [(text[left], text[right]) for left, right, _ in _merges(vocabulary)]
    # GPT-2's split is written as in GPT-2's own tokenizer.json.
    split = byte_level(use_regex=True) if pattern == "gpt2" else split_by(EXPRESSIONS[pattern])
    return compose(vocab, merges, vocabulary.special_tokens, split)


class PeerEncoder(ABC):
    """A `contract.Encoder` with one more call, `encode_str`.

    `workers` is ignored, since each peer always uses all cores, or always one.
    """

    @abstractmethod
    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build the peer's tokenizer. See `contract.Encoder`."""

    @abstractmethod
    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:
        """Encode UTF-8 text, special tokens first. See `contract.Encoder`."""

    def encode_batch(self, texts: Sequence[bytes], *, workers: int | None = None) -> tuple[Ids, Array64]:
        """Encode each of many texts by itself. See `contract.Encoder`."""
        parts = [self.encode(text, workers=workers) for text in texts]
        return flat(parts, np.result_type(np.uint16, *parts))

    @abstractmethod
    def encode_str(self, text: str) -> list[int]:
        """Encode a string to a list of ids, by the fastest call of the peer that returns a list.

        Special tokens are matched first.
        """


class GigatokenEncoder(PeerEncoder):
    """Encodes a whole text as one document: all threads work on it, and special tokens get their ids."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build from a tokenizer.json in memory."""
        import gigatoken

        self._dtype = vocabulary.id_dtype
        self._tokenizer = gigatoken.Tokenizer.from_json(tokenizer_json(vocabulary, pattern))

    def encode_unchecked(self, text: bytes) -> NDArray[np.uint32]:
        """Encode bytes that are known to be UTF-8 to uint32[n], with nothing but the peer's own call."""
        import gigatoken

        return flat_ids(self._tokenizer.encode_batch(gigatoken.BytesSource(text)))

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Encode. See `contract.Encoder`."""
        decode_utf8(text, "text")
        return self.encode_unchecked(text).astype(self._dtype)

    def encode_str(self, text: str) -> list[int]:
        """Encode a string as a batch that holds one text."""
        return self._tokenizer.encode_batch_list([text])[0]


class TiktokenEncoder(PeerEncoder):
    """Encodes with `tiktoken.Encoding`, in one thread."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build tiktoken's encoding; it uses the ids of the vocabulary as ranks.

        Raises:
            UsageError: the ids that merges make do not grow with the rank, a byte has no id, or the pattern has no
                name.
        """
        import tiktoken

        if (np.diff(vocabulary.merged) <= 0).any() or (vocabulary.byte_ids < 0).any():
            raise UsageError(
                "vocabulary: a byte has no id, or ids of merges do not grow with the rank, as tiktoken needs; "
                "give a vocabulary that mergelab trained"
            )
        if pattern not in PATTERNS:
            raise UsageError(f"pattern: this peer does not know {pattern!r}; choose one of {', '.join(PATTERNS)}")
        self._dtype = vocabulary.id_dtype
        self._encoding = tiktoken.Encoding(
            "mergelab",
            pat_str=PATTERNS[pattern],
            mergeable_ranks={token: token_id for token_id, token in token_bytes(vocabulary).items()},
            special_tokens=dict(vocabulary.special_tokens),
        )

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Encode to an array, without making a list first. See `contract.Encoder`."""
        ids = self._encoding.encode_to_numpy(decode_utf8(text, "text"), allowed_special="all")
        return ids.astype(self._dtype)

    def encode_str(self, text: str) -> list[int]:
        """Encode with all special tokens allowed."""
        return self._encoding.encode(text, allowed_special="all")


class HuggingFaceEncoder(PeerEncoder):
    """Encodes with HF tokenizers: batches of short pieces, in all threads, without computing offsets."""

    def __init__(self, vocabulary: Vocabulary, pattern: str) -> None:
        """Build from a tokenizer.json in memory."""
        from tokenizers import Tokenizer

        self._dtype = vocabulary.id_dtype
        self._tokenizer = Tokenizer.from_str(tokenizer_json(vocabulary, pattern))
        self._cuts = SafeCuts(pattern, list(vocabulary.special_tokens))

    def encode(self, text: bytes, *, workers: int | None = None) -> Ids:  # noqa: ARG002
        """Cut the text at safe places, and encode the pieces. See `contract.Encoder`."""
        decode_utf8(text, "text")
        ranges = self._cuts.ranges(lambda start, stop: text[start:stop], 0, len(text), PIECE_BYTES)
        parts = self._tokenizer.encode_batch_fast([text[start:stop].decode() for start, stop in ranges])
        return np.concatenate([np.empty(0, self._dtype), *(np.array(part.ids, self._dtype) for part in parts)])

    def encode_str(self, text: str) -> list[int]:
        """Encode one string."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

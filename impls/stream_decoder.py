"""Text from ids that come one at a time, as a language model makes them: only whole characters, each of them once.

Decoding the last few ids again and again shows half a character as U+FFFD, shows text twice, or takes longer with
each id. Here the bytes of an unfinished character, at most three, wait for the next id.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Mapping
from typing import Protocol

from impls.arguments import check_count
from impls.errors import UsageError, shown


class HasVocabulary(Protocol):
    """A tokenizer, or its definition."""

    @property
    def vocab(self) -> Mapping[int, bytes]:
        """A mapping: id -> bytes of the token."""


class StreamDecoder:
    """Decodes the ids of one text, one at a time.

    The strings that `push` and `flush` return, joined, equal `Tokenizer.decode` of all ids. The time of a push
    depends on the token alone, not on the ids before it. A copy (`copy.copy`) goes on by itself from the same place.
    """

    def __init__(self, tokenizer: HasVocabulary) -> None:
        """Start before the first id.

        Raises:
            UsageError: `tokenizer` is neither a `Tokenizer` nor a `Definition`.
        """
        vocab = getattr(tokenizer, "vocab", None)
        if not isinstance(vocab, Mapping):
            raise UsageError(f"tokenizer: {shown(tokenizer)} has no vocabulary; give a Tokenizer or a Definition")
        self._tokens: Mapping[int, bytes] = vocab
        self._waiting = b""

    def push(self, token_id: int) -> str:
        """Take the next id; return the text that is now certain, which may be empty.

        Invalid bytes become U+FFFD, with the id after them at the latest.

        Raises:
            UsageError: the vocabulary lacks the id; the decoder stays as it was.
        """
        token = self._tokens.get(check_count("token_id", token_id, 0))
        if token is None:
            raise UsageError(
                f"token_id: {token_id} is not an id of this vocabulary of {len(self._tokens)} tokens; use the "
                "tokenizer that made the ids"
            )
        content = self._waiting + token
        text, used = utf_8_decode(content, "replace", False)
        self._waiting = content[used:]
        return text

    def flush(self) -> str:
        """End the text; return U+FFFD for an unfinished character, else nothing. The next id begins a new text."""
        text, _ = utf_8_decode(self._waiting, "replace", True)
        self._waiting = b""
        return text

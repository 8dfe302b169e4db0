"""The facts about a tokenizer that its definition holds: tokens and their ids, sizes, fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from impls.arguments import check_count
from impls.contract import IdType
from impls.definition import Definition
from impls.errors import UsageError, shown
from impls.special_modes import utf8


class Described:
    """What has a definition, and answers questions about it.

    Attributes:
        definition: its ids, merges, special tokens and split pattern.
    """

    definition: Definition

    @property
    def vocab(self) -> Mapping[int, bytes]:
        """A read-only mapping: id -> bytes of the token, special tokens included."""
        return self.definition.vocab

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """Pairs of tokens in order of rank."""
        return list(self.definition.merges)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """A read-only mapping: special token -> id, in the order given."""
        return self.definition.special_tokens

    @property
    def pattern(self) -> str:
        """Name of the split pattern."""
        return self.definition.pattern

    def fingerprint(self) -> str:
        """Return the SHA-256, as hex, of all ids, tokens, merges, special tokens and the pattern."""
        return self.definition.fingerprint

    @property
    def vocab_size(self) -> int:
        """Number of tokens, special tokens included."""
        return len(self.vocab)

    def __len__(self) -> int:
        """Return the number of tokens, special tokens included."""
        return len(self.vocab)

    def token_to_id(self, token: str | bytes) -> int | None:
        """Return the id of a token, which is given as bytes or as text; None if there is no such token."""
        if not isinstance(token, str | bytes):
            raise UsageError(f"token: {shown(token)} is neither a string nor bytes; give one of the two")
        content = utf8(token) if isinstance(token, str) else token
        return self._ids.get(content)

    def id_to_token(self, token_id: int) -> bytes | None:
        """Return the bytes of the token with this id; None if there is no such token."""
        return self.vocab.get(check_count("token_id", token_id, 0))

    @property
    def id_dtype(self) -> IdType:
        """Type of ids in arrays and on disk, little-endian: uint16 if every id fits into 16 bits, else uint32."""
        return self.definition.id_dtype

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        return {token: token_id for token_id, token in self.vocab.items()}

"""Which documents are for validation: their content decides, so equal documents are never on both sides."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from impls.errors import UsageError, shown


@dataclass(frozen=True)
class HeldOut:
    """A rule that takes a share of all documents for validation.

    The rule is independent of tokenizer, order and file: it compares the CRC-32 of the document with the share. The
    seed, as decimal digits, comes before the document.

    Attributes:
        share: the share of the documents that is taken, above 0 and below 1; 0 takes none.
        seed: another seed takes other documents.
    """

    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 <= self.share < 1:
            raise UsageError(f"validation: {shown(self.share)} is not a share of at least 0 and below 1; give 0.01")

    def begun(self) -> int:
        """Return the state before the first byte of a document."""
        return zlib.crc32(b"%d" % self.seed)

    def takes(self, state: int) -> bool:
        """Tell whether a document is for validation; `state` is `zlib.crc32(document, self.begun())`."""
        return state < self.share * 2**32

    def takes_document(self, document: bytes) -> bool:
        """Tell whether a whole document is for validation."""
        return self.takes(zlib.crc32(document, self.begun()))

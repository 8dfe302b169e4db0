"""Whether a tokenizer was trained on other documents than the model: proven by digests, never assumed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from impls import provenance
from impls.errors import FileFormatError
from impls.inputs.documents import contains, separated
from lm.corpora import SPLITS

Overlap = dict[str, int]
"""A dict: `documents`, the number of documents of the tokenizer, and for each split how many of them it holds."""


def documents_of(text: Path, separator: bytes, stop: int | None = None) -> Iterator[bytes]:
    """Yield the documents of a text that begin before byte `stop`; all by default.

    A text without separators is a single document. Instead of this document, its digest is yielded, since it may be
    larger than the memory.
    """
    if not contains(text, separator):
        with text.open("rb") as file:
            yield hashlib.file_digest(file, lambda: hashlib.sha256(b"whole text")).digest()
        return
    start = 0
    for document in separated(text, separator):
        if stop is not None and start >= stop:
            return
        yield document
        start += len(document) + len(separator)


def overlap(tokenizer: Path, fingerprint: str, folder: Path, separator: bytes) -> Overlap | None:
    """Return how many documents of a tokenizer are in `train.txt` and `val.txt`; None if they are not known.

    Args:
        tokenizer: the folder of the tokenizer.
        fingerprint: the fingerprint of the tokenizer.
        folder: the folder of the two texts.
        separator: the text between two documents.

    Raises:
        FileFormatError: the digests of the tokenizer's documents are damaged.
    """
    seen = provenance.read(tokenizer, fingerprint)
    if seen is None:
        return None
    texts = {split: folder / f"{split}.txt" for split in SPLITS}
    shared = {
        split: provenance.n_shared(seen, provenance.digests_of(documents_of(text, separator)))
        for split, text in texts.items()
    }
    return {"documents": len(seen), **shared}


def check_disjoint(found: Any, folder: Path) -> None:
    """Check that no document of the tokenizer is in a text of the model.

    Args:
        found: the result of `overlap`.
        folder: the folder of the data, for the message.

    Raises:
        FileFormatError: a document is in both, or it is not known which documents the tokenizer was trained on.
    """
    if found is None:
        raise FileFormatError(
            f"{folder}: tokenizer.disjoint is set, but nobody noted which documents the tokenizer was trained on; "
            "set dataset.tokenizer_share, or give a tokenizer that `lm tokenize` trained"
        )
    if any(found[split] for split in SPLITS):
        raise FileFormatError(
            f"{folder}: tokenizer.disjoint is set, but of the {found['documents']} documents that the tokenizer was "
            f"trained on, {found['train']} are in train.txt and {found['val']} in val.txt; set "
            "dataset.tokenizer_share, or give another tokenizer"
        )

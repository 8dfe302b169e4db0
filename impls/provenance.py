"""The documents that a tokenizer was trained on, as digests, kept beside the tokenizer.

The digest of a document is the first half of the SHA-256 of its bytes without white space at both ends. Equal
documents have equal digests. So if no digest of another text is among the digests of a tokenizer, the tokenizer has
seen no document of this text. Two documents that differ in a single character inside are different documents.

Two files in the folder of the tokenizer hold the digests. `documents.npy` is an array uint8[n, 16], sorted, without
repeats. `documents.json` is an object: `tokenizer` is the fingerprint of the tokenizer, `documents` is n, and
`sha256` is the digest of `documents.npy`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.errors import FileFormatError
from impls.storage import atomic_writer

FACTS_FILE, DIGESTS_FILE = "documents.json", "documents.npy"

FORMAT = "mergelab documents 1"

DIGEST_BYTES = 16

Digests = NDArray[np.void]
"""Digests of documents, one item of 16 bytes per digest, sorted, without repeats."""


def digests_of(documents: Iterable[bytes]) -> Digests:
    """Return the digests of documents; documents of nothing but white space are left out."""
    contents = (document.strip() for document in documents)
    found = {hashlib.sha256(content).digest()[:DIGEST_BYTES] for content in contents if content}
    return np.frombuffer(b"".join(sorted(found)), np.dtype((np.void, DIGEST_BYTES)))


def n_shared(digests: Digests, others: Digests) -> int:
    """Return how many documents two texts share; equal documents of one text count once."""
    return len(set(digests.tolist()) & set(others.tolist()))


def write(folder: Path, fingerprint: str, digests: Digests) -> None:
    """Write the digests to the folder of the tokenizer with this fingerprint.

    Raises:
        FileFormatError: the folder cannot be written.
    """
    content = io.BytesIO()
    np.save(content, digests.view(np.uint8).reshape(-1, DIGEST_BYTES))
    facts = {
        "format": FORMAT,
        "tokenizer": fingerprint,
        "documents": len(digests),
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
    }
    for name, written in ((DIGESTS_FILE, content.getvalue()), (FACTS_FILE, json.dumps(facts, indent=1).encode())):
        with atomic_writer(folder / name) as file:
            file.write(written)


def read(folder: Path, fingerprint: str) -> Digests | None:
    """Return the digests in the folder of the tokenizer with this fingerprint; None if there are none.

    Raises:
        FileFormatError: a file is missing or damaged, or belongs to another tokenizer.
    """
    place = folder / FACTS_FILE
    if not place.exists():
        return None
    try:
        facts: dict[str, Any] = json.loads(place.read_bytes())
        content = (folder / DIGESTS_FILE).read_bytes()
        if facts["format"] != FORMAT or facts["sha256"] != hashlib.sha256(content).hexdigest():
            raise ValueError("digest")
        digests = np.load(io.BytesIO(content), allow_pickle=False)
        found = np.ascontiguousarray(digests, np.uint8).view(np.dtype((np.void, DIGEST_BYTES))).reshape(-1)
    except (OSError, ValueError, LookupError, TypeError, EOFError, RecursionError):
        raise FileFormatError(
            f"{place}: it or {DIGESTS_FILE} is damaged or of another version; remove both, or train again"
        ) from None
    if facts.get("tokenizer") != fingerprint:
        raise FileFormatError(f"{place}: belongs to another tokenizer; remove it, or train again")
    return found

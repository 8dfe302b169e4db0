"""Encoding a file to ids with a tokenizer.json: gigatoken's fastest call. tiktoken and HF have no such call.

If gigatoken's `encode_files` is given a separator, it leaves the separator out of the ids. If it is given no
separator, it encodes the whole file as one document, in all threads and no slower, and special tokens get their ids.
Then its ids equal our ids. So this module gives gigatoken no separator.

This module imports only NumPy, so a process that encodes with a peer spends its time and memory on the peer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    import awkward
    import gigatoken


def load_tokenizer(tokenizer_json: str | os.PathLike[str]) -> gigatoken.Tokenizer:
    """Load a tokenizer.json with gigatoken."""
    import gigatoken

    return gigatoken.Tokenizer.from_json(Path(tokenizer_json).read_bytes())


def flat_ids(documents: awkward.Array) -> NDArray[np.uint32]:
    """Return the ids of all documents one after the other, uint32[n], without a copy."""
    import awkward

    ids: NDArray[np.uint32] = np.asarray(awkward.flatten(documents))
    return ids


def encode_file(tokenizer: gigatoken.Tokenizer, path: str | os.PathLike[str]) -> NDArray[np.uint32]:
    """Encode a text file to ids in memory, uint32[n], special tokens included."""
    import gigatoken

    return flat_ids(tokenizer.encode_files(gigatoken.TextFileSource([path])))


def encode_file_to_file(
    tokenizer: gigatoken.Tokenizer, path: str | os.PathLike[str], output: str | os.PathLike[str], dtype: DTypeLike
) -> int:
    """Encode a text file to a file of bare ids in `dtype`; returns the number of ids."""
    ids = encode_file(tokenizer, path)
    ids.astype(dtype).tofile(output)
    return len(ids)

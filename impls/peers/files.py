"""From a file straight to ids, with a tokenizer.json: what gigatoken does fastest; tiktoken and HF have no such call.

With a separator, gigatoken's `encode_files` drops it from the ids. Without one it takes the whole file as one
document, still in all threads and no slower, and gives special tokens their ids: so its ids are all of ours, and that
is the form used here.

This module starts with NumPy alone, so that a process which encodes with a peer pays for the peer alone.
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
    """Return the ids of all documents one behind the other, uint32[n], not copied."""
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
    """Encode a text file to a file of bare ids in `dtype`; returns how many."""
    ids = encode_file(tokenizer, path)
    ids.astype(dtype).tofile(output)
    return len(ids)

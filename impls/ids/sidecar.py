"""The sidecar of a file of ids, `NAME.json` beside the file `NAME`: which tokenizer made the ids, from which text.

A sidecar is JSON and ends with a digest of its own values. Its fields:
- `format`: always "mergelab ids 1".
- `kind`: the format of the ids, a name of `impls.ids.FORMATS`.
- `tokenizer`: the fingerprint of the tokenizer, and `vocab_size`, one more than its largest id.
- `dtype`: the type of the ids in the file.
- `ids`, `bytes`, `documents`: how many ids there are, how many bytes of text they stand for, and how many documents
  begin in the file.
- `document_end`: the special token after which a document ends; null if all text is one document.
- `special`: how special tokens in the text were treated, see `Tokenizer.encode`.
- `source`: the inputs as the user named them, the number of bytes, and the SHA-256 of all bytes.
- `split`, `validation`, `seed`: "train" or "val", the share and the seed of the split; null without a split.
- `shard`, `shards`: the number of the file, counted from 0, and how many files there are.
- `command`: the words of the command line; `mergelab`: the version.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

from impls.digests import with_digest, without_digest
from impls.errors import FileFormatError

FORMAT = "mergelab ids 1"

TYPES = ("uint16", "uint32", "int32")

MOST_BYTES = 1 << 20
"""A longer sidecar is refused."""


def path_of(ids: Path) -> Path:
    """Return the path of the sidecar of a file of ids."""
    return ids.with_name(f"{ids.name}.json")


def content(values: dict[str, Any]) -> bytes:
    """Return the content of a sidecar with these fields."""
    sealed = with_digest({"format": FORMAT, **values})
    return json.dumps(sealed, indent=1, ensure_ascii=False).encode(errors="surrogateescape") + b"\n"


def read(ids: Path) -> dict[str, Any] | None:
    """Return the sidecar of a file of ids; None if there is none.

    Raises:
        FileFormatError: the sidecar is damaged or of another version.
    """
    path = path_of(ids)
    try:
        with path.open("rb") as file:
            values = without_digest(json.loads(file.read(MOST_BYTES)))
        is_known = values["format"] == FORMAT and type(values["ids"]) is int and values["dtype"] in TYPES
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return None
        raise FileFormatError(f"{path}: {error.strerror}; remove the file, or make it readable") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_known = False
    if not is_known:
        raise FileFormatError(f"{path}: is damaged or of another version; restore the file, or encode the text again")
    return values


def is_ours(ids: Path) -> bool:
    """Tell whether a sidecar says that mergelab wrote a file of ids."""
    try:
        return read(ids) is not None
    except FileFormatError:
        return False

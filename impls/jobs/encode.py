"""Encode a text to shards: files of a fixed number of ids; only the last shard may hold fewer.

The files `NAME-000000.bin`, `NAME-000001.bin` and so on hold the ids. `NAME.json` records the settings with which the
shards were made, the place in the text at which the next shard begins, and a digest of the ids in the shards.

If an interrupted job is run again, it keeps its finished shards and makes only the missing shards. Its files then
equal the files of a job without an interrupt. If a finished shard or `NAME.json` is damaged, the job starts from the
beginning.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from impls.contract import Ids
from impls.digests import with_digest, without_digest
from impls.inputs.text import Text
from impls.storage import atomic_writer
from impls.tokenizer import Tokenizer

Say = Callable[[str], None]

RANGE_BYTES = 1 << 24
"""How many bytes of text are encoded at a time."""

COPY_BYTES = 1 << 22


class ShardedEncoding:
    """The shards of one text.

    Attributes:
        finished: how many shards are finished.
    """

    def __init__(
        self, folder: Path, name: str, tokenizer: Tokenizer, dtype: np.dtype[Any], shard_tokens: int
    ) -> None:
        """Find the shards that an interrupted job has finished, and remove all other shards of that name.

        Args:
            folder: the folder of the shards; made if it does not exist.
            name: the beginning of the names of the files.
            tokenizer: the tokenizer that encodes.
            dtype: the type of the ids on disk.
            shard_tokens: ids per shard.
        """
        self._folder, self._name, self._tokenizer, self._dtype = folder, name, tokenizer, dtype
        self._made_with = {
            "tokenizer": tokenizer.fingerprint(),
            "dtype": dtype.name,
            "shard_tokens": shard_tokens,
            "range_bytes": RANGE_BYTES,
        }
        self._shard_tokens = shard_tokens
        # The next shard begins in the range of text that begins at byte `_start`, after its first `_skip` ids.
        self.finished, self._start, self._skip, self._digest = self._read_progress()
        folder.mkdir(exist_ok=True)
        kept = {self.path(number).name for number in range(self.finished)}
        ours = re.compile(rf"{re.escape(name)}-\d{{6,}}\.bin", re.ASCII)
        for path in [path for path in folder.iterdir() if ours.fullmatch(path.name) and path.name not in kept]:
            path.unlink()

    def path(self, number: int) -> Path:
        """Return the path of a shard."""
        return self._folder / f"{self._name}-{number:06d}.bin"

    def run(self, text: Text, say: Say) -> None:
        """Make the missing shards.

        Raises:
            FileFormatError: the text is not UTF-8, or has a byte that the vocabulary lacks.
        """
        pending: Ids = np.empty(0, self._dtype)
        tokenizer = self._tokenizer
        for start, stop in text.ranges(tokenizer.pattern, list(tokenizer.special_tokens), RANGE_BYTES):
            if start < self._start:
                continue
            ids = tokenizer.encode_range(text, start, stop).astype(self._dtype, copy=False)
            pending = np.concatenate([pending, ids[self._skip :]])
            self._skip = 0
            while len(pending) >= self._shard_tokens or (len(pending) and stop == text.stop):
                shard, pending = pending[: self._shard_tokens], pending[self._shard_tokens :]
                # All ids that are not yet in a shard are from the end of this range.
                following = (start, len(ids) - len(pending)) if len(pending) else (stop, 0)
                self._finish(shard, *following)
                say(f"{self.path(self.finished - 1)}: {len(shard)} ids, at {stop} of {text.stop} bytes")

    @property
    def digest(self) -> str:
        """The SHA-256, in hexadecimal, of the ids of all finished shards, one shard after the other."""
        return str(self._digest.hexdigest())

    def join(self, output: BinaryIO) -> None:
        """Copy the ids of all shards to a file."""
        for number in range(self.finished):
            with self.path(number).open("rb") as file:
                shutil.copyfileobj(file, output, COPY_BYTES)

    def _finish(self, ids: Ids, start: int, skip: int) -> None:
        """Write a shard, then record where the next shard begins."""
        with atomic_writer(self.path(self.finished)) as file:
            file.write(ids.data)
        self.finished += 1
        self._digest.update(ids.data)
        digest = self._digest.hexdigest()
        progress = {"shards": self.finished, "next_byte": start, "ids_before": skip, "shards_sha256": digest}
        with atomic_writer(self._progress_path) as file:
            file.write(json.dumps(with_digest(self._made_with | progress), indent=1).encode())

    @property
    def _progress_path(self) -> Path:
        return self._folder / f"{self._name}.json"

    def _read_progress(self) -> tuple[int, int, int, Any]:
        """Return four values: how many shards are finished, the byte offset at which to go on, how many ids from
        there on are already in shards, and the running digest of the shards.
        """
        none = 0, 0, 0, hashlib.sha256()
        try:
            known = without_digest(json.loads(self._progress_path.read_bytes()))
            names = ("shards", "next_byte", "ids_before", "shards_sha256")
            finished, start, skip, expected = (known.pop(name) for name in names)
            if known != self._made_with:
                return none
            found = self._digest_of(finished)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return none
        return (finished, start, skip, found) if found.hexdigest() == expected else none

    def _digest_of(self, finished: int) -> Any:
        """Return the running digest of the first `finished` shards; raise OSError if a shard cannot be read."""
        found = hashlib.sha256()
        for number in range(finished):
            with self.path(number).open("rb") as file:
                while block := file.read(COPY_BYTES):
                    found.update(block)
        return found

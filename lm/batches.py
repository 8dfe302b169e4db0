"""Ids on disk to batches: the files are checked against `metadata.json`, mapped into memory, and cut into windows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impls import Tokenizer
from impls.digests import without_digest
from impls.errors import FileFormatError, UsageError
from lm.config import DataConfig
from lm.corpora import SPLITS
from lm.ops import IGNORE_INDEX

Ids = NDArray[Any]
"""uint16[n] or uint32[n]."""

CHECK_IDS = 1 << 22
"""The number of ids that are checked at once."""

AGAIN = "remove metadata.json there and run `python -m lm tokenize` again"
"""The end of messages about damaged ids: what to do; texts and tokenizer are kept, the ids are made again."""

METADATA_FIELDS = {"made_from", "sources", "tokenizer", "vocab_size", "dtype", "eos_id", "splits", "digests"}
"""Fields that every `metadata.json` has, besides `version` and `digest`, the digest of all other fields."""


@dataclass(frozen=True)
class TokenData:
    """The ids that training reads.

    Attributes:
        tokenizer: the tokenizer that made the ids.
        eos_id: the id that ends a document, if there is one.
        train, val: uint16[n] or uint32[n], mapped read-only.
        digests: a dict: split -> digest, in hexadecimal, of the file with the ids of this split.
    """

    tokenizer: Tokenizer
    eos_id: int | None
    train: Ids
    val: Ids
    digests: dict[str, str]


def read_metadata(folder: Path) -> dict[str, Any] | None:
    """Return the content of `metadata.json` in a folder of ids; None if there is no such file.

    Raises:
        FileFormatError: the file is damaged or of another version.
    """
    path = folder / "metadata.json"
    if not path.exists():
        return None
    try:
        metadata = without_digest(json.loads(path.read_bytes()))
        known = metadata["version"] == 1 and metadata.keys() >= METADATA_FIELDS and _describes_ids(metadata)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise FileFormatError(f"{path}: is damaged or of another version; {AGAIN}")
    return metadata


def _describes_ids(metadata: dict[str, Any]) -> bool:
    """Tell whether the fields that `open_data` reads have the right types."""
    numbers = [metadata["vocab_size"], *(metadata["splits"][split]["ids"] for split in SPLITS)]
    return (
        all(type(number) is int and number >= 0 for number in numbers)
        and type(metadata["eos_id"]) in (int, type(None))
        and metadata["dtype"] in ("uint16", "uint32")
        and metadata["digests"].keys() == set(SPLITS)
        and isinstance(metadata["sources"], dict)
    )


def open_data(config: DataConfig, vocab_size: int) -> TokenData:
    """Map the files of a folder, after checking them against the metadata, the tokenizer and the model.

    Args:
        config: the config that names the folder.
        vocab_size: the vocabulary size of the model; every id must be smaller.

    Raises:
        FileFormatError: a file is missing or damaged, was made with another tokenizer, or holds an id beyond the
            vocabulary.
    """
    folder = Path(config.folder)
    tokenizer, metadata = _open_tokenizer(folder)
    limit = min(vocab_size, metadata["vocab_size"])
    ids = {split: _open_ids(folder / f"{split}.bin", metadata, split, limit) for split in SPLITS}
    return TokenData(tokenizer, metadata["eos_id"], ids["train"], ids["val"], metadata["digests"])


def open_tokenizer(folder: Path) -> tuple[Tokenizer, int | None]:
    """Return the tokenizer that made the ids in a folder, and the id that ends a document.

    Raises:
        FileFormatError: the folder is incomplete, or its tokenizer did not make the ids.
    """
    tokenizer, metadata = _open_tokenizer(folder)
    return tokenizer, metadata["eos_id"]


def _open_tokenizer(folder: Path) -> tuple[Tokenizer, dict[str, Any]]:
    metadata = read_metadata(folder)
    if metadata is None:
        raise FileFormatError(f"{folder}/metadata.json: is missing; run `python -m lm tokenize`")
    tokenizer = Tokenizer.load(folder / "tokenizer")
    if tokenizer.fingerprint() != metadata["tokenizer"]:
        raise FileFormatError(
            f"{folder}: the ids were made with another tokenizer ({metadata['tokenizer'][:12]}) than "
            f"{folder}/tokenizer ({tokenizer.fingerprint()[:12]}); {AGAIN}"
        )
    return tokenizer, metadata


def _open_ids(path: Path, metadata: dict[str, Any], split: str, limit: int) -> Ids:
    dtype, expected = np.dtype(metadata["dtype"]), metadata["splits"][split]["ids"]
    try:
        size = path.stat().st_size
        if size != expected * dtype.itemsize:
            raise FileFormatError(
                f"{path}: has {size} bytes, but metadata.json lists {expected} ids, which take "
                f"{expected * dtype.itemsize} bytes; {AGAIN}"
            )
        ids: Ids = np.memmap(path, dtype, "r") if size else np.empty(0, dtype)
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; {AGAIN}") from None
    found = hashlib.sha256()
    for start in range(0, len(ids), CHECK_IDS):
        block = ids[start : start + CHECK_IDS]
        found.update(block.data)
        if block.max() >= limit:
            place = start + int((block >= limit).argmax())
            raise FileFormatError(
                f"{path}: id {ids[place]} at place {place} is not below the vocabulary size {limit}; raise "
                f"model.vocab_size, or {AGAIN}"
            )
    if found.hexdigest() != metadata["digests"][split]:
        raise FileFormatError(f"{path}: has changed since it was made; restore the file, or {AGAIN}")
    return ids


def windows(n_ids: int, block_size: int, stride: int) -> int:
    """Return how many windows of block_size + 1 ids fit into `n_ids`, if one starts every `stride` ids.

    Raises:
        UsageError: there are fewer ids than one window needs.
    """
    if n_ids < block_size + 1:
        raise UsageError(
            f"data.block_size: a window of {block_size} needs {block_size + 1} ids, but the text has only {n_ids}; "
            "give more text"
        )
    return (n_ids - block_size - 1) // stride + 1


def cut(ids: Ids, starts: NDArray[np.int64], block_size: int) -> tuple[Tensor, Tensor]:
    """Cut windows that begin at `starts`, int64[B]: x, int64[B, block_size], and y, which is x shifted by one."""
    rows = ids[starts[:, None] + np.arange(block_size + 1)].astype(np.int64)
    both = torch.from_numpy(rows)
    return both[:, :-1].contiguous(), both[:, 1:].contiguous()


def get_batch(
    ids: NDArray[Any],
    batch_size: int,
    block_size: int,
    device: str | torch.device = "cpu",
    generator: np.random.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Cut windows of ids, uint16[n] or uint32[n], that begin at uniformly random places.

    Returns:
        x and y, int64[batch_size, block_size] each; y is x shifted by one.

    Raises:
        UsageError: there are fewer ids than one window needs.
        RuntimeError, AssertionError: from PyTorch, when the device is not there.
    """
    n_windows = windows(len(ids), block_size, 1)
    starts = (generator or np.random.default_rng()).integers(0, n_windows, batch_size)
    x, y = cut(ids, starts, block_size)
    return x.to(device), y.to(device)


class TrainBatches(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """The batches of a run. The seed and the number i decide batch i, so a resumed run needs only its step.

    Attributes:
        rank, n_ranks: the number of this process, and how many there are; each process gets its own rows of a batch.
    """

    def __init__(self, ids: Ids, config: DataConfig, seed: int, rank: int = 0, n_ranks: int = 1) -> None:
        self.ids, self.config, self.seed, self.rank, self.n_ranks = ids, config, seed, rank, n_ranks
        self.stride = config.stride or config.block_size
        self.n_windows = windows(len(ids), config.block_size, 1 if config.sampling == "random" else self.stride)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Return x and y, int64[batch_size / n_ranks, block_size]."""
        size = self.config.batch_size
        if self.config.sampling == "random":
            starts = np.random.default_rng([self.seed, number]).integers(0, self.n_windows, size)
        else:
            starts = (number * size + np.arange(size)) % self.n_windows * self.stride
        return cut(self.ids, starts[self.rank :: self.n_ranks], self.config.block_size)

    def loader(self, first: int, stop: int, pin_memory: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches `first` to `stop - 1`; worker processes cut them if the config asks for workers."""
        workers = self.config.workers
        loader: Any = torch.utils.data.DataLoader(
            self,
            batch_size=None,
            sampler=range(first, stop),
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=self.config.prefetch if workers else None,
            pin_memory=pin_memory,
            # A loader always draws a number, here from a generator of its own, not from the generator of dropout.
            generator=torch.Generator(),
        )
        return iter(loader)


def validation_batches(ids: Ids, config: DataConfig, eos_id: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ordered windows in which every id but the first is a target once; places after the last id are ignored.

    With `mask_after_eos`, targets after the first `eos_id` of a window are ignored too.

    Yields:
        x and y, int64[B, block_size] each; B is at most batch_size.

    Raises:
        UsageError: there is no id to predict.
    """
    block, stride = config.block_size, config.stride or config.block_size
    windows(len(ids), 1, 1)
    starts = np.arange(0, len(ids) - 1, stride)
    for first in range(0, len(starts), config.batch_size):
        chosen = starts[first : first + config.batch_size]
        places = chosen[:, None] + np.arange(block + 1)
        # Made wide first: an unsigned id cannot hold the ignored index.
        rows = ids[np.minimum(places, len(ids) - 1)].astype(np.int64)
        rows[places >= len(ids)] = IGNORE_INDEX
        x, y = np.maximum(rows[:, :-1], 0), rows[:, 1:].copy()
        # Where windows overlap, ids that the window before has predicted only give context.
        if stride < block:
            y[np.arange(len(chosen)) + first > 0, : block - stride] = IGNORE_INDEX
        if config.mask_after_eos and eos_id is not None:
            y = mask_after_eos(y, eos_id)
        yield torch.from_numpy(x), torch.from_numpy(y)


def mask_after_eos(targets: NDArray[np.int64], eos_id: int) -> NDArray[np.int64]:
    """Replace the targets, int64[B, T], after the first `eos_id` of each row by the ignored index."""
    ends = targets == eos_id
    after = np.cumsum(ends, axis=1) - ends > 0
    return np.where(after, IGNORE_INDEX, targets)

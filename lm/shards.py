"""Ids on disk: `train.bin`, `val.bin`, `metadata.json`; made from text, mapped into memory, cut into windows.

A shard is what one step of `tokenize` encodes; finished shards survive an interruption and are joined at the end.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impls import Tokenizer, train_bpe
from impls.corpus import Corpus, SafeCuts
from impls.errors import FileFormatError, UsageError
from impls.storage import atomic_writer
from lm.config import DataConfig, RunConfig, TokenizerConfig
from lm.corpora import SPLITS, Counts, prepare
from lm.ops import IGNORE_INDEX

Ids = NDArray[Any]
"""uint16[n] or uint32[n]."""

Say = Callable[[str], None]

CHECK_IDS = 1 << 22
"""Ids that are checked at a time."""


@dataclass(frozen=True)
class TokenData:
    """What training reads.

    Attributes:
        tokenizer: what made the ids.
        eos_id: the id that ends a document, if there is one.
        train, val: uint16[n] or uint32[n], mapped read-only.
        token_bytes: int64[vocabulary], bytes of text that an id stands for, 0 for special tokens.
    """

    tokenizer: Tokenizer
    eos_id: int | None
    train: Ids
    val: Ids
    token_bytes: NDArray[np.int64]


# --- making ---------------------------------------------------------------------------------------------------------


def tokenize(config: RunConfig, say: Say = print) -> None:
    """Make the folder of `config.data`: texts, tokenizer, ids, metadata. What is finished already is kept.

    Raises:
        FileFormatError: a source is missing or damaged, or the folder holds something made from other configs.
        UsageError: a config does not fit the tokenizer.
    """
    folder = Path(config.data.folder)
    made_from = _digest(config)
    sources = _sources_state(config)
    metadata = _read_metadata(folder, made_from)
    if metadata is not None:
        for path, state in sources.items():
            if metadata["sources"].get(path, state) != state:
                raise FileFormatError(f"{path}: has changed since {folder} was made from it; remove the folder")
        say(f"{folder}: is complete")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"{folder}: {error.strerror}; data.folder must be a folder") from None
    counts = _texts(config, folder, made_from)
    say(f"{folder}: {counts.text_bytes['train']} bytes for training, {counts.text_bytes['val']} for validation")
    tokenizer = _tokenizer(config.tokenizer, folder, say)
    dtype = _dtype(config.data, tokenizer)
    n_ids = {split: _encode(folder, split, tokenizer, dtype, config.data.shard_bytes, say) for split in SPLITS}
    metadata = {
        "version": 1,
        "made_from": made_from,
        "sources": sources,
        "tokenizer": tokenizer.fingerprint(),
        "vocab_size": max(tokenizer.vocab) + 1,
        "dtype": dtype.name,
        "eos_id": _eos_id(config.tokenizer, tokenizer),
        "special_tokens": tokenizer.special_tokens,
        "documents_read": counts.read,
        "documents_left_out": counts.left_out,
        "splits": {
            split: {"ids": n_ids[split], "documents": counts.documents[split], "bytes": counts.text_bytes[split]}
            for split in SPLITS
        },
    }
    _write_json(folder / "metadata.json", metadata)
    say(f"{folder}: {n_ids['train']} ids for training, {n_ids['val']} for validation, {dtype.name}")


def _digest(config: RunConfig) -> str:
    parts = [config.dataset.model_dump(mode="json"), config.tokenizer.model_dump(mode="json"), config.data.dtype]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _sources_state(config: RunConfig) -> dict[str, list[int]]:
    """Size and time of change of the files that are read and still there."""
    if config.dataset.source not in ("local", "tokens"):
        return {}
    stats = {name: Path(name).stat() for name in config.dataset.files.values() if Path(name).exists()}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def _texts(config: RunConfig, folder: Path, made_from: str) -> Counts:
    done = folder / "texts.json"
    if done.exists():
        saved = json.loads(done.read_bytes())
        if saved.pop("made_from") == [made_from, _sources_state(config)]:
            return Counts(**saved)
    # What was made of other texts is of no use any more.
    shutil.rmtree(folder / "shards", ignore_errors=True)
    shutil.rmtree(folder / "tokenizer", ignore_errors=True)
    counts = prepare(config.dataset, folder, folder / "downloads")
    _write_json(done, {"made_from": [made_from, _sources_state(config)], **vars(counts)})
    return counts


def _tokenizer(config: TokenizerConfig, folder: Path, say: Say) -> Tokenizer:
    """Load the tokenizer of the folder, or make it: a copy of the one that the config names, or a trained one."""
    target = folder / "tokenizer"
    if target.exists():
        return Tokenizer.load(target)
    if config.folder:
        tokenizer = Tokenizer.load(config.folder)
    else:
        text = folder / "train.txt"
        if config.train_bytes is not None and config.train_bytes < text.stat().st_size:
            text = _prefix(text, config)
        say(f"{target}: training {config.vocab_size} tokens on {text.stat().st_size} bytes")
        vocab, merges = train_bpe(
            text, config.vocab_size, config.special_tokens, pattern=config.pattern, impl=config.impl
        )
        tokenizer = Tokenizer(vocab, merges, config.special_tokens, pattern=config.pattern)
    temporary = folder / ".tokenizer.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    tokenizer.save(temporary)
    temporary.replace(target)
    return tokenizer


def _prefix(text: Path, config: TokenizerConfig) -> Path:
    """Write the beginning of the text, up to a place where it can be cut."""
    assert config.train_bytes is not None
    corpus, target = Corpus.open(text), text.with_name("tokenizer.txt")
    cuts = SafeCuts(config.pattern, config.special_tokens)
    stop = cuts.first_after(corpus.read, corpus.n_bytes, config.train_bytes)
    with atomic_writer(target) as output:
        for start in range(0, stop, 1 << 20):
            output.write(corpus.read(start, min(start + (1 << 20), stop)))
    return target


def _dtype(config: DataConfig, tokenizer: Tokenizer) -> np.dtype[Any]:
    if config.dtype == "uint16" and tokenizer.id_dtype.itemsize > 2:
        raise UsageError(f"data.dtype: uint16 holds ids below 65536, the vocabulary has {max(tokenizer.vocab) + 1}")
    return np.dtype("<u4") if config.dtype == "uint32" else tokenizer.id_dtype


def _eos_id(config: TokenizerConfig, tokenizer: Tokenizer) -> int | None:
    if config.eos is None:
        return None
    if config.eos not in tokenizer.special_tokens:
        raise UsageError(f"tokenizer.eos_token: {config.eos!r} is not a special token of the tokenizer")
    return tokenizer.special_tokens[config.eos]


def _encode(folder: Path, split: str, tokenizer: Tokenizer, dtype: np.dtype[Any], shard_bytes: int, say: Say) -> int:
    """Encode a text shard by shard, join them, and return the number of ids."""
    text, target, shards = folder / f"{split}.txt", folder / f"{split}.bin", folder / "shards"
    if text.stat().st_size == 0:
        target.write_bytes(b"")
        return 0
    shards.mkdir(exist_ok=True)
    corpus, parts = Corpus.open(text), []
    for number, (start, stop) in enumerate(
        corpus.ranges(tokenizer.pattern, list(tokenizer.special_tokens), shard_bytes)
    ):
        part = shards / f"{split}-{start}-{stop}-{tokenizer.fingerprint()[:16]}-{dtype.name}.bin"
        parts.append(part)
        if not part.exists():
            _encode_range(corpus, start, stop, tokenizer, dtype, part)
            say(f"{part}: shard {number + 1}, {stop} of {corpus.n_bytes} bytes")
    with atomic_writer(target) as output:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, output, 1 << 22)
    for part in parts:
        part.unlink()
    return target.stat().st_size // dtype.itemsize


def _encode_range(
    corpus: Corpus, start: int, stop: int, tokenizer: Tokenizer, dtype: np.dtype[Any], part: Path
) -> None:
    """Encode a part of a text by way of a file, which the tokenizer reads in parallel."""
    text = part.with_suffix(".txt")
    try:
        with text.open("wb") as file:
            for place in range(start, stop, 1 << 22):
                file.write(corpus.read(place, min(place + (1 << 22), stop)))
        if dtype == tokenizer.id_dtype:
            tokenizer.encode_file(text, part)
            return
        narrow = part.with_suffix(".narrow")
        tokenizer.encode_file(text, narrow)
        with atomic_writer(part) as output:
            output.write(np.fromfile(narrow, tokenizer.id_dtype).astype(dtype).tobytes())
        narrow.unlink()
    finally:
        text.unlink(missing_ok=True)


def _write_json(path: Path, values: object) -> None:
    with atomic_writer(path) as file:
        file.write(json.dumps(values, indent=1).encode())


# --- reading --------------------------------------------------------------------------------------------------------


def _read_metadata(folder: Path, made_from: str | None = None) -> dict[str, Any] | None:
    path = folder / "metadata.json"
    if not path.exists():
        return None
    try:
        metadata: dict[str, Any] = json.loads(path.read_bytes())
        known = metadata["version"] == 1
        stated = metadata["made_from"]
    except (ValueError, KeyError, TypeError):
        known, stated = False, None
    if not known:
        raise FileFormatError(f"{path}: is damaged or of another version; make the folder again")
    if made_from is not None and stated != made_from:
        raise FileFormatError(
            f"{folder}: was made from another data set or tokenizer config; choose another data.folder or remove it"
        )
    return metadata


def open_data(config: DataConfig, vocab_size: int) -> TokenData:
    """Map the files of a folder, after checking them against the metadata, the tokenizer and the model.

    Args:
        config: names the folder.
        vocab_size: that of the model; every id must be below it.

    Raises:
        FileFormatError: a file is missing, truncated, was made with another tokenizer, or holds an id that the
            vocabulary lacks.
    """
    folder = Path(config.folder)
    tokenizer, metadata = _open_tokenizer(folder)
    token_bytes = bytes_of_tokens(tokenizer, vocab_size)
    limit = min(vocab_size, metadata["vocab_size"])
    ids = {split: _open_ids(folder / f"{split}.bin", metadata, split, limit) for split in SPLITS}
    return TokenData(tokenizer, metadata["eos_id"], ids["train"], ids["val"], token_bytes)


def bytes_of_tokens(tokenizer: Tokenizer, vocab_size: int = 0) -> NDArray[np.int64]:
    """Return how many bytes of text each id stands for, int64[vocabulary]: 0 for special tokens and unused ids."""
    sizes = np.zeros(max(vocab_size, max(tokenizer.vocab) + 1), np.int64)
    for token_id, token in tokenizer.vocab.items():
        sizes[token_id] = len(token)
    sizes[list(tokenizer.special_tokens.values())] = 0
    return sizes


def open_tokenizer(folder: Path) -> tuple[Tokenizer, int | None]:
    """Return the tokenizer that made the ids in a folder, and the id that ends a document.

    Raises:
        FileFormatError: the folder is incomplete, or its tokenizer is another one.
    """
    tokenizer, metadata = _open_tokenizer(folder)
    return tokenizer, metadata["eos_id"]


def _open_tokenizer(folder: Path) -> tuple[Tokenizer, dict[str, Any]]:
    metadata = _read_metadata(folder)
    if metadata is None:
        raise FileFormatError(f"{folder}/metadata.json: is not there; run python -m lm tokenize")
    tokenizer = Tokenizer.load(folder / "tokenizer")
    if tokenizer.fingerprint() != metadata["tokenizer"]:
        raise FileFormatError(
            f"{folder}: the ids were made with another tokenizer ({metadata['tokenizer'][:12]}) than the one in "
            f"{folder}/tokenizer ({tokenizer.fingerprint()[:12]}); tokenize again"
        )
    return tokenizer, metadata


def _open_ids(path: Path, metadata: dict[str, Any], split: str, limit: int) -> Ids:
    dtype, expected = np.dtype(metadata["dtype"]), metadata["splits"][split]["ids"]
    try:
        size = path.stat().st_size
        if size != expected * dtype.itemsize:
            raise FileFormatError(
                f"{path}: has {size} bytes, not the {expected * dtype.itemsize} of {expected} ids; tokenize again"
            )
        ids: Ids = np.memmap(path, dtype, "r") if size else np.empty(0, dtype)
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; tokenize again") from None
    for start in range(0, len(ids), CHECK_IDS):
        block = ids[start : start + CHECK_IDS]
        if block.max() >= limit:
            place = start + int((block >= limit).argmax())
            raise FileFormatError(
                f"{path}: id {ids[place]} at place {place} is not below the vocabulary size {limit}"
            )
    return ids


def windows(n_ids: int, block_size: int, stride: int) -> int:
    """Return how many ordered windows of block_size + 1 ids there are, one every `stride`.

    Raises:
        UsageError: not even one.
    """
    if n_ids < block_size + 1:
        raise UsageError(f"data.block_size: {block_size} needs {block_size + 1} ids, there are {n_ids}")
    return (n_ids - block_size - 1) // stride + 1


def cut(ids: Ids, starts: NDArray[np.int64], block_size: int) -> tuple[Tensor, Tensor]:
    """Cut windows: x, int64[B, block_size], and y = x shifted by one."""
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
    """Cut windows at uniformly random places: x and y, int64[batch_size, block_size] each, y = x shifted by one.

    Raises:
        UsageError: fewer ids than one window needs.
        RuntimeError, AssertionError: from PyTorch, when the device is not there.
    """
    n_windows = windows(len(ids), block_size, 1)
    starts = (generator or np.random.default_rng()).integers(0, n_windows, batch_size)
    x, y = cut(ids, starts, block_size)
    return x.to(device), y.to(device)


class TrainBatches(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Batch number i of a run, always the same for the same seed; so the number is all that a resumed run needs.

    Attributes:
        rank, n_ranks: of several processes each gets its own rows of the batch.
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
        """Yield batches `first` to `stop`, cut by worker processes if the config has any."""
        workers = self.config.workers
        loader: Any = torch.utils.data.DataLoader(
            self,
            batch_size=None,
            sampler=range(first, stop),
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=self.config.prefetch if workers else None,
            pin_memory=pin_memory,
            # A loader draws a number even when it needs none: not from the generator that dropout uses.
            generator=torch.Generator(),
        )
        return iter(loader)


def validation_batches(ids: Ids, config: DataConfig, eos_id: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ordered windows that predict every id but the first once; what is beyond the end is ignored.

    With `mask_after_eos`, targets behind the first `eos_id` of a window are ignored too.
    """
    block, stride = config.block_size, config.stride or config.block_size
    windows(len(ids), 1, 1)
    starts = np.arange(0, len(ids) - 1, stride)
    for first in range(0, len(starts), config.batch_size):
        chosen = starts[first : first + config.batch_size]
        places = chosen[:, None] + np.arange(block + 1)
        # Wide before the ignored index goes in: an unsigned id cannot hold it.
        rows = ids[np.minimum(places, len(ids) - 1)].astype(np.int64)
        rows[places >= len(ids)] = IGNORE_INDEX
        x, y = np.maximum(rows[:, :-1], 0), rows[:, 1:].copy()
        # Overlapping windows: what the window before has predicted already gives only context.
        if stride < block:
            y[np.arange(len(chosen)) + first > 0, : block - stride] = IGNORE_INDEX
        if config.mask_after_eos and eos_id is not None:
            y = mask_after_eos(y, eos_id)
        yield torch.from_numpy(x), torch.from_numpy(y)


def mask_after_eos(targets: NDArray[np.int64], eos_id: int) -> NDArray[np.int64]:
    """Replace the targets, int64[B, T], behind the first `eos_id` of each row by the ignored index."""
    ends = targets == eos_id
    behind = np.cumsum(ends, axis=1) - ends > 0
    return np.where(behind, IGNORE_INDEX, targets)

"""From texts to ids on disk: `shards/`, `train.bin`, `val.bin`, `metadata.json`, each made once.

A shard is a file of a fixed number of ids; only the last shard of a split may hold fewer. An interrupted run goes on
after its last finished shard. In the end, the shards of a split are joined to the one file that training reads.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from impls import Tokenizer, provenance
from impls.cuts import SafeCuts
from impls.digests import digest_of, digest_of_file, with_digest, without_digest
from impls.errors import FileFormatError, UsageError
from impls.folders import claimed, remove
from impls.formats import mergelab
from impls.ids.files import expand
from impls.inputs.file import TextFile
from impls.jobs.encode import Say, ShardedEncoding
from impls.pipeline import train
from impls.provenance import Digests
from impls.storage import atomic_writer
from lm.batches import read_metadata
from lm.config import DataConfig, RunConfig, TokenizerConfig
from lm.corpora import APART, SPLITS, Counts, prepare
from lm.disjoint import Overlap, check_disjoint, documents_of, overlap

Sources = dict[str, list[int]]
"""A dict: path -> (size in bytes, modification time in nanoseconds)."""

SHARD_TOKENS = 1 << 24
"""How many ids a shard has if the config keeps no shards."""

OURS = {f"{split}.{kind}" for split in SPLITS for kind in ("txt", "bin")} | {
    *("texts.json", "metadata.json", f"{APART}.txt", "tokenizer.txt"),
    *("tokenizer", ".tokenizer.tmp", "shards", "downloads"),
}
"""Names in the folder."""

OUR_SHARDS = r"(train|val)(-\d{6,}\.bin|\.json)|\.[0-9a-f]{16}\.tmp"
"""Names in `shards/`; a process that is killed leaves files with a temporary name."""

OUR_TOKENIZER = "|".join([*map(re.escape, mergelab.FILES), r"documents\.(json|npy)", r"\.[0-9a-f]{16}\.tmp"])
"""Names in `tokenizer/`."""


def tokenize(config: RunConfig, say: Say = print) -> None:
    """Make the folder of `config.data`: texts, tokenizer, ids, metadata. Finished parts are kept.

    Args:
        config: the run.
        say: called with a line of text about each part.

    Raises:
        FileFormatError: a source is missing or damaged, or the folder was made from other configs.
        UsageError: a config does not fit the tokenizer.
    """
    folder, sources = Path(config.data.folder), _sources_state(config)
    if config.tokenizer.disjoint and not (config.tokenizer.folder or config.dataset.tokenizer_share):
        raise UsageError(
            "tokenizer.disjoint: is set, but the tokenizer would be trained on the training text; set "
            "dataset.tokenizer_share, or tokenizer.folder"
        )
    if _is_complete(config, folder, sources):
        say(f"{folder}: is complete")
        return
    _refuse_inputs_inside(config, folder)
    with claimed(folder, "data", OURS):
        _make(config, folder, sources, say)


def _refuse_inputs_inside(config: RunConfig, folder: Path) -> None:
    """Refuse inputs that lie where files are replaced and removed."""
    inputs = [("tokenizer.folder", config.tokenizer.folder), ("dataset.tokenizer", config.dataset.tokenizer)]
    if config.dataset.source in ("local", "tokens"):
        lists = config.dataset.file_lists()
        inputs += [(f"dataset.files.{role}", name) for role, names in lists.items() for name in names]
    for field, name in inputs:
        if name and Path(name).resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"{field}: {name} is inside data.folder {folder}, whose files are replaced; give another data.folder"
            )


def _make(config: RunConfig, folder: Path, sources: Sources, say: Say) -> None:
    counts = _texts(config, folder, sources)
    say(f"{folder}: {counts.text_bytes['train']} bytes for training, {counts.text_bytes['val']} for validation")
    tokenizer = _tokenizer(config, folder, say)
    shared = overlap(folder / "tokenizer", tokenizer.fingerprint(), folder, config.dataset.separator.encode())
    if shared is not None:
        say(f"{folder}: documents of the tokenizer: {_told(shared)}")
    if config.tokenizer.disjoint:
        check_disjoint(shared, folder)
    dtype = _dtype(config.data, tokenizer)
    made = {split: _encode(folder, split, tokenizer, dtype, config.data, say) for split in SPLITS}
    n_ids = {split: ids for split, (ids, _) in made.items()}
    digests = {split: digest for split, (_, digest) in made.items()}
    facts = {
        "sources": sources,
        "dtype": dtype.name,
        "splits": _splits(n_ids, counts),
        "digests": digests,
        "tokenizer_documents": shared,
    }
    _write_json(folder / "metadata.json", with_digest(_metadata(config, tokenizer, counts) | facts))
    if config.data.shard_tokens is None:
        remove(folder / "shards", OUR_SHARDS)
    say(f"{folder}: {n_ids['train']} ids for training, {n_ids['val']} for validation, {dtype.name}")


def _metadata(config: RunConfig, tokenizer: Tokenizer, counts: Counts) -> dict[str, Any]:
    return {
        "version": 1,
        "made_from": _digest(config),
        "tokenizer": tokenizer.fingerprint(),
        "vocab_size": max(tokenizer.vocab) + 1,
        "eos_id": _eos_id(config.tokenizer, tokenizer),
        "special_tokens": dict(tokenizer.special_tokens),
        "shard_tokens": config.data.shard_tokens,
        "documents_read": counts.read,
        "documents_left_out": counts.left_out,
    }


def _told(shared: Overlap) -> str:
    if not shared["train"] and not shared["val"]:
        return f"{shared['documents']}, none of them for training or validation of the model"
    return f"{shared['documents']}, of which {shared['train']} for training and {shared['val']} for validation"


def _splits(n_ids: dict[str, int], counts: Counts) -> dict[str, dict[str, int]]:
    return {
        split: {"ids": n_ids[split], "documents": counts.documents[split], "bytes": counts.text_bytes[split]}
        for split in SPLITS
    }


def _is_complete(config: RunConfig, folder: Path, sources: Sources) -> bool:
    """Tell whether the folder has everything that the config asks for.

    Raises:
        FileFormatError: the folder is damaged, or was made from other configs or sources.
    """
    metadata = read_metadata(folder)
    if metadata is None:
        return False
    if metadata["made_from"] != _digest(config):
        raise FileFormatError(
            f"{folder}: was made from another dataset or tokenizer config; give another data.folder"
        )
    for path, state in sources.items():
        if metadata["sources"].get(path, state) != state:
            raise FileFormatError(f"{path}: has changed since {folder} was made from it; give another data.folder")
    if config.tokenizer.disjoint:
        check_disjoint(metadata.get("tokenizer_documents"), folder)
    return config.data.shard_tokens in (None, metadata.get("shard_tokens"))


def _digest(config: RunConfig) -> str:
    # Folders that were made before the tokenizer could have a share of its own stay valid.
    unused = set() if config.dataset.tokenizer_share else {"tokenizer_share"}
    dataset = config.dataset.model_dump(mode="json", exclude=unused)
    tokenizer = config.tokenizer.model_dump(mode="json", exclude={"disjoint"})  # It changes no file.
    return digest_of([dataset, tokenizer, config.data.dtype])


def _sources_state(config: RunConfig) -> Sources:
    """Return the size and the modification time of each source file that still exists."""
    if config.dataset.source not in ("local", "tokens"):
        return {}
    found: list[Path] = []
    for name in (name for names in config.dataset.file_lists().values() for name in names):
        with suppress(FileFormatError):  # No file fits the pattern any more.
            found += expand([name]) if config.dataset.source == "tokens" else [Path(name)]
    stats = {str(path): path.stat() for path in found if path.exists()}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}


def _texts(config: RunConfig, folder: Path, sources: Sources) -> Counts:
    done, made_from = folder / "texts.json", [_digest(config), sources]
    try:
        saved = without_digest(json.loads(done.read_bytes()))
        if saved.pop("made_from") == made_from and saved.pop("digests") == _digests_of_texts(folder):
            return Counts(**saved)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, FileFormatError):
        pass  # The texts are missing or damaged, or the notes about them are lost.
    counts = prepare(config.dataset, folder, folder / "downloads")
    # The shards and the tokenizer of the old texts are of no use any more.
    remove(folder / "shards", OUR_SHARDS)
    remove(folder / "tokenizer", OUR_TOKENIZER)
    _write_json(done, with_digest({"made_from": made_from, "digests": _digests_of_texts(folder), **vars(counts)}))
    return counts


def _digests_of_texts(folder: Path) -> dict[str, str]:
    names = [*SPLITS, *([APART] if (folder / f"{APART}.txt").exists() else [])]
    return {name: digest_of_file(folder / f"{name}.txt") for name in names}


def _tokenizer(config: RunConfig, folder: Path, say: Say) -> Tokenizer:
    """Load the tokenizer of the folder, or make it: copy the tokenizer that the config names, or train one."""
    target, source = folder / "tokenizer", config.tokenizer.folder
    if target.exists():
        return Tokenizer.load(target)
    if source:
        tokenizer = Tokenizer.load(source)
        seen = provenance.read(Path(source), tokenizer.fingerprint())
    else:
        tokenizer, seen = _trained(config, folder, say)
    temporary = folder / ".tokenizer.tmp"
    remove(temporary, OUR_TOKENIZER)
    tokenizer.save(temporary)
    if seen is not None:
        provenance.write(temporary, tokenizer.fingerprint(), seen)
    temporary.replace(target)
    return tokenizer


def _trained(run: RunConfig, folder: Path, say: Say) -> tuple[Tokenizer, Digests]:
    """Train a tokenizer; return it with the digests of its documents, of which the last may have been cut short."""
    config = run.tokenizer
    text = source = folder / f"{APART if run.dataset.tokenizer_share else 'train'}.txt"
    if config.train_bytes is not None and config.train_bytes < source.stat().st_size:
        text = _prefix(source, config.train_bytes, config)
    n_bytes = text.stat().st_size
    say(f"{folder / 'tokenizer'}: training {config.vocab_size} tokens on {n_bytes} bytes")
    trained = train(text, config.vocab_size, config.special_tokens, pattern=config.pattern, impl=config.impl)
    seen = provenance.digests_of(documents_of(source, run.dataset.separator.encode(), n_bytes))
    return Tokenizer.from_definition(trained), seen


def _prefix(text: Path, n_bytes: int, config: TokenizerConfig) -> Path:
    """Write the beginning of the text, up to the first cut after `n_bytes`, to a file of its own; return its path."""
    source, target = TextFile.open(text), text.with_name("tokenizer.txt")
    stop = SafeCuts(config.pattern, config.special_tokens).first_after(source.read, source.n_bytes, n_bytes)
    with atomic_writer(target) as output:
        for start in range(0, stop, 1 << 20):
            output.write(source.read(start, min(start + (1 << 20), stop)))
    return target


def _dtype(config: DataConfig, tokenizer: Tokenizer) -> np.dtype[Any]:
    if config.dtype == "uint16" and tokenizer.id_dtype.itemsize > 2:
        size = max(tokenizer.vocab) + 1
        raise UsageError(
            f"data.dtype: uint16 holds ids below 65536, but the vocabulary has {size} ids; give uint32 or auto"
        )
    return np.dtype("<u4") if config.dtype == "uint32" else tokenizer.id_dtype


def _eos_id(config: TokenizerConfig, tokenizer: Tokenizer) -> int | None:
    if config.eos is None:
        return None
    if config.eos not in tokenizer.special_tokens:
        known = ", ".join(map(repr, tokenizer.special_tokens))
        remedy = f"choose one of {known}" if known else "give a tokenizer with special tokens"
        raise UsageError(f"tokenizer.eos_token: {config.eos!r} is not a special token of the tokenizer; {remedy}")
    return tokenizer.special_tokens[config.eos]


def _encode(
    folder: Path, split: str, tokenizer: Tokenizer, dtype: np.dtype[Any], config: DataConfig, say: Say
) -> tuple[int, str]:
    """Encode the text of a split to shards and join them; return the number of ids, and the digest of their file."""
    text, target = folder / f"{split}.txt", folder / f"{split}.bin"
    shards = ShardedEncoding(folder / "shards", split, tokenizer, dtype, config.shard_tokens or SHARD_TOKENS)
    if text.stat().st_size:
        shards.run(TextFile.open(text), say)
    with atomic_writer(target) as output:
        shards.join(output)
    return target.stat().st_size // dtype.itemsize, shards.digest


def _write_json(path: Path, values: object) -> None:
    with atomic_writer(path) as file:
        file.write(json.dumps(values, indent=1).encode())

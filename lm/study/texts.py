"""The texts of a study, made once for all tokenizers, and the ids that each tokenizer makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impls import Tokenizer
from impls.digests import digest_of
from impls.errors import FileFormatError
from impls.folders import remove
from impls.pipeline import train as train_tokenizer
from impls.storage import atomic_writer
from lm.batches import read_metadata
from lm.config import DatasetConfig, RunConfig, TokenizerConfig, check
from lm.config_files import AUTO, padded
from lm.corpora import prepare
from lm.shards import OUR_TOKENIZER, tokenize
from lm.study.config import PLACEHOLDERS, StudyConfig, StudyTokenizer

Say = Callable[[str], None]

DIGITS = 12
"""Digits of a digest in the name of a folder."""


def named(name: str, *values: object) -> str:
    """Return a name with the digest of what is in the folder."""
    return f"{name}-{digest_of(list(values))[:DIGITS]}"


def make_texts(dataset: DatasetConfig, folder: Path, say: Say) -> Path:
    """Make `train.txt` and `val.txt` of a dataset, unless they are there; return their folder.

    Raises:
        FileFormatError, DataError: see `lm.corpora.prepare`.
    """
    values = dataset.model_dump(mode="json")
    names = [name for files in dataset.file_lists().values() for name in files]
    sources = [_state(Path(name)) for name in names if dataset.source in ("local", "tokens")]
    made = folder / "texts" / named(dataset.name.replace("/", "-"), values, sources)
    if not (made / "texts.json").exists():
        made.mkdir(parents=True, exist_ok=True)
        counts = prepare(dataset, made, made / "downloads")
        say(f"{made}: {counts.text_bytes['train']} bytes for training, {counts.text_bytes['val']} for validation")
        with atomic_writer(made / "texts.json") as file:
            file.write(json.dumps(vars(counts)).encode())
    return made


def _state(path: Path) -> list[Any]:
    return [str(path), path.stat().st_size, path.stat().st_mtime_ns] if path.exists() else [str(path)]


def make_ids(study: StudyConfig, name: str, texts: Path, folder: Path, say: Say) -> RunConfig:
    """Make the ids of a tokenizer, unless they are there; return a run that reads them.

    The folder of the ids is named by the digest of texts and tokenizer. The vocabulary of the model is padded.

    Raises:
        MergelabError: the tokenizer cannot be loaded or trained, or cannot encode the texts.
    """
    tokenizer = _tokenizer(study.tokenizers[name], study, folder, say)
    files = {"train": str(texts / "train.txt"), "validation": str(texts / "val.txt")}
    dataset = {"name": study.dataset.name, "source": "local", "files": files, "separator": study.dataset.separator}
    values = {
        "name": name,
        "dataset": dataset,
        "tokenizer": tokenizer.model_dump(),
        "model": study.model | ({"vocab_size": 1 << 24} if study.model.get("vocab_size") == AUTO else {}),
        "training": study.training | PLACEHOLDERS["training"],
        "data": study.data | {"folder": str(folder / "data" / named(name, texts.name, tokenizer.model_dump()))},
    }
    config: RunConfig = check(RunConfig, values, f"tokenizer {name}")
    tokenize(config, say)
    metadata = read_metadata(Path(config.data.folder))
    if metadata is None:
        raise FileFormatError(f"{config.data.folder}: has no metadata.json; run the study again")
    if study.model.get("vocab_size") == AUTO:
        model = config.model.model_copy(update={"vocab_size": padded(metadata["vocab_size"])})
        config = config.model_copy(update={"model": model})
    return config


def bytes_per_token(config: RunConfig) -> float:
    """Return how many bytes of training text an id stands for on average; the ends of documents are ids too."""
    metadata = read_metadata(Path(config.data.folder))
    assert metadata is not None  # `make_ids` has read it.
    split = metadata["splits"]["train"]
    return float(split["bytes"] / split["ids"])


def _tokenizer(given: StudyTokenizer, study: StudyConfig, folder: Path, say: Say) -> TokenizerConfig:
    """Return the config of a tokenizer; a tokenizer of another text is trained here, and then loaded like any."""
    if given.path:
        return _loaded(given.path, study.dataset.separator)
    fields: dict[str, Any] = given.model_dump(exclude={"path", "dataset"}) | {"name": "study"}
    config: TokenizerConfig = check(TokenizerConfig, fields, "tokenizer")
    if given.dataset is None:
        return config
    other = make_texts(given.dataset, folder, say)
    target = folder / "tokenizers" / named("tokenizer", other.name, given.model_dump(mode="json"))
    if not target.exists():
        made = train_tokenizer(other / "train.txt", config.vocab_size, config.special_tokens, pattern=config.pattern)
        temporary = target.with_name(f".{target.name}")
        remove(temporary, OUR_TOKENIZER)
        Tokenizer.from_definition(made).save(temporary)
        temporary.replace(target)
    return _loaded(str(target), study.dataset.separator)


def _loaded(path: str, separator: str) -> TokenizerConfig:
    tokenizer = Tokenizer.load(path)
    ends = [separator] if separator in tokenizer.special_tokens else []
    values = {"name": tokenizer.fingerprint()[:DIGITS], "folder": path, "special_tokens": ends}
    config: TokenizerConfig = check(TokenizerConfig, values, path)
    return config

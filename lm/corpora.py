"""From a data set to two texts, `train.txt` and `val.txt`: read, filtered and split document by document.

Only one document is in memory at a time. A text without separators is read block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import data
from impls import Tokenizer
from impls.errors import FileFormatError
from impls.ids.files import expand
from impls.inputs.documents import BLOCK_BYTES, contains, json_lines, separated
from impls.inputs.file import TextFile
from impls.inputs.held_out import HeldOut
from impls.storage import atomic_writer
from lm.config import DatasetConfig
from lm.hub import download

SPLITS = ("train", "val")
"""The names of the splits: the texts and the files of ids are named after them."""

APART = "apart"
"""The name of the text on which only the tokenizer is trained."""


_READERS = {"train": "training", APART: "the tokenizer"}


@dataclass
class Counts:
    """Numbers of documents and bytes.

    Attributes:
        read: documents read.
        left_out: number of documents that the length filters left out.
        documents: split, or `APART` -> documents kept.
        text_bytes: a dict: split, or `APART` -> number of bytes kept, separators left out.
    """

    read: int
    left_out: int
    documents: dict[str, int]
    text_bytes: dict[str, int]


def prepare(dataset: DatasetConfig, folder: Path, cache: Path) -> Counts:
    """Write `train.txt` and `val.txt`, and `apart.txt` if the tokenizer has a share of its own.

    Each document ends with the separator.

    Args:
        dataset: the texts to read.
        folder: the folder for the texts.
        cache: the folder for downloads.

    Raises:
        FileFormatError: a source is missing, empty, not UTF-8, or lacks the text field; or no text is left.
        data.DataError: the corpus is unknown or cannot be fetched.
    """
    names = (*SPLITS, APART) if dataset.tokenizer_share else SPLITS
    counts = Counts(0, 0, dict.fromkeys(names, 0), dict.fromkeys(names, 0))
    separator = dataset.separator.encode()
    with ExitStack() as stack:
        outputs = {name: stack.enter_context(atomic_writer(folder / f"{name}.txt")) for name in names}
        for role, path in _sources(dataset, cache):
            if path.suffix != ".jsonl" and not contains(path, separator):
                _write_plain(dataset, role, path, outputs, counts)
                continue
            choose = _chooser(dataset, role)
            for number, document in enumerate(_documents(dataset, path)):
                if number == dataset.max_documents:
                    break
                counts.read += 1
                size = len(document.decode(errors="replace"))
                if size < dataset.min_characters or size > (dataset.max_characters or size):
                    counts.left_out += 1
                    continue
                split = choose(document)
                outputs[split].write(document + separator)
                counts.documents[split] += 1
                counts.text_bytes[split] += len(document)
        for name in {"train", *names} - {"val"}:
            if not counts.text_bytes[name]:
                raise FileFormatError(
                    f"dataset {dataset.name}: no text is left for {_READERS[name]}; change min_characters, "
                    "max_characters, validation_share or tokenizer_share"
                )
    return counts


def _sources(dataset: DatasetConfig, cache: Path) -> Iterator[tuple[str, Path]]:
    """Yield the role of each file, `train` or `validation`, and its path."""
    if dataset.source == "corpus":
        yield "train", data.get(dataset.path, dataset.bytes)
        return
    for role, names in dataset.file_lists().items():
        if dataset.source == "local":
            yield from ((role, TextFile.open(name).path) for name in names)
        elif dataset.source == "hub":
            yield from ((role, download(dataset.path, name, cache)) for name in names)
        else:
            yield role, _decoded(dataset.tokenizer, names, cache, role)


def _decoded(tokenizer: str, names: list[str], cache: Path, role: str) -> Path:
    """Decode files of ids to one text, and return its path; a document may begin in one file and end in the next."""
    loaded, text = Tokenizer.load(tokenizer), cache / f"{role}-decoded.txt"
    decoded = [loaded.decode_file(path) for path in expand(names)]  # All files are checked first.
    cache.mkdir(parents=True, exist_ok=True)
    with atomic_writer(text) as output:
        for parts in decoded:
            output.writelines(parts)
    return text


def _documents(dataset: DatasetConfig, path: Path) -> Iterator[bytes]:
    if path.suffix == ".jsonl":
        yield from json_lines(path, dataset.text_field)
        return
    # A line end after a separator is layout, not text.
    documents = (document.removeprefix(b"\n") for document in separated(path, dataset.separator.encode()))
    yield from (document for document in documents if document)


def _chooser(dataset: DatasetConfig, role: str) -> Callable[[bytes], str]:
    """Return the function that chooses the split of a document by its content, so equal documents stay together."""
    if role == "validation":
        return lambda _: "val"
    share = 0 if "validation" in dataset.files else dataset.validation_share
    held_out = HeldOut(share, dataset.seed)
    both = HeldOut(share + dataset.tokenizer_share, dataset.seed)

    def choose(document: bytes) -> str:
        if held_out.takes_document(document):
            return "val"
        return APART if both.takes_document(document) else "train"

    return choose


def _write_plain(dataset: DatasetConfig, role: str, path: Path, outputs: dict[str, BinaryIO], counts: Counts) -> None:
    """Copy a text without separators; without a validation file, the last lines of the text are for validation.

    Raises:
        FileFormatError: the tokenizer is to have a share of its own, but the text has no documents to choose from.
    """
    if dataset.tokenizer_share and role == "train":
        raise FileFormatError(
            f"{path}: holds no separator {dataset.separator!r}, so no documents can be kept for the tokenizer; set "
            "dataset.separator, or dataset.tokenizer_share to 0"
        )
    n_bytes = path.stat().st_size
    splits = [("val" if role == "validation" else "train", n_bytes)]
    if role == "train" and "validation" not in dataset.files and dataset.validation_share:
        with path.open("rb") as file:
            file.seek(int(n_bytes * (1 - dataset.validation_share)))
            file.readline()
            splits = [("train", file.tell()), ("val", n_bytes)]
    with path.open("rb") as file:
        for split, stop in splits:
            counts.read += 1
            counts.documents[split] += 1
            counts.text_bytes[split] += stop - file.tell()
            while block := file.read(min(BLOCK_BYTES, stop - file.tell())):
                outputs[split].write(block)

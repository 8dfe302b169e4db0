"""Inputs as files that all sides work on: parts of a text, repetitions of it, and a vocabulary that peers read too.

The files are made when they are first needed, in a folder that goes away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench import PATTERN, SPECIAL_TOKENS
from bench.inputs import Inputs
from data.catalogue import chunks, find, get, write
from impls import Definition, Tokenizer
from impls.formats import mergelab
from impls.inputs.file import TextFile
from impls.peers.encoders import tokenizer_json

SMALL_BYTES = 4_000
"""Size of the text of the calls that load code before the clock starts."""

CHUNK = 1 << 20


@dataclass(frozen=True)
class PeerInputs(Inputs):
    """A text and a vocabulary, as files.

    Attributes:
        large_bytes: the size of the large texts; a smaller corpus is repeated.
        folder: for texts, vocabulary and outputs.
        files: `vocab.json` and `merges.txt` to encode with; None to train the vocabulary on the corpus.
    """

    large_bytes: int
    folder: Path
    files: tuple[Path, Path] | None = None

    @cached_property
    def path(self) -> Path:
        """The file of the text: the corpus itself where all of it is measured."""
        corpus = find(self.corpus)
        if self.grows:
            return self.part(self.n_bytes or corpus.bytes or SMALL_BYTES)
        return get(self.corpus).absolute() if self.n_bytes is None else self.part(self.n_bytes)

    @cached_property
    def text(self) -> TextFile:
        """The text."""
        return TextFile.open(self.path)

    @property
    def grows(self) -> bool:
        """Whether the corpus has text of any size."""
        return find(self.corpus).kind == "generated"

    def part(self, n_bytes: int) -> Path:
        """Return the first `n_bytes` of the corpus; where it is smaller, the text again and again."""
        if not self.grows and n_bytes > get(self.corpus).stat().st_size:
            return self.repeated(n_bytes)
        return self._made(f"first-{n_bytes}.txt", lambda: chunks(self.corpus, n_bytes))

    def repeated(self, n_bytes: int) -> Path:
        """Return the text as often as it takes to have at least `n_bytes`."""
        times = -(-n_bytes // self.text.n_bytes)
        return self._made(f"{times}-times.txt", lambda: (chunk for _ in range(times) for chunk in _read(self.path)))

    @property
    def small(self) -> Path:
        """The first few kilobytes of the text."""
        return self.part(min(SMALL_BYTES, self.text.n_bytes))

    @cached_property
    def definition(self) -> Definition:
        """The tokenizer: from the given files, else trained on the text."""
        if self.files is None:
            return super().definition
        return Tokenizer.from_files(*self.files, SPECIAL_TOKENS, pattern=PATTERN).definition

    @cached_property
    def saved(self) -> Path:
        """A folder with the tokenizer: our files, and the tokenizer.json that peers read."""
        folder = self.folder / "tokenizer"
        mergelab.write(folder, self.definition)
        (folder / "tokenizer.json").write_text(tokenizer_json(self.definition.vocabulary, PATTERN), "utf-8")
        return folder

    @property
    def output(self) -> Path:
        """The file that ids are written to; a side removes it after it has read it."""
        return self.folder / "ids.bin"

    def _made(self, name: str, content: Callable[[], Iterable[bytes]]) -> Path:
        """Write a text to the disk where it is missing, so that no side is timed while the system still writes it."""
        path = self.folder / name
        if not path.exists():
            write(path, content())
            with path.open("rb") as file:
                os.fsync(file.fileno())
        return path


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk

"""The input files that all sides work on: parts of a text, a repeated text, and a vocabulary that peers read too.

Each file is made when it is first needed, in a temporary folder.
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
        large_bytes: the size of the large texts in bytes; a smaller corpus is repeated to reach it.
        folder: the folder for texts, vocabulary and outputs.
        files: `vocab.json` and `merges.txt` to encode with; None to train the vocabulary on the corpus.
    """

    large_bytes: int
    folder: Path
    files: tuple[Path, Path] | None = None

    @cached_property
    def path(self) -> Path:
        """The file of the text; if the whole corpus is measured, this is the file of the corpus."""
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
        """Whether the corpus is generated, so that it has text of any size."""
        return find(self.corpus).kind == "generated"

    def part(self, n_bytes: int) -> Path:
        """Return a file with the first `n_bytes` of the corpus; if the corpus is smaller, the text is repeated."""
        if not self.grows and n_bytes > get(self.corpus).stat().st_size:
            return self.repeated(n_bytes)
        return self._made(f"first-{n_bytes}.txt", lambda: chunks(self.corpus, n_bytes))

    def repeated(self, n_bytes: int) -> Path:
        """Return a file that repeats the whole text until it has at least `n_bytes`."""
        times = -(-n_bytes // self.text.n_bytes)
        return self._made(f"{times}-times.txt", lambda: (chunk for _ in range(times) for chunk in _read(self.path)))

    @property
    def small(self) -> Path:
        """The first few kilobytes of the text."""
        return self.part(min(SMALL_BYTES, self.text.n_bytes))

    @cached_property
    def definition(self) -> Definition:
        """The tokenizer to encode with: read from `files`, or trained on the text if `files` is None."""
        if self.files is None:
            return super().definition
        return Tokenizer.from_files(*self.files, SPECIAL_TOKENS, pattern=PATTERN).definition

    @cached_property
    def saved(self) -> Path:
        """A folder with the tokenizer: the files of our format, and the tokenizer.json that peers read."""
        folder = self.folder / "tokenizer"
        mergelab.write(folder, self.definition)
        (folder / "tokenizer.json").write_text(tokenizer_json(self.definition.vocabulary, PATTERN), "utf-8")
        return folder

    @property
    def output(self) -> Path:
        """The file for the ids of a side. The side writes the file, reads it again, and then removes it."""
        return self.folder / "ids.bin"

    def _made(self, name: str, content: Callable[[], Iterable[bytes]]) -> Path:
        """Write a text if its file is missing. Wait until it is on the disk: a pending write would slow a side."""
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

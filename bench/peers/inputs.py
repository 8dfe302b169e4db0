"""The texts and the vocabulary that all sides work on, made when first needed in a folder that goes away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.peers.tasks import PATTERN, SPECIAL_TOKENS, vocabulary_of
from data.catalogue import chunks, find, get, write
from impls import Tokenizer, train_bpe
from impls.peers.encoders import tokenizer_json

SMALL_BYTES = 4_000
"""The text of the calls that load code before the clock starts."""

CHUNK = 1 << 20


@dataclass(frozen=True)
class Inputs:
    """What a run measures on.

    Attributes:
        corpus: name of a corpus, or `file:PATH`.
        n_bytes: how much of it is the corpus of this run; None for all.
        large_bytes: the size for what has to be large; a corpus that is smaller is repeated.
        vocab_size: 256 bytes + merges + the special token.
        folder: where texts and outputs are put.
        files: `vocab.json` and `merges.txt` to encode with; None to train the vocabulary on the corpus.
    """

    corpus: str
    n_bytes: int | None
    large_bytes: int
    vocab_size: int
    folder: Path
    files: tuple[Path, Path] | None = None

    @cached_property
    def text(self) -> Path:
        """The corpus of this run."""
        if find(self.corpus).kind == "generated":
            return self.part(self.n_bytes or find(self.corpus).bytes or SMALL_BYTES)
        whole = get(self.corpus).absolute()
        return whole if self.n_bytes is None else self.part(self.n_bytes)

    @property
    def grows(self) -> bool:
        """Whether the corpus has text of any size."""
        return find(self.corpus).kind == "generated"

    def part(self, n_bytes: int) -> Path:
        """Return the first `n_bytes` of the corpus; where it is smaller, the whole again and again."""
        if not self.grows and n_bytes > get(self.corpus).stat().st_size:
            return self.repeated(n_bytes)
        path = self.folder / f"first-{n_bytes}.txt"
        if not path.exists():
            _make(path, chunks(self.corpus, n_bytes))
        return path

    def repeated(self, n_bytes: int) -> Path:
        """Return the corpus of this run so many times that it has at least `n_bytes`."""
        times = -(-n_bytes // self.text.stat().st_size)
        path = self.folder / f"{times}-times.txt"
        if not path.exists():
            _make(path, (chunk for _ in range(times) for chunk in _read(self.text)))
        return path

    @property
    def small(self) -> Path:
        """A few kilobytes of the corpus."""
        return self.part(min(SMALL_BYTES, self.text.stat().st_size))

    @cached_property
    def tokenizer(self) -> Path:
        """A folder with the vocabulary: our files, and the tokenizer.json that peers read."""
        if self.files:
            made = Tokenizer.from_files(*self.files, SPECIAL_TOKENS, pattern=PATTERN)
        else:
            vocab, merges = train_bpe(self.text, self.vocab_size, SPECIAL_TOKENS, pattern=PATTERN)
            made = Tokenizer(vocab, merges, SPECIAL_TOKENS, pattern=PATTERN)
        folder = self.folder / "tokenizer"
        made.save(folder)
        (folder / "tokenizer.json").write_text(tokenizer_json(vocabulary_of(made), PATTERN), "utf-8")
        return folder

    @property
    def output(self) -> Path:
        """Where ids go; whoever reads them removes them."""
        return self.folder / "ids.bin"

    def smaller(self, n_bytes: int) -> Inputs:
        """Return the inputs on at most so much of the same corpus."""
        return replace(self, n_bytes=min(n_bytes, self.text.stat().st_size))


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _make(path: Path, content: Iterable[bytes]) -> None:
    """Write a text to the disk, so that no side is timed while the system still writes it."""
    write(path, content)
    with path.open("rb") as file:
        os.fsync(file.fileno())

"""Corpora by name: `get` turns a row of `corpora.toml` into a file, made or fetched once and kept in a cache.

The name of a cached file holds the corpus, its size, and a fingerprint of all that decides its bytes. So a changed
generator or another Python makes a new file. `<file>.sha256` beside the file holds its digest in the format of
sha256sum. A file gets its name only when it is complete. Several processes may make the same file at the same time:
they write the same bytes, and the last rename wins.
"""

import hashlib
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from data import adversarial, fetch, python_sources, stories
from data.errors import DataError, UnknownCorpusError
from impls.storage import atomic_writer

TABLE = Path(__file__).with_name("corpora.toml")

_CHUNK = 1 << 20


class Corpus(NamedTuple):
    """A row of `corpora.toml`.

    Attributes:
        name: the name of the corpus, unique.
        kind: "generated", "download", or "local" for a file that exists already.
        description: one line about the text.
        licence: the licence of the text.
        bytes: the default size in bytes; None for the whole text. For a download, the size of the file.
        sha256: the SHA-256, as hex, of the text with the default size and seed 0; None if it is not known.
        url: where a download comes from; empty for other kinds.
        path: the file of a local corpus, relative to the folder of the table; empty for other kinds.
    """

    name: str
    kind: Literal["generated", "download", "local"]
    description: str
    licence: str
    bytes: int | None = None
    sha256: str | None = None
    url: str = ""
    path: str = ""


class Check(NamedTuple):
    """The result of `verify` for one cached file; `fault` is empty if the file is intact."""

    path: Path
    sha256: str
    fault: str


class _Generator(NamedTuple):
    """A generator of a corpus: the function `chunks`, and the sources and version that decide its bytes."""

    chunks: Callable[[int | None, int], Iterable[bytes]]
    sources: tuple[Path, ...]
    seeded: bool = False
    version: str = ""


def _sized(make: Callable[[int, int], Iterable[bytes]]) -> Callable[[int | None, int], Iterable[bytes]]:
    """Return the function `chunks` for a text that has no size of its own; it refuses a missing size."""

    def chunks(n_bytes: int | None, seed: int) -> Iterable[bytes]:
        if n_bytes is None:
            raise DataError(
                f"a generated text has no size of its own; give a size, or write `bytes` in its row of {TABLE.name}"
            )
        return make(n_bytes, seed)

    return chunks


def _adversarial(text: Callable[[int], bytes]) -> _Generator:
    return _Generator(_sized(lambda n_bytes, _: [text(n_bytes)]), (Path(adversarial.__file__),))


_GENERATORS = {
    "stories": _Generator(_sized(stories.chunks), (Path(stories.__file__), stories.SOURCE), seeded=True),
    "stdlib": _Generator(
        lambda n_bytes, _: python_sources.chunks(n_bytes),
        (Path(python_sources.__file__),),
        version=f"{sys.version} {python_sources.ROOT}",
    ),
    **{name: _adversarial(text) for name, text in adversarial.TEXTS.items()},
}


def load() -> dict[str, Corpus]:
    """Return all rows of the table by name.

    Raises:
        DataError: a row is not well-formed; the message names the row.
    """
    rows = {}
    for name, row in tomllib.loads(TABLE.read_text("utf-8")).items():
        try:
            rows[name] = Corpus(name=name, **row)
        except TypeError as error:
            raise DataError(f"{TABLE.name}: [{name}]: {error}; correct the fields of this row") from None
        if rows[name].kind == "generated" and name not in _GENERATORS:
            raise DataError(
                f"{TABLE.name}: [{name}]: no generator has this name; write the kind download or local, not generated"
            )
    return rows


def names() -> list[str]:
    """Return the names of all corpora, in the order of the table."""
    return list(load())


def find(name: str) -> Corpus:
    """Return the corpus with this name; for `file:PATH`, return a corpus of the kind "local".

    Raises:
        UnknownCorpusError: there is no such corpus; the message lists all names.
    """
    if name.startswith("file:"):
        path = Path(name.removeprefix("file:")).expanduser().absolute()
        return Corpus(path.stem, "local", "a file of yours", "yours", path=str(path))
    rows = load()
    if name not in rows:
        raise UnknownCorpusError(f"{name}: no such corpus; choose one of {', '.join(rows)}, or file:PATH")
    return rows[name]


def cache_folder() -> Path:
    """Return where corpora are kept: `$MERGELAB_DATA`, or `cache/` in this package."""
    return Path(os.environ.get("MERGELAB_DATA") or Path(__file__).with_name("cache"))


def get(name: str, n_bytes: int | None = None, *, seed: int = 0) -> Path:
    """Return the file of a corpus; if it is not in the cache, make or fetch it first.

    Args:
        name: the name of a corpus, or `file:PATH`.
        n_bytes: the size in bytes; by default, the size in the table. A generated text has exactly this size. Of any
            other text, the file holds the beginning, which may be up to 3 bytes shorter since no character is cut.
        seed: another seed gives another text of the same kind; only `stories` takes a seed.

    Raises:
        DataError: the corpus is unknown or too small, it takes no seed, the download fails, or the folder of the
            cache cannot be made.
        FileFormatError: the cache cannot be written.
    """
    corpus = find(name)
    if corpus.kind != "generated":
        whole = _whole_file(corpus)
        if n_bytes is None or n_bytes == whole.stat().st_size:
            return whole
    path = _cached_path(corpus, n_bytes, seed)
    if not (path.exists() and _sidecar(path).exists()):
        _record(path, write(path, chunks(name, n_bytes, seed=seed)))
    return path


def chunks(name: str, n_bytes: int | None = None, *, seed: int = 0) -> Iterable[bytes]:
    """Return the bytes of a corpus in chunks, without writing a file. For arguments and errors, see `get`."""
    corpus = find(name)
    n_bytes = corpus.bytes if n_bytes is None else n_bytes
    if n_bytes is not None and n_bytes < 0:
        raise DataError(f"{name}: the size {n_bytes} is negative; give 0 bytes or more")
    generator = _GENERATORS.get(corpus.name) if corpus.kind == "generated" else None
    if seed < 0 or (seed and not (generator and generator.seeded)):
        raise DataError(
            f"{name}: does not take the seed {seed}; give the seed 0 (only stories takes larger seeds too)"
        )
    if generator:
        return generator.chunks(n_bytes, seed)
    return _prefix(name, _whole_file(corpus), n_bytes)


def write(path: Path, content: Iterable[bytes]) -> str:
    """Write a file, whole or not at all, and return its SHA-256 as hex.

    Raises:
        DataError: the folder of the file cannot be made.
        FileFormatError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}; choose another folder") from None
    digest = hashlib.sha256()
    with atomic_writer(path) as file:
        for chunk in content:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def download(name: str, url: str | None = None, progress: fetch.Progress | None = None) -> Path:
    """Return the file of a download; if it is not in the cache, fetch it, and record its digest in a file beside it.

    Args:
        name: the name of a corpus of the kind "download".
        url: where to fetch the corpus from; by default, the URL in the table.
        progress: see `fetch.download`.

    Raises:
        DataError: the corpus is not a download, or the download fails.
    """
    corpus = find(name)
    if corpus.kind != "download":
        raise DataError(f"{name}: is of the kind {corpus.kind}, not a download; run `python -m data make` instead")
    path = cache_folder() / f"{corpus.name}.txt"
    if not path.exists():
        _record(path, fetch.download(url or corpus.url, path, corpus.bytes, corpus.sha256, progress))
    elif not _sidecar(path).exists():  # A file that a user put there by hand, on a machine without a network.
        _record(path, fetch.sha256_of(path))
    return path


def verify(name: str) -> list[Check]:
    """Check the cached files of a corpus against their recorded digests and the row of the table.

    Raises:
        DataError: the corpus is unknown.
    """
    corpus = find(name)
    pattern = re.compile(rf"{re.escape(corpus.name)}(-(\d+|all)-[0-9a-f]{{8}})?\.txt")
    files = sorted(cache_folder().glob("*.txt"))
    return [_check(corpus, path) for path in files if pattern.fullmatch(path.name)]


def _check(corpus: Corpus, path: Path) -> Check:
    digest, fault = fetch.sha256_of(path), ""
    stated = path == _stated_path(corpus)
    if not _sidecar(path).exists():
        fault = "has no recorded digest; delete the file and make it again"
    elif digest != (recorded := _sidecar(path).read_text("utf-8").split(" ")[0]):
        fault = f"its SHA-256 is {digest}, not the recorded {recorded}; delete the file and make it again"
    elif stated and corpus.sha256 not in (None, digest):
        fault = f"its SHA-256 is {digest}, but {TABLE.name} states {corpus.sha256}; delete the file and make it again"
    elif stated and corpus.bytes not in (None, size := path.stat().st_size):
        fault = f"has {size} bytes, but {TABLE.name} states {corpus.bytes}; delete the file and fetch it again"
    return Check(path, digest, fault)


def _stated_path(corpus: Corpus) -> Path:
    """Return the cached file whose size and digest the fields `bytes` and `sha256` of the row state."""
    if corpus.kind == "download":
        return cache_folder() / f"{corpus.name}.txt"
    return _cached_path(corpus, corpus.bytes, 0)


def _whole_file(corpus: Corpus) -> Path:
    if corpus.kind == "download":
        return download(corpus.name)
    path = TABLE.parent / corpus.path
    if not path.is_file():
        raise DataError(f"file:{path}: no such file; give the path of a text file")
    return path


def _cached_path(corpus: Corpus, n_bytes: int | None, seed: int) -> Path:
    size = corpus.bytes if n_bytes is None else n_bytes
    fingerprint = hashlib.sha256(f"{_origin(corpus)} {seed}".encode()).hexdigest()[:8]
    return cache_folder() / f"{corpus.name}-{'all' if size is None else size}-{fingerprint}.txt"


def _origin(corpus: Corpus) -> str:
    """Return a string of all that decides the bytes of a corpus, apart from size and seed."""
    if corpus.kind == "generated":
        generator = _GENERATORS[corpus.name]
        return " ".join([generator.version, *map(fetch.sha256_of, generator.sources)])
    path = _whole_file(corpus)
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _prefix(name: str, path: Path, n_bytes: int | None) -> Iterator[bytes]:
    """Yield the first `n_bytes` of a file; in UTF-8, a character that would be cut is left out."""
    size = path.stat().st_size
    left = size if n_bytes is None else n_bytes
    if left > size:
        raise DataError(f"{name}: has only {size} bytes, but {left} are wanted; give at most {size} bytes")
    with path.open("rb") as file:
        start = max(0, left - 3)
        file.seek(start)
        left = start + len(python_sources.whole_characters(file.read(4), left - start))
        file.seek(0)
        while left:
            chunk = file.read(min(left, _CHUNK))
            left -= len(chunk)
            yield chunk


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _record(path: Path, digest: str) -> None:
    write(_sidecar(path), [f"{digest}  {path.name}\n".encode()])

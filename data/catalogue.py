"""Corpora by name: `get` turns a row of `corpora.toml` into a file, made or fetched once and kept in a cache.

The name of a cached file holds the corpus, its size and a fingerprint of all that decides its bytes, so that a
changed generator or another Python makes a new file. `<file>.sha256` beside it has the format of sha256sum. A file
gets its name only when it is complete; processes that make one at the same time write the same bytes, and the last
rename wins.
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
        name: unique.
        kind: whether it is made, fetched, or there already.
        description: one line.
        licence: of the text.
        bytes: the size when none is asked for, None for all there is; of a download, the size of the file.
        sha256: the digest at that size and seed 0, as hex; None where it is not known.
        url: of a download.
        path: of a local corpus, relative to the table.
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
    """What `verify` says of one cached file; `fault` is empty when the file is as recorded."""

    path: Path
    sha256: str
    fault: str


class _Generator(NamedTuple):
    """How a corpus is generated, chunks(n_bytes, seed), and all that decides its bytes."""

    chunks: Callable[[int | None, int], Iterable[bytes]]
    sources: tuple[Path, ...]
    seeded: bool = False
    version: str = ""


def _sized(make: Callable[[int, int], Iterable[bytes]]) -> Callable[[int | None, int], Iterable[bytes]]:
    """Return a generator's chunks for a text that has no size of its own."""

    def chunks(n_bytes: int | None, seed: int) -> Iterable[bytes]:
        if n_bytes is None:
            raise DataError("a text without end needs a size; ask for one, or give its row `bytes`")
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
        DataError: a row is not well-formed; the message names it.
    """
    rows = {}
    for name, row in tomllib.loads(TABLE.read_text("utf-8")).items():
        try:
            rows[name] = Corpus(name=name, **row)
        except TypeError as error:
            raise DataError(f"{TABLE.name}: [{name}]: {error}; write it like the other rows") from None
        if rows[name].kind == "generated" and name not in _GENERATORS:
            raise DataError(f"{TABLE.name}: [{name}]: nothing generates it; give it the kind download or local")
    return rows


def names() -> list[str]:
    """Return the names of all corpora, in the order of the table."""
    return list(load())


def find(name: str) -> Corpus:
    """Return the corpus of that name, or a local one for `file:PATH`.

    Raises:
        UnknownCorpusError: there is none; the message lists what exists.
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
    """Return the file of a corpus, made or fetched if it is not in the cache.

    Args:
        name: of a corpus, or `file:PATH`.
        n_bytes: the size. A generated text is made to it. Of another text, the file is a prefix, which ends between
            characters and may be up to 3 bytes shorter. By default, the size of the row.
        seed: another text of the same kind; only `stories` takes one.

    Raises:
        DataError: the corpus is unknown or does not have the size, the seed is not taken, the download fails, or the
            folder of the cache cannot be made.
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
    """Return the bytes of a corpus in chunks, with the arguments and errors of `get`; nothing is kept."""
    corpus = find(name)
    n_bytes = corpus.bytes if n_bytes is None else n_bytes
    if n_bytes is not None and n_bytes < 0:
        raise DataError(f"{name}: {n_bytes} bytes is no size; ask for 0 or more")
    generator = _GENERATORS.get(corpus.name) if corpus.kind == "generated" else None
    if seed < 0 or (seed and not (generator and generator.seeded)):
        raise DataError(f"{name}: does not take the seed {seed}; only stories takes one, of 0 or more")
    if generator:
        return generator.chunks(n_bytes, seed)
    return _prefix(name, _whole_file(corpus), n_bytes)


def write(path: Path, content: Iterable[bytes]) -> str:
    """Write a file, whole or not at all, and return its SHA-256 as hex.

    Raises:
        DataError: its folder cannot be made.
        FileFormatError: it cannot be written.
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
    """Fetch a corpus unless it is in the cache, and return its file; the first digest seen is recorded beside it.

    Args:
        name: of a corpus of the kind download.
        url: where to fetch it from; by default, the URL of its row.
        progress: see `fetch.download`.

    Raises:
        DataError: it is no download, or the download fails.
    """
    corpus = find(name)
    if corpus.kind != "download":
        raise DataError(f"{name}: is {corpus.kind}, not a download; use `make`")
    path = cache_folder() / f"{corpus.name}.txt"
    if not path.exists():
        _record(path, fetch.download(url or corpus.url, path, corpus.bytes, corpus.sha256, progress))
    elif not _sidecar(path).exists():  # Put there by hand, on a machine without a network.
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
        fault = "no digest is recorded; delete it and make it again"
    elif digest != (recorded := _sidecar(path).read_text("utf-8").split(" ")[0]):
        fault = f"its SHA-256 is {digest}, not the recorded {recorded}; delete it and make it again"
    elif stated and corpus.sha256 not in (None, digest):
        fault = f"its SHA-256 is {digest}, in {TABLE.name} {corpus.sha256}; delete it and make it again"
    elif stated and corpus.bytes not in (None, size := path.stat().st_size):
        fault = f"it has {size} bytes, not {corpus.bytes} as in {TABLE.name}; delete it and fetch it again"
    return Check(path, digest, fault)


def _stated_path(corpus: Corpus) -> Path:
    """Return the cached file that `bytes` and `sha256` of the row are about."""
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
    """Return all that decides the bytes of a corpus, apart from size and seed."""
    if corpus.kind == "generated":
        generator = _GENERATORS[corpus.name]
        return " ".join([generator.version, *map(fetch.sha256_of, generator.sources)])
    path = _whole_file(corpus)
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _prefix(name: str, path: Path, n_bytes: int | None) -> Iterator[bytes]:
    """Yield the first bytes of a file, up to the end of a character where it is UTF-8."""
    size = path.stat().st_size
    left = size if n_bytes is None else n_bytes
    if left > size:
        raise DataError(f"{name}: has {size} bytes, fewer than {left}; ask for less")
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

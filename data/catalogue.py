"""Corpora by name: `get` turns a row of `corpora.toml` into a file, made or fetched once and kept in a cache.

A cached file is named after the corpus, its size and a fingerprint of whatever made it, so a changed
generator or another Python never meets a stale file. Beside it lies `<file>.sha256`, in the format of
sha256sum. A file gets its name only when it is complete; makers that race write the same bytes, and the last
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

    `bytes` is the size made when none is asked for (None: all there is) and the size of a download; `sha256`
    is the digest at that size and seed 0. A download has a `url`, a local corpus a `path` (relative to the
    table).
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
    """What `verify` found out about one cached file; `fault` is empty when it is as recorded."""

    path: Path
    sha256: str
    fault: str


class _Generator(NamedTuple):
    """How a generated corpus is made, chunks(n_bytes, seed), and all that decides its bytes."""

    chunks: Callable[[int | None, int], Iterable[bytes]]
    sources: tuple[Path, ...]
    seeded: bool = False
    version: str = ""


def _sized(make: Callable[[int, int], Iterable[bytes]]) -> Callable[[int | None, int], Iterable[bytes]]:
    """The chunks of a text that has no size of its own."""

    def chunks(n_bytes: int | None, seed: int) -> Iterable[bytes]:
        if n_bytes is None:
            raise DataError("a text without end needs a size: ask for one, or give its row `bytes`")
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
    """All rows of the table by name. Raises DataError naming the row that is not well-formed."""
    rows = {}
    for name, row in tomllib.loads(TABLE.read_text("utf-8")).items():
        try:
            rows[name] = Corpus(name=name, **row)
        except TypeError as error:
            raise DataError(f"{TABLE.name}: [{name}]: {error}: see the other rows") from None
        if rows[name].kind == "generated" and name not in _GENERATORS:
            raise DataError(f"{TABLE.name}: [{name}]: nothing generates it: its kind is download or local")
    return rows


def names() -> list[str]:
    """The names of all corpora, in the order of the table."""
    return list(load())


def find(name: str) -> Corpus:
    """The corpus of that name, or a local one for `file:PATH`. Raises UnknownCorpusError that lists what exists."""
    if name.startswith("file:"):
        path = Path(name.removeprefix("file:")).expanduser().absolute()
        return Corpus(path.stem, "local", "a file of yours", "yours", path=str(path))
    rows = load()
    if name not in rows:
        raise UnknownCorpusError(f"{name}: no such corpus: choose one of {', '.join(rows)}, or file:PATH")
    return rows[name]


def cache_folder() -> Path:
    """Where corpora are kept: `$MERGELAB_DATA`, or `cache/` in this package."""
    return Path(os.environ.get("MERGELAB_DATA") or Path(__file__).with_name("cache"))


def get(name: str, n_bytes: int | None = None, *, seed: int = 0) -> Path:
    """The file of a corpus, made or fetched if it is not in the cache.

    `n_bytes` asks for a size: generated texts are made to it, of others it is a prefix that ends between
    characters (up to 3 bytes short). Only `stories` takes a `seed`. Raises DataError for an unknown corpus, a
    size it does not have, a seed it does not take, and a download that fails; OSError when the cache cannot
    be written.
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
    """The bytes of a corpus in chunks, with the arguments and errors of `get`; nothing is kept."""
    corpus = find(name)
    n_bytes = corpus.bytes if n_bytes is None else n_bytes
    if n_bytes is not None and n_bytes < 0:
        raise DataError(f"{name}: {n_bytes} bytes is no size: ask for 0 or more")
    generator = _GENERATORS.get(corpus.name) if corpus.kind == "generated" else None
    if seed < 0 or (seed and not (generator and generator.seeded)):
        raise DataError(f"{name}: does not take the seed {seed}: only stories takes one, of 0 or more")
    if generator:
        return generator.chunks(n_bytes, seed)
    return _prefix(name, _whole_file(corpus), n_bytes)


def write(path: Path, content: Iterable[bytes]) -> str:
    """Write the file under a temporary name, rename it when it is complete, and return its SHA-256 in hex."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with atomic_writer(path) as file:
        for chunk in content:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def download(name: str, url: str | None = None, progress: fetch.Progress | None = None) -> Path:
    """Fetch a corpus, from `url` instead of its row's if given, unless it is in the cache; return its file.

    The first digest seen is recorded beside the file. Raises DataError when it is not a download or fails.
    """
    corpus = find(name)
    if corpus.kind != "download":
        raise DataError(f"{name}: is {corpus.kind}, not a download: use `make`")
    path = cache_folder() / f"{corpus.name}.txt"
    if not path.exists():
        _record(path, fetch.download(url or corpus.url, path, corpus.bytes, corpus.sha256, progress))
    elif not _sidecar(path).exists():  # put there by hand, on a machine without a network
        _record(path, fetch.sha256_of(path))
    return path


def verify(name: str) -> list[Check]:
    """Check the cached files of a corpus against their recorded digests and the row of the table.

    Raises DataError for an unknown corpus.
    """
    corpus = find(name)
    pattern = re.compile(rf"{re.escape(corpus.name)}(-(\d+|all)-[0-9a-f]{{8}})?\.txt")
    files = sorted(cache_folder().glob("*.txt"))
    return [_check(corpus, path) for path in files if pattern.fullmatch(path.name)]


def _check(corpus: Corpus, path: Path) -> Check:
    digest, fault = fetch.sha256_of(path), ""
    stated = path == _stated_path(corpus)
    if not _sidecar(path).exists():
        fault = "no digest is recorded: delete it and make it again"
    elif digest != (recorded := _sidecar(path).read_text("utf-8").split(" ")[0]):
        fault = f"its SHA-256 is {digest}, not the recorded {recorded}: delete it and make it again"
    elif stated and corpus.sha256 not in (None, digest):
        fault = f"its SHA-256 is {digest}, in {TABLE.name} {corpus.sha256}: delete it and make it again"
    elif stated and corpus.bytes not in (None, size := path.stat().st_size):
        fault = f"it has {size} bytes, not {corpus.bytes} as in {TABLE.name}: delete it and fetch it again"
    return Check(path, digest, fault)


def _stated_path(corpus: Corpus) -> Path:
    """The cached file that the `bytes` and `sha256` of the row speak of."""
    if corpus.kind == "download":
        return cache_folder() / f"{corpus.name}.txt"
    return _cached_path(corpus, corpus.bytes, 0)


def _whole_file(corpus: Corpus) -> Path:
    if corpus.kind == "download":
        return download(corpus.name)
    path = TABLE.parent / corpus.path
    if not path.is_file():
        raise DataError(f"file:{path}: no such file: give the path of a text file")
    return path


def _cached_path(corpus: Corpus, n_bytes: int | None, seed: int) -> Path:
    size = corpus.bytes if n_bytes is None else n_bytes
    fingerprint = hashlib.sha256(f"{_origin(corpus)} {seed}".encode()).hexdigest()[:8]
    return cache_folder() / f"{corpus.name}-{'all' if size is None else size}-{fingerprint}.txt"


def _origin(corpus: Corpus) -> str:
    """All that decides the bytes of a corpus, apart from size and seed."""
    if corpus.kind == "generated":
        generator = _GENERATORS[corpus.name]
        return " ".join([generator.version, *map(fetch.sha256_of, generator.sources)])
    path = _whole_file(corpus)
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _prefix(name: str, path: Path, n_bytes: int | None) -> Iterator[bytes]:
    """The first bytes of a file, ending between characters where it is UTF-8."""
    size = path.stat().st_size
    left = size if n_bytes is None else n_bytes
    if left > size:
        raise DataError(f"{name}: has {size} bytes, fewer than {left}: ask for less")
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

"""Places that bytes are read from: a local file, standard input, or a URI that the package fsspec opens."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from impls.errors import FileFormatError, MergelabError
from impls.inputs.file import TextFile

INSTALL = "install mergelab with the extra `inputs`: pip install 'mergelab[inputs]'"


class Place(Protocol):
    """Where the bytes of one source are."""

    @property
    def name(self) -> str:
        """The path or the URI, for errors."""

    @property
    def n_bytes(self) -> int | None:
        """The size as it is stored, compressed or not; None if it is not known."""

    @property
    def state(self) -> str:
        """Words that change if the content changes; empty if the source cannot be read twice."""

    @property
    def identity(self) -> str:
        """Words that are equal for two names of the same source."""

    @property
    def path(self) -> Path | None:
        """The path of a local file; None for any other place."""

    def open(self) -> BinaryIO:
        """Open for reading.

        Raises:
            FileFormatError: the source cannot be read.
        """


@dataclass(frozen=True)
class LocalFile:
    """A regular file of this machine. See `Place`."""

    path: Path
    n_bytes: int
    state: str
    identity: str

    @classmethod
    def at(cls, path: Path) -> LocalFile:
        """Look at a file.

        Raises:
            FileFormatError: there is no such file, or it is not a regular file.
        """
        found = TextFile.look(path)
        return cls(path, found.st_size, f"{found.st_size} {found.st_mtime_ns}", f"{found.st_dev} {found.st_ino}")

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def open(self) -> BinaryIO:
        """Open the file."""
        try:
            return self.path.open("rb")
        except OSError as error:
            raise FileFormatError(f"{self.path}: {error.strerror}; give a readable file") from None


@dataclass(frozen=True)
class StandardInput:
    """Standard input, which can be read once. See `Place`."""

    name: str = "-"
    n_bytes: int | None = None
    state: str = ""
    identity: str = "-"
    path: Path | None = None

    def open(self) -> BinaryIO:
        """Return standard input; closing it has no effect."""
        if sys.stdin is None:
            raise FileFormatError("-: standard input is closed; give a file, or send text to standard input")
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))


@dataclass(frozen=True)
class Remote:
    """A file that fsspec opens. See `Place`.

    Attributes:
        name: the URI.
        files: the file system, an `fsspec.AbstractFileSystem`.
        inside: the path in the file system.
        n_bytes: the size, if the file system tells it.
        state: what the file system tells about the file.
    """

    name: str
    files: Any
    inside: str
    n_bytes: int | None
    state: str
    path: Path | None = None

    @classmethod
    def of(cls, name: str, files: Any, inside: str, found: Mapping[str, Any]) -> Remote:
        """Make a place of a file that was found; `found` is what the file system tells about it."""
        stamps = ("size", "mtime", "created", "LastModified", "ETag", "etag", "last_modified")
        state = " ".join(str(found[stamp]) for stamp in stamps if stamp in found)
        return cls(name, files, inside, found.get("size"), state)

    @property
    def identity(self) -> str:
        """The URI."""
        return self.name

    def open(self) -> BinaryIO:
        """Open the file."""
        with told(self.name):
            opened: BinaryIO = self.files.open(self.inside, "rb")
            return opened


@contextmanager
def told(name: str) -> Iterator[None]:
    """Turn any error about a source into one line that names the source.

    Each package that fsspec calls has exceptions of its own, so all of them are caught.
    """
    try:
        yield
    except (MergelabError, MemoryError):
        raise
    except ImportError as error:
        raise FileFormatError(f"{name}: {error}; install the package, or copy the file to this machine") from None
    except Exception as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FileFormatError(f"{name}: {why}; check the name, the access rights and the connection") from None


def file_system(uri: str) -> tuple[Any, str]:
    """Return the file system of a URI and the path in it.

    Raises:
        FileFormatError: a package is missing, or nothing is known about the URI's scheme.
    """
    try:
        import fsspec  # Imported here: few inputs are URIs.
    except ImportError:
        raise FileFormatError(f"{uri}: the package fsspec is missing; {INSTALL}") from None
    with told(uri):
        files, inside = fsspec.core.url_to_fs(uri)
        return files, str(inside)

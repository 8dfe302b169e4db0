"""The standard library of the running Python as a corpus: every machine with Python has this code.

Files are ordered by the SHA-256 of their relative path. This order mixes the packages, so that the beginning of the
text is a fair sample at any size. Another Python has other sources: a digest is right only for the version of Python
whose library made the text.
"""

import hashlib
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from data.errors import DataError
from data.stories import SEPARATOR

ROOT = Path(sysconfig.get_path("stdlib"))
_FOREIGN = {"site-packages", "dist-packages"}


def _texts(root: Path) -> Iterator[bytes]:
    """Yield the sources below `root` that are valid UTF-8, in shuffled order, each followed by the separator."""
    paths = [path.relative_to(root) for path in root.rglob("*.py")]
    paths = [path for path in paths if _FOREIGN.isdisjoint(path.parts)]
    for path in sorted(paths, key=lambda path: hashlib.sha256(path.as_posix().encode()).digest()):
        source = (root / path).read_bytes()
        try:
            source.decode()
        except UnicodeDecodeError:  # Some files of Python's own tests have other encodings on purpose.
            continue
        yield source + SEPARATOR.encode()


def whole_characters(text: bytes, n_bytes: int) -> bytes:
    """Return the longest prefix of UTF-8 `text` that has at most `n_bytes` bytes and ends between characters."""
    while 0 < n_bytes < len(text) and text[n_bytes] & 0xC0 == 0x80:
        n_bytes -= 1
    return text[:n_bytes]


def chunks(n_bytes: int | None = None, root: Path = ROOT) -> Iterator[bytes]:
    """Yield the sources below `root`, by default the running Python's library, file by file, up to `n_bytes` bytes.

    The last character is never cut, so the text may be up to 3 bytes shorter than `n_bytes`.

    Raises:
        DataError: the sources have fewer than `n_bytes` bytes.
    """
    left = n_bytes
    for text in _texts(root):
        if left is not None and left <= len(text):
            yield whole_characters(text, left)
            return
        yield text
        left = None if left is None else left - len(text)
    if n_bytes is not None and left:
        raise DataError(
            f"stdlib: the sources of Python {platform.python_version()} in {root} have {n_bytes - left} bytes, "
            f"but {n_bytes} are wanted; give a smaller size, or no size to have all"
        )

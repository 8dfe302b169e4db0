"""GPT-2's `vocab.json` and `merges.txt`, in which every byte is a printable character, and our JSON beside them.

The two files cannot carry the split pattern and do not tell which tokens are special; `mergelab.json` does, with a
digest that binds the three together. Nothing here executes what it reads.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impls.contract import N_BYTES, huggingface_byte_order
from impls.errors import FileFormatError
from impls.storage import atomic_writer

VOCAB_FILE, MERGES_FILE, SETTINGS_FILE = "vocab.json", "merges.txt", "mergelab.json"

_MERGES_HEADER = "#version: 0.2"


def _byte_alphabet() -> dict[int, str]:
    """Map each byte to its character: printable ones to themselves, the others to U+0100 and up."""
    by_rank = sorted(range(N_BYTES), key=huggingface_byte_order().tolist().__getitem__)
    n_printable = 188
    return {
        byte: chr(byte) if rank < n_printable else chr(rank - n_printable + 256) for rank, byte in enumerate(by_rank)
    }


_CHARACTERS = _byte_alphabet()
_BYTES = {ord(character): byte for byte, character in _CHARACTERS.items()}

_NO_BYTE = 0xFFFF

# What is not of the alphabet must not pass for the byte of its own number.
_TO_LATIN_1 = dict.fromkeys(range(N_BYTES), _NO_BYTE) | _BYTES


def to_text(token: bytes) -> str:
    """Write a token in GPT-2's byte alphabet."""
    return "".join(map(_CHARACTERS.__getitem__, token))


def from_text(text: str) -> bytes:
    """Read a token in GPT-2's byte alphabet.

    Raises:
        ValueError: a character is not of the alphabet.
    """
    try:
        return text.translate(_TO_LATIN_1).encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(f"character {text[error.start]!r} is not of GPT-2's byte alphabet") from None


class _Tokens(dict[str, bytes]):
    """Tokens by how they are written, each read once."""

    def __missing__(self, text: str) -> bytes:
        token = self[text] = from_text(text)
        return token


@dataclass(frozen=True)
class TokenizerFiles:
    """What the three files hold together."""

    vocab: dict[int, bytes]
    merges: list[tuple[bytes, bytes]]
    special_tokens: list[str]
    pattern: str

    def digest(self) -> str:
        """Fingerprint of the tokenizer: sha256, as hex, over ids, tokens, merges, special tokens and pattern."""
        by_id = dict(sorted(self.vocab.items()))
        parts = (by_id.values(), *zip(*self.merges, strict=True)) if self.merges else (by_id.values(),)
        head = [list(by_id), self.special_tokens, self.pattern, [list(map(len, part)) for part in parts]]
        return hashlib.sha256(b"".join([json.dumps(head).encode(), *map(b"".join, parts)])).hexdigest()


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: invalid UTF-8 at byte {error.start}") from None


def _refuse_duplicates(items: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(items)
    if len(content) < len(items):
        names = [name for name, _ in items]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return content


def _read_json(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: not JSON as it should be: {error}") from None
    if not isinstance(content, dict):
        raise FileFormatError(f"{path}: holds a {type(content).__name__}, not a JSON object")
    return content


def read_vocab(path: str | os.PathLike[str], special_tokens: Sequence[str] = ()) -> dict[int, bytes]:
    """Read `vocab.json`: token to id.

    An entry spelled as one of `special_tokens` is that one, taken literally, unless the special token is also there
    in the alphabet.

    Raises:
        FileFormatError: not JSON, an id that is not a whole number or is there twice, a token outside the alphabet.
    """
    path = Path(path)
    vocab: dict[int, bytes] = {}
    content = _read_json(path)
    literal = {token for token in special_tokens if to_text(token.encode()) not in content}
    for text, token_id in content.items():
        if isinstance(token_id, bool) or not isinstance(token_id, int) or token_id < 0:
            raise FileFormatError(f"{path}: token {text!r} has id {token_id!r}, not a whole number of at least 0")
        if token_id in vocab:
            raise FileFormatError(f"{path}: id {token_id} is given to two tokens, the second is {text!r}")
        try:
            vocab[token_id] = text.encode() if text in literal else from_text(text)
        except ValueError as error:
            raise FileFormatError(f"{path}: token {text!r}: {error}") from None
    return vocab


def read_merges(path: str | os.PathLike[str]) -> list[tuple[bytes, bytes]]:
    """Read `merges.txt`: two tokens a line, in order of rank.

    Raises:
        FileFormatError: a line without exactly two tokens, a pair that is there twice; the message has the line.
    """
    path = Path(path)
    lines: dict[tuple[bytes, bytes], int] = {}
    tokens = _Tokens()
    # Only "\n" ends a line: `splitlines` would also break at characters that are tokens.
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line or (number == 1 and line.startswith("#version")):
            continue
        columns = line.split(" ")
        if len(columns) != 2 or not all(columns):
            raise FileFormatError(f"{path}: line {number}: {line!r} is not two tokens separated by one space")
        try:
            pair = (tokens[columns[0]], tokens[columns[1]])
        except ValueError as error:
            raise FileFormatError(f"{path}: line {number}: {error}") from None
        if pair in lines:
            raise FileFormatError(f"{path}: line {number}: the pair {line!r} stands already in line {lines[pair]}")
        lines[pair] = number
    return list(lines)


@contextmanager
def _made_if_needed(folder: Path) -> Iterator[None]:
    """Make a folder and those around it; none of them stays if nothing is written to it."""
    missing: list[Path] = []
    try:
        missing += [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise FileFormatError(f"{folder}: {error.strerror}; give a folder") from None
        raise


def write_files(folder: str | os.PathLike[str], files: TokenizerFiles) -> None:
    """Write the three files to a folder, which is made if need be; the one with the digest comes last.

    Raises:
        FileFormatError: the folder cannot be made or written.
    """
    folder = Path(folder)
    vocab = {to_text(token): token_id for token_id, token in sorted(files.vocab.items())}
    merges = [f"{to_text(left)} {to_text(right)}" for left, right in files.merges]
    settings = {
        "format": "mergelab 1",
        "pattern": files.pattern,
        "special_tokens": {token: vocab[to_text(token.encode())] for token in files.special_tokens},
        "digest": files.digest(),
    }
    contents = {
        SETTINGS_FILE: json.dumps(settings, ensure_ascii=False, indent=2),
        MERGES_FILE: "\n".join([_MERGES_HEADER, *merges]),
        VOCAB_FILE: json.dumps(vocab, ensure_ascii=False),
    }
    # All three are on the disk before the first gets its name, so that a full disk leaves the old ones as they were.
    with _made_if_needed(folder), ExitStack() as stack:
        for name, content in contents.items():
            file = stack.enter_context(atomic_writer(folder / name))
            file.write(content.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_files(folder: str | os.PathLike[str]) -> TokenizerFiles:
    """Read the three files of a folder.

    Raises:
        FileFormatError: one is missing or damaged, or they do not belong together.
    """
    folder = Path(folder)
    settings = _read_json(folder / SETTINGS_FILE)
    pattern, specials = settings.get("pattern"), settings.get("special_tokens")
    if settings.get("format") != "mergelab 1":
        raise FileFormatError(f"{folder / SETTINGS_FILE}: 'format' is {settings.get('format')!r}, not 'mergelab 1'")
    if not isinstance(pattern, str):
        raise FileFormatError(f"{folder / SETTINGS_FILE}: 'pattern' is {pattern!r}, not a string")
    if not isinstance(specials, Mapping):
        raise FileFormatError(f"{folder / SETTINGS_FILE}: 'special_tokens' is {specials!r}, not an object")
    vocab = read_vocab(folder / VOCAB_FILE)
    for token, token_id in specials.items():
        if not isinstance(token_id, int) or vocab.get(token_id) != token.encode():
            raise FileFormatError(
                f"{folder / SETTINGS_FILE}: special token {token!r} is not id {token_id!r} in {VOCAB_FILE}"
            )
    files = TokenizerFiles(vocab, read_merges(folder / MERGES_FILE), list(specials), pattern)
    if settings.get("digest") != files.digest():
        raise FileFormatError(
            f"{folder}: {VOCAB_FILE}, {MERGES_FILE} and {SETTINGS_FILE} do not belong together (digest differs); "
            "restore the folder or train again"
        )
    return files

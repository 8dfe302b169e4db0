"""GPT-2's `vocab.json` and `merges.txt`: an object token -> id, and lines of two tokens in order of rank.

The two files do not hold the split pattern, so it is GPT-2's. They do not tell which tokens are special; a third
file, `added_tokens.json`, may tell it. Reading the files executes no code.
"""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np

from impls.arguments import check_path
from impls.contract import Array32
from impls.definition import Definition
from impls.errors import FileFormatError, UsageError, shown
from impls.formats.alphabet import from_text, from_texts, to_text
from impls.formats.files import begins_with, note, read_json, read_text, write_together

VOCAB_FILE, MERGES_FILE, ADDED_FILE = "vocab.json", "merges.txt", "added_tokens.json"

_NAMES = ((VOCAB_FILE, MERGES_FILE), ("encoder.json", "vocab.bpe"))
"""Names of the two files, as transformers and as OpenAI have them; more may stand before both names."""

_MERGES_HEADER = "#version: 0.2"


_OTHER_PATTERN = "#pattern: in mergelab.json and tokenizer.json; GPT-2's pattern gives other ids"
"""Second line of the file if the tokenizer does not split as GPT-2 does. A merge has two words, so programs that know
only GPT-2's pattern refuse the file because of this line."""


def _is_header(number: int, line: str) -> bool:
    """Tell whether a line is no merge: the version, or the line about the pattern."""
    return (number == 1 and line.startswith("#version")) or (number == 2 and line == _OTHER_PATTERN)


class _Tokens(dict[str, bytes]):
    """A dict: token as it is written -> its bytes; each written token is converted only once."""

    def __missing__(self, text: str) -> bytes:
        token = self[text] = from_text(text)
        return token


def read_vocab(path: str | os.PathLike[str], special_tokens: Sequence[str] = ()) -> dict[int, bytes]:
    """Read `vocab.json`: token to id.

    An entry with the same characters as one of `special_tokens` is this special token, unless the file also has an
    entry for the special token in the byte alphabet.

    Raises:
        FileFormatError: the file is not JSON, an id is not a whole number of at least 0 or is given twice, or a token
            has a character outside the alphabet.
    """
    path = check_path(path)
    return vocab_of(read_json(path), special_tokens, str(path))


def vocab_of(content: Mapping[str, Any], special_tokens: Collection[str], place: str) -> dict[int, bytes]:
    """Return a dict: id -> bytes, from a mapping: token as it is written -> id. See `read_vocab`.

    `place` begins the message of an error.
    """
    literal = {token for token in special_tokens if to_text(token.encode()) not in content}
    plain = {text: token_id for text, token_id in content.items() if text not in literal} if literal else content
    try:
        vocab = dict(zip(plain.values(), from_texts(list(plain)), strict=True))
        vocab.update((content[text], text.encode()) for text in literal & content.keys())
        if len(vocab) == len(content) and set(map(type, vocab)) <= {int} and min(vocab, default=0) >= 0:
            return vocab
    except (TypeError, ValueError):
        pass
    raise _fault_in_vocab(content, literal, place)


def _fault_in_vocab(content: Mapping[str, Any], literal: Collection[str], place: str) -> FileFormatError:
    """Return the error for the first entry that is wrong."""
    seen: set[int] = set()
    for text, token_id in content.items():
        if isinstance(token_id, bool) or not isinstance(token_id, int) or token_id < 0:
            told = f"token {text!r} has the id {shown(token_id)}, not a whole number of at least 0"
            return FileFormatError(f"{place}: {told}; restore the file")
        if token_id in seen:
            return FileFormatError(
                f"{place}: two tokens have the id {token_id}, the second is {text!r}; restore the file"
            )
        seen.add(token_id)
        try:
            text.encode() if text in literal else from_text(text)
        except ValueError as error:
            return FileFormatError(
                f"{place}: token {text!r}: {error}; if this is a special token, name it in special_tokens; "
                "otherwise restore the file"
            )
    return FileFormatError(f"{place}: is damaged; restore the file")


def read_merges(path: str | os.PathLike[str]) -> list[tuple[bytes, bytes]]:
    """Read `merges.txt`: two tokens per line, in order of rank.

    Raises:
        FileFormatError: a line does not hold exactly two tokens, or a pair is given twice; the message has the number
            of the line.
    """
    path = check_path(path)
    lines: dict[tuple[bytes, bytes], int] = {}
    tokens = _Tokens()
    # Only "\n" ends a line: `splitlines` would also break at characters that occur in tokens.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line or _is_header(number, line):
            continue
        columns = line.split(" ")
        if len(columns) != 2 or not all(columns):
            raise FileFormatError(
                f"{path}: line {number}: {line!r} is not two tokens separated by one space; correct the line"
            )
        try:
            pair = (tokens[columns[0]], tokens[columns[1]])
        except ValueError as error:
            raise FileFormatError(f"{path}: line {number}: {error}; restore the file") from None
        if pair in lines:
            raise FileFormatError(
                f"{path}: line {number}: the pair {line!r} was given already in line {lines[pair]}; remove one line"
            )
        lines[pair] = number
    return list(lines)


def ids_of_merges(lefts: list[str], rights: list[str], ids: Mapping[str, int]) -> tuple[Array32, Array32, Array32]:
    """Return the left ids, right ids and merged ids of merges, int32[m] each.

    Args:
        lefts: the left tokens as they are written.
        rights: the right tokens as they are written.
        ids: a mapping: token as it is written -> id.

    Raises:
        KeyError: a token has no id.
    """
    made, tokens = list(map(operator.add, lefts, rights)), list(ids)
    first = tokens.index(made[0]) if made and made[0] in ids else 0
    # Mostly, the merged tokens are listed in order of rank: comparing lists is faster than looking each token up.
    in_order = tokens[first : first + len(made)] == made
    merged = islice(ids.values(), first, first + len(made)) if in_order else map(ids.__getitem__, made)
    columns = (map(ids.__getitem__, lefts), map(ids.__getitem__, rights), merged)
    left, right, merged_ids = (np.fromiter(column, np.int32, len(lefts)) for column in columns)
    return left, right, merged_ids


def read_files(vocab_path: Path, merges_path: Path, special_tokens: Sequence[str] | None, pattern: str) -> Definition:
    """Read both files as the definition of a tokenizer.

    If `special_tokens` is None, tokens of the form `<...>` that no merge makes are special, and a note names them.

    Raises:
        FileFormatError: see `read_vocab` and `read_merges`.
        UsageError: the files do not fit together.
    """
    content = read_json(vocab_path)
    lines = [line for line in read_text(merges_path).split("\n") if line]
    lines = lines[sum(map(_is_header, range(1, 3), lines)) :]
    columns = " ".join(lines).split(" ")
    if special_tokens is None:
        special_tokens = _likely_specials(content, lines, str(vocab_path))
    vocab = vocab_of(content, special_tokens, str(vocab_path))
    try:
        if not set(map(str.count, lines, repeat(" "))) <= {1}:
            raise KeyError
        merges = ids_of_merges(columns[::2], columns[1::2], content) if lines else (np.empty(0, np.int32),) * 3
        return Definition.of_ids(vocab, merges, special_tokens, pattern)
    except (KeyError, UsageError, OverflowError):  # The careful way names what is wrong.
        return Definition(vocab, read_merges(merges_path), special_tokens, pattern)


def pair_of(path: Path) -> tuple[Path, Path] | None:
    """Return the two files that a path stands for: a folder with both, or one of them if the other is beside it.

    Folders with a file that tells more, mergelab.json or tokenizer.json, are not taken.
    """
    for vocab, merges in _NAMES:
        if path.is_dir() and not any((path / name).exists() for name in ("mergelab.json", "tokenizer.json")):
            pair = path / vocab, path / merges
        elif path.name.endswith((vocab, merges)):
            prefix = path.name.removesuffix(vocab).removesuffix(merges)
            pair = path.with_name(prefix + vocab), path.with_name(prefix + merges)
        else:
            continue
        if pair[0].is_file() and pair[1].is_file():
            return pair
    return None


def recognise(path: Path) -> bool:
    """Tell whether a path is a folder with the two files, or one of them. See `pair_of`."""
    try:
        return pair_of(path) is not None
    except OSError:  # A name that is too long.
        return False


def read(path: str | os.PathLike[str]) -> Definition:
    """Read the two files, and the special tokens from `added_tokens.json` beside them, if it is there.

    Without this file, tokens of the form `<...>` that no merge makes are special, and a note names them.

    Raises:
        FileFormatError: a file is missing or damaged, or the files belong to a tokenizer with another split pattern.
    """
    path = check_path(path)
    pair = pair_of(path)
    if pair is None:
        raise FileFormatError(f"{path}: {VOCAB_FILE} or {MERGES_FILE} is missing; give a folder with both")
    vocab_path, merges_path = pair
    if begins_with(merges_path, f"#version.*\n{re.escape(_OTHER_PATTERN)}".encode()):
        raise FileFormatError(f"{merges_path}: its tokenizer splits in another way than GPT-2; give the whole folder")
    added = vocab_path.with_name(ADDED_FILE)
    specials = list(read_json(added)) if added.is_file() else None
    try:
        return read_files(vocab_path, merges_path, specials, "gpt2")
    except UsageError as error:
        raise FileFormatError(f"{vocab_path}: {error}") from None


def _likely_specials(content: Iterable[str], merges: Iterable[str], place: str) -> list[str]:
    likely = [token for token in content if len(token) > 2 and token[0] == "<" and token[-1] == ">"]
    made = {line.replace(" ", "") for line in merges if line.endswith(">")} if likely else set()
    specials = [token for token in likely if token not in made]
    if specials:
        told = ", ".join(specials[:3]) + (" ..." if len(specials) > 3 else "")
        note(place, f"special tokens are taken from their form: {told}")
    return specials


def write(path: str | os.PathLike[str], definition: Definition) -> None:
    """Write the files to a folder, which is made if needed.

    Raises:
        UsageError: see `contents`.
        FileFormatError: the folder cannot be made or written.
    """
    write_together(check_path(path), contents(definition))


def contents(definition: Definition) -> dict[str, str]:
    """Return a dict: name of a file -> its content.

    Raises:
        UsageError: the files cannot hold the tokenizer: it has another split pattern, or a special token is written
            like another token.
    """
    if definition.pattern != "gpt2":
        raise UsageError(
            f"gpt2: the files cannot hold the pattern {shown(definition.pattern)}, and other programs would split by "
            "GPT-2's; export to tokenizer.json or tiktoken"
        )
    return {
        VOCAB_FILE: json.dumps(written_vocab(definition), ensure_ascii=False) + "\n",
        MERGES_FILE: merges_content(definition.merges),
        ADDED_FILE: json.dumps(definition.special_tokens, ensure_ascii=False, indent=2) + "\n",
    }


def written_vocab(definition: Definition) -> dict[str, int]:
    """Return a dict: token -> id, as other programs write it: special tokens as they are, all others in the alphabet.

    Raises:
        UsageError: a special token would be written like another token.
    """
    special_tokens = definition.special_tokens
    merged = {token for left, right in definition.merges for token in (left, right, left + right)}
    special_ids = set(special_tokens.values())
    vocab = {
        to_text(token): token_id
        for token_id, token in sorted(definition.vocab.items())
        # A token that is only a special token is written as it is, not in the alphabet.
        if len(token) == 1 or token in merged or token_id not in special_ids
    }
    for token, token_id in special_tokens.items():
        if vocab.setdefault(token, token_id) != token_id:
            told = f"special token {token!r} would be written like token {definition.vocab[vocab[token]]!r}"
            raise UsageError(f"vocab: {told}; rename the special token")
    return vocab


def vocab_content(vocab: Mapping[int, bytes]) -> str:
    """Return the content of `vocab.json`, sorted by id."""
    written = {to_text(token): token_id for token_id, token in sorted(vocab.items())}
    return json.dumps(written, ensure_ascii=False) + "\n"


def merges_content(merges: Iterable[tuple[bytes, bytes]], pattern: str = "gpt2") -> str:
    """Return the content of `merges.txt`."""
    header = [_MERGES_HEADER] if pattern == "gpt2" else [_MERGES_HEADER, _OTHER_PATTERN]
    return "\n".join([*header, *(f"{to_text(left)} {to_text(right)}" for left, right in merges)]) + "\n"

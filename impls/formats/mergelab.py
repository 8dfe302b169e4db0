"""Our format, a folder: GPT-2's two files, and `mergelab.json` with the parts that they cannot hold.

These parts are the split pattern, the special tokens, and a digest. This digest of all parts shows whether the three
files belong together. Three more files are written and never read by us: `tokenizer.json` and `tokenizer_config.json`
for transformers, and `vocabulary.txt` for people.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impls.arguments import check_path
from impls.definition import Definition
from impls.errors import FileFormatError, UsageError, shown
from impls.folders import refuse_link
from impls.formats.files import note, read_json, write_together
from impls.formats.gpt2 import MERGES_FILE, VOCAB_FILE, merges_content, read_files, vocab_content

SETTINGS_FILE = "mergelab.json"

TOKENIZER_FILE, CONFIG_FILE, LISTING_FILE = "tokenizer.json", "tokenizer_config.json", "vocabulary.txt"

FILES = (SETTINGS_FILE, MERGES_FILE, VOCAB_FILE, TOKENIZER_FILE, CONFIG_FILE, LISTING_FILE)

VERSION = "mergelab 1"


def recognise(path: Path) -> bool:
    """Tell whether a path is a folder in this format."""
    try:
        return (path / SETTINGS_FILE).is_file()
    except OSError:  # A name that is too long.
        return False


def check_replaceable(folder: Path) -> None:
    """Check that writing to a folder replaces nothing but a tokenizer of ours; the folder may be missing.

    Raises:
        FileFormatError: one of the files is a link, or exists although mergelab.json is missing.
    """
    is_ours = recognise(folder)
    for name in FILES:
        place = folder / name
        try:
            refuse_link(place)
            is_there = place.exists()
        except OSError as error:  # A name that is too long.
            raise FileFormatError(f"{folder}: {error.strerror}; give another folder") from None
        if is_there and not is_ours:
            raise FileFormatError(
                f"{place}: {SETTINGS_FILE} is not beside it, so mergelab did not write it; give another folder"
            )


def write(path: str | os.PathLike[str], definition: Definition) -> None:
    """Write the files to a folder, which is made if needed; mergelab.json gets its name first.

    So even after a killed write, the folder counts as ours, and the write can be repeated. If transformers cannot
    give the same ids, the two files for transformers are left out, and a note says why.

    Raises:
        FileFormatError: the folder cannot be made or written, or holds one of the files although it is no tokenizer
            of ours.
    """
    folder = check_path(path)
    check_replaceable(folder)
    written = contents(definition, str(folder))
    write_together(folder, written)
    for name in set(FILES) - written.keys():  # Of the tokenizer that was here before.
        (folder / name).unlink(missing_ok=True)


def contents(definition: Definition, place: str = "") -> dict[str, str]:
    """Return a dict: name of a file -> its content; `place` begins the message of a note."""
    from impls.formats import listing  # Here, since most programs only read.

    settings = {
        "format": VERSION,
        "pattern": definition.pattern,
        "special_tokens": dict(definition.special_tokens),
        "digest": definition.fingerprint,
    }
    return {
        VOCAB_FILE: vocab_content(definition.vocab),
        MERGES_FILE: merges_content(definition.merges, definition.pattern),
        LISTING_FILE: listing.content(definition),
        **_for_transformers(definition, place),
        SETTINGS_FILE: json.dumps(settings, ensure_ascii=False, indent=2) + "\n",
    }


def _for_transformers(definition: Definition, place: str) -> dict[str, str]:
    """Return the files for transformers by name, or none and a note if they cannot hold the tokenizer."""
    from impls.formats import tokenizer_json

    try:
        return tokenizer_json.contents(definition)
    except UsageError as error:
        note(place, f"written without {TOKENIZER_FILE}, so transformers cannot load it: {error}")
        return {}


def read(path: str | os.PathLike[str]) -> Definition:
    """Read the three files of a folder.

    Raises:
        FileFormatError: a file is missing or damaged, or the files do not belong together.
    """
    folder = check_path(path)
    place = folder / SETTINGS_FILE
    settings = read_json(place)
    pattern, specials = settings.get("pattern"), settings.get("special_tokens")
    if settings.get("format") != VERSION:
        raise FileFormatError(
            f"{place}: 'format' is {settings.get('format')!r}, not {VERSION!r}; save the tokenizer again"
        )
    if not isinstance(pattern, str):
        raise FileFormatError(f"{place}: 'pattern' is {pattern!r}, not a string; restore the file")
    if not isinstance(specials, Mapping):
        raise FileFormatError(f"{place}: 'special_tokens' is {specials!r}, not an object; restore the file")
    try:
        definition = read_files(folder / VOCAB_FILE, folder / MERGES_FILE, list(specials), pattern)
    except UsageError as error:
        raise FileFormatError(f"{folder}: {error}") from None
    return _checked(definition, settings, folder)


def _checked(definition: Definition, settings: Mapping[str, Any], folder: Path) -> Definition:
    """Check what the files hold against the special tokens and the digest in mergelab.json."""
    for token, token_id in settings["special_tokens"].items():
        if type(token_id) is not int or definition.special_tokens[token] != token_id:
            told = f"special token {token!r} has the id {shown(token_id)}, but not in {VOCAB_FILE}"
            raise FileFormatError(f"{folder / SETTINGS_FILE}: {told}; restore the folder")
    if settings.get("digest") != definition.fingerprint:
        raise FileFormatError(
            f"{folder}: {VOCAB_FILE}, {MERGES_FILE} and {SETTINGS_FILE} do not belong together (digest differs); "
            "restore the folder or train again"
        )
    return definition

"""Folders for new tokenizers: what is there is checked before the work begins, and a map of ids is written beside."""

from __future__ import annotations

import json
from pathlib import Path

from impls.arguments import check_path
from impls.definition import Definition
from impls.errors import FileFormatError
from impls.folders import refuse_link, refuse_same_file
from impls.formats import mergelab
from impls.storage import atomic_writer
from impls.surgery import Changed

ID_MAP = "id-map.json"

ID_MAP_VERSION = "mergelab ids 1"


def check_output(out: Path, force: bool, *inputs: Path) -> None:
    """Check that a tokenizer can be saved to `out` without replacing what the user did not ask to replace.

    Args:
        out: the folder to write to; it may be missing.
        force: whether a tokenizer of ours that is there may be replaced.
        inputs: files and folders of tokenizers that are read, and so must not be replaced.

    Raises:
        FileFormatError: `out` is no folder, holds a tokenizer and `force` is not set, holds files of others, or holds
            an input.
    """
    if out.exists() and not out.is_dir():
        raise FileFormatError(f"{out}: exists and is not a folder; give another --out")
    if mergelab.recognise(out) and not force:
        raise FileFormatError(f"{out}: holds a tokenizer; give another --out, or --force to replace it")
    mergelab.check_replaceable(out)
    for given in inputs:
        for name in (*mergelab.FILES, ID_MAP):
            refuse_same_file(out / name, given / name if given.is_dir() else given)


def check_changed_output(out: Path, force: bool, *inputs: Path) -> None:
    """Check that a tokenizer and a map of ids can be saved to `out`. See `check_output`.

    Raises:
        FileFormatError: see `check_output`; or `out` holds a file `id-map.json` that we did not write, or a link.
    """
    check_output(out, force, *inputs)
    refuse_link(out / ID_MAP)
    if (out / ID_MAP).exists() and not mergelab.recognise(out):
        raise FileFormatError(
            f"{out / ID_MAP}: {mergelab.SETTINGS_FILE} is not beside it, so mergelab did not write it; give another "
            "folder"
        )


def save_changed(out: Path, changed: Changed, old: Definition) -> None:
    """Write a tokenizer that was made from another one, and the map of ids, `id-map.json`, beside it.

    The map is a JSON object: `old` and `new` are the fingerprints of the two tokenizers, and `ids` is an object with
    an entry for each token that both have: the old id as a string, and the new id.

    Raises:
        FileFormatError: the folder cannot be made or written; see `formats.mergelab.write`.
    """
    mergelab.write(out, changed.definition)
    ids = {str(token_id): new_id for token_id, new_id in sorted(changed.ids.items())}
    fingerprints = {"old": old.fingerprint, "new": changed.definition.fingerprint}
    with atomic_writer(check_path(out) / ID_MAP) as file:
        file.write((json.dumps({"format": ID_MAP_VERSION, **fingerprints, "ids": ids}) + "\n").encode())


def told(out: Path, definition: Definition) -> str:
    """Return what a command says about a tokenizer that it wrote."""
    sizes = f"{len(definition.merges)} merges, {len(definition.special_tokens)} special"
    return f"{out}: {len(definition.vocab)} tokens ({sizes})"

"""Records of runs against the peers: append-only, beside those of the benchmarks, in the machine's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import proof
from bench.machine import RECORDS, machine_name
from bench.peers.inputs import Inputs
from bench.peers.render import as_record
from bench.peers.runner import Result

PACKAGES = ("awkward", "gigatoken", "numba", "numpy", "regex", "rustbpe", "tiktoken", "tokenizers")


def default_folder() -> Path:
    """Return the folder of this machine."""
    return RECORDS / machine_name() / "peers"


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def write_record(folder: Path, results: Sequence[Result], inputs: Inputs, arguments: Sequence[str]) -> Path:
    """Write a new record; returns its path.

    Raises:
        OSError: the folder cannot be written.
    """
    content = {
        **proof.head("peers", arguments, PACKAGES),
        "corpus": {"name": inputs.corpus, **_describe(inputs.text)},
        "large_bytes": inputs.large_bytes,
        "vocab_size": inputs.vocab_size,
        "vocabulary_files": [str(path) for path in inputs.files or ()],
        "measurements": [as_record(result) for result in results],
    }
    return proof.write_record(folder, content)

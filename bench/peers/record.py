"""Records of runs against the peers: append-only, beside those of the benchmarks, in the machine's folder."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_benchmark.utils import get_commit_info

from bench.machine import RECORDS, cpu_info, machine_name
from bench.peers.inputs import Inputs
from bench.peers.render import as_record
from bench.peers.runner import Result

PACKAGES = ("awkward", "gigatoken", "numba", "numpy", "regex", "rustbpe", "tiktoken", "tokenizers")


def default_folder() -> Path:
    """Return the folder of this machine."""
    return RECORDS / machine_name() / "peers"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def write_record(folder: Path, results: Sequence[Result], inputs: Inputs, arguments: Sequence[str]) -> Path:
    """Write a new record; returns its path.

    Raises:
        OSError: the folder cannot be written.
    """
    now = datetime.now(UTC)
    commit = get_commit_info()  # type: ignore[no-untyped-call]
    content = {
        "kind": "peers",
        "datetime": now.isoformat(),
        "arguments": list(arguments),
        "machine_info": {
            "cpu": cpu_info(),
            "machine": platform.machine(),
            "system": platform.system(),
            "release": platform.release(),
            "python_version": platform.python_version(),
        },
        "commit_info": commit,
        "versions": _versions(),
        "corpus": {"name": inputs.corpus, **_describe(inputs.text)},
        "large_bytes": inputs.large_bytes,
        "vocab_size": inputs.vocab_size,
        "vocabulary_files": [str(path) for path in inputs.files or ()],
        "measurements": [as_record(result) for result in results],
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, default=str)
    number = max((int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.json")), default=0)
    while True:
        number += 1
        path = folder / f"{number:04}_{commit['id']}_{now:%Y%m%d_%H%M%S}.json"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path

"""The folder for compiled code and measurements of this machine: $MERGELAB_CACHE, else the user's cache folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import warnings
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from impls.machine import cpu_features

KERNELS = Path(__file__).with_name("kernels")

KEPT_FOLDERS = 8
"""How many folders of object code are kept. Each combination of kernel sources, package versions, flags and CPU has
one."""

_FOLDER = re.compile(r"kernels-[0-9a-f]{16}")

_FILE = re.compile(r".+\.o|classes-.+\.bin|\..+\.tmp")


def cache_root() -> Path:
    """Return the cache folder: $MERGELAB_CACHE, else `mergelab` in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        OSError: the user has no home folder.
    """
    if chosen := os.environ.get("MERGELAB_CACHE"):
        return Path(chosen)
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "mergelab"
    try:
        return Path.home() / ".cache" / "mergelab"
    except RuntimeError as error:
        raise OSError(errno.ENOENT, f"{error}") from None


def measurements_path() -> Path:
    """Return the file of measurements that `nox -s bench` writes and `impl="auto"` reads.

    Raises:
        OSError: the user has no home folder.
    """
    return cache_root() / "measurements.json"


@cache
def kernels_digest() -> str:
    """Return a digest, 16 hex digits, of what compiled code depends on: kernel sources, packages, flags and CPU."""
    flags = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_"))
    digest = hashlib.sha256(repr([np.__version__, flags, cpu_features()]).encode())
    # Only the folders of the packages are looked up: importing the packages would take ten times as long.
    specs = [find_spec(name) for name in ("numba", "llvmlite")]
    versions = [Path(str(spec.origin)).with_name("_version.py") for spec in specs if spec]
    for source in [*versions, *sorted(KERNELS.glob("*.py"))]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@cache
def code_folder() -> Path | None:
    """Return the folder of object code, which may not exist yet; if there can be no folder, warn and return None."""
    try:
        return cache_root() / f"kernels-{kernels_digest()}"
    except OSError as error:
        warn_that_code_is_lost("MERGELAB_CACHE", str(error.strerror))
        return None


def prune_code_folders(keep: int = KEPT_FOLDERS) -> None:
    """Remove all but the `keep` newest folders of object code; a folder that holds any other file stays."""
    with suppress(OSError):
        with os.scandir(cache_root()) as entries:
            found = [
                entry for entry in entries if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
        found.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns, reverse=True)
        for entry in found[keep:]:
            files = list(Path(entry.path).iterdir())
            if all(_FILE.fullmatch(file.name) and file.is_file() and not file.is_symlink() for file in files):
                for file in files:
                    file.unlink(missing_ok=True)
                Path(entry.path).rmdir()


@cache
def warn_that_code_is_lost(where: str, reason: str) -> None:
    """Warn, once per process and place, that compiled code cannot be kept."""
    warnings.warn(f"{where}: {reason}; each process compiles the kernels again", stacklevel=3)

"""What every record carries as proof: machine, versions, git state, and a digest of the code that was timed."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import impls
from bench.machine import cpu_info
from impls.registry import STAGES, Impl, implementations

ROOT = Path(impls.__file__).parent.parent

PACKAGES = ("numba", "llvmlite", "numpy", "regex")

_NUMBER = re.compile(r"(\d{4,})_.*\.json")


OURS = ("impls.", "lm.")
"""What the modules begin with whose sources count."""


def _file_of(module: str) -> Path | None:
    """Return the source of a module of ours; None for a name that is no module."""
    path = ROOT / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(source: Path) -> Iterator[str]:
    """Yield the modules of `impls` and `lm` that a source imports, inside functions too."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name.startswith(OURS) and _file_of(name))


@cache
def sources(module: str) -> tuple[Path, ...]:
    """Return the sources that a module of ours may run, sorted: its own and those of all that it imports."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name not in found and path:
            found[name] = path
            waiting += _imports(path)
    return tuple(sorted(set(found.values())))


def code_digest(impl: Impl) -> str:
    """Hash the sources that an implementation may run: sha256 as hex. Other files may change without an effect.

    Encoders are timed through `impls/tokenizer.py`, which counts as theirs; compiled code also depends on what
    generates it.
    """
    files = set(sources(impl.target.split(":")[0]))
    if impl.stage == "encode":
        files.add(ROOT / "impls" / "tokenizer.py")
    if impl.compiled:
        files |= set((ROOT / "impls" / "kernels").glob("*.py"))
    return _digest(impl.target, files)


def module_digest(module: str) -> str:
    """Hash the sources that a module of ours may run, for what is no implementation: sha256 as hex."""
    return _digest(module, sources(module))


def _digest(name: str, files: Iterable[Path]) -> str:
    digest = hashlib.sha256(name.encode())
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def code_digests() -> dict[str, str]:
    """Return the digest of every implementation, by "stage/name"."""
    return {f"{row.stage}/{row.name}": code_digest(row) for stage in STAGES for row in implementations(stage)}


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of packages; "not installed" where there is none."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def head(
    kind: str, arguments: Sequence[str], packages: Sequence[str] = PACKAGES, code: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the head of a record of ours: all but what was measured.

    Args:
        kind: of the record.
        arguments: of the command line.
        packages: whose versions matter.
        code: digests of what was measured; those of all implementations by default.
    """
    from pytest_benchmark.utils import get_commit_info

    return {
        "kind": kind,
        "datetime": datetime.now(UTC).isoformat(),
        "arguments": list(arguments),
        "machine_info": {
            "cpu": cpu_info(),
            "machine": platform.machine(),
            "system": platform.system(),
            "release": platform.release(),
            "python_implementation": platform.python_implementation(),
            "python_version": platform.python_version(),
        },
        "commit_info": get_commit_info(),  # type: ignore[no-untyped-call]
        "versions": versions(packages),
        "code": code_digests() if code is None else dict(code),
    }


def write_record(folder: Path, content: dict[str, Any]) -> Path:
    """Write a new record next to the others of its kind and return its path; none is ever overwritten.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    when = datetime.fromisoformat(content["datetime"])
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _NUMBER.fullmatch(path.name))]
    number = max(numbers, default=0)
    text = json.dumps(content, indent=1, default=str) + "\n"
    while True:
        number += 1
        path = folder / f"{number:04}_{content['commit_info']['id']}_{when:%Y%m%d_%H%M%S}.json"
        temporary = folder / f".{path.name}.{os.getpid()}.tmp"
        temporary.write_text(text, encoding="utf-8")
        try:
            os.link(temporary, path)  # Unlike a rename, it fails where the name is taken.
        except FileExistsError:
            continue
        finally:
            temporary.unlink()
        return path

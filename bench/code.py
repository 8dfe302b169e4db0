"""Digests of the code that was timed: each covers the sources that an implementation may run, and no others."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import impls
from impls.registry import STAGES, Impl, implementations

ROOT = Path(impls.__file__).parent.parent

PACKAGES = ("numba", "llvmlite", "numpy", "regex")

OURS = ("impls.", "lm.")
"""The beginnings of the names of the modules whose imports are followed."""


def _file_of(module: str, root: Path) -> Path | None:
    """Return the source file of a module of this project; None if there is no such module."""
    path = root / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(source: Path, root: Path) -> Iterator[str]:
    """Yield the modules of `impls` and `lm` that a source file imports, inside functions too."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name.startswith(OURS) and _file_of(name, root))


@cache
def sources(module: str, root: Path = ROOT) -> tuple[Path, ...]:
    """Return the source files that a module of this project may run, sorted: its own file and all imported files.

    `root`: the folder that holds the packages `impls` and `lm`; by default, the project that this process runs.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name, root)
        if name not in found and path:
            found[name] = path
            waiting += _imports(path, root)
    return tuple(sorted(set(found.values())))


def code_digest(impl: Impl, root: Path = ROOT) -> str:
    """Return the sha256, as hex, of the sources that an implementation may run; no other file has an effect on it.

    Encoders are timed through `impls/tokenizer.py`, so it is hashed with them. For compiled implementations, all
    modules of `impls/kernels` are hashed too, since they generate the code. `root`: see `sources`.
    """
    files = set(sources(impl.target.split(":")[0], root))
    if impl.stage == "encode":
        files.add(root / "impls" / "tokenizer.py")
    if impl.compiled:
        files |= set((root / "impls" / "kernels").glob("*.py"))
    return _digest(impl.target, files, root)


def module_digest(module: str) -> str:
    """Return the sha256, as hex, of the sources that a module may run. The module need not be an implementation."""
    return _digest(module, sources(module))


def _digest(name: str, files: Iterable[Path], root: Path = ROOT) -> str:
    digest = hashlib.sha256(name.encode())
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def name_of(impl: Impl) -> str:
    """Return the name that an implementation has in records, options and texts: "stage/name"."""
    return f"{impl.stage}/{impl.name}"


def module_of(impl: Impl) -> str:
    """Return the path of the module of an implementation, from the root of the project."""
    return path_of(impl.target.split(":")[0])


def path_of(module: str) -> str:
    """Return the path of a module, from the root of the project."""
    return f"{module.replace('.', '/')}.py"


def code_digests() -> dict[str, str]:
    """Return the digest of the code of every implementation: "stage/name" -> digest."""
    return {name_of(row): code_digest(row) for stage in STAGES for row in implementations(stage)}


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the version of each package; "not installed" for a missing package."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found

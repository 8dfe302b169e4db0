"""Digests of the code that was timed: the sources that an implementation may run, and no others."""

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
"""Modules whose names begin so are followed."""


def _file_of(module: str, root: Path) -> Path | None:
    """Return the source of a module of ours; None for a name that is no module."""
    path = root / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(source: Path, root: Path) -> Iterator[str]:
    """Yield the modules of `impls` and `lm` that a source imports, inside functions too."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name.startswith(OURS) and _file_of(name, root))


@cache
def sources(module: str, root: Path = ROOT) -> tuple[Path, ...]:
    """Return the sources that a module of ours may run, sorted: its own and the sources of all its imports.

    `root`: the folder of the packages, where they are not those of this process.
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
    """Hash the sources that an implementation may run: sha256 as hex. A change of other files has no effect on it.

    Encoders are timed through `impls/tokenizer.py`, which is hashed with them; compiled code also depends on the
    modules that generate it. `root`: see `sources`.
    """
    files = set(sources(impl.target.split(":")[0], root))
    if impl.stage == "encode":
        files.add(root / "impls" / "tokenizer.py")
    if impl.compiled:
        files |= set((root / "impls" / "kernels").glob("*.py"))
    return _digest(impl.target, files, root)


def module_digest(module: str) -> str:
    """Hash the sources that a module of ours may run, where it is no implementation: sha256 as hex."""
    return _digest(module, sources(module))


def _digest(name: str, files: Iterable[Path], root: Path = ROOT) -> str:
    digest = hashlib.sha256(name.encode())
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
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

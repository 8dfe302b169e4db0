"""Records: what a run measured, with its proof, as one JSON file that is never changed afterwards.

Every record has a head: kind, version, time, command line, machine, commit, versions of packages, digests of the code.
Records of one machine lie together, below `bench/records/MACHINE/`, each kind in a folder of its own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.code import PACKAGES, code_digests, versions
from impls.errors import MergelabError
from impls.machine import cpu_name, folder_name, machine_name

RECORDS = Path(__file__).parent / "records"

VERSION = 2
"""Of what a record holds. Version 1 had no number; its benchmarks are read, its other kinds are not."""


class RecordError(MergelabError):
    """A record that cannot be used; one line that names it."""


@dataclass(frozen=True)
class Kind:
    """A kind of record.

    Attributes:
        name: in the record, and of its folder.
        command: what makes one, for people.
        program: what writes it, words of a command line; its own arguments follow.
        fields: what it has beside the head.
        oldest: the oldest version that is still read.
    """

    name: str
    command: str
    program: tuple[str, ...]
    fields: tuple[str, ...]
    oldest: int = VERSION

    def reproduce(self, content: Mapping[str, Any]) -> str:
        """Return the command line that made a record."""
        return shlex.join([*self.program, *content.get("arguments", [])])


KINDS = {
    kind.name: kind
    for kind in (
        Kind("bench", "nox -s bench", ("python", "-m", "pytest"), ("benchmarks", "skipped"), oldest=1),
        Kind("studies", "python -m bench studies", ("python", "-m", "bench", "studies"), ("studies", "scale")),
        Kind("profiles", "nox -s profile", ("python", "-m", "profiles", "suite"), ("digests", "failures")),
        Kind("peers", "nox -s peers", ("python", "-m", "bench", "peers"), ("measurements", "corpus")),
        Kind("step", "nox -s step", ("python", "-m", "bench", "step"), ("models", "operations")),
    )
}
"""The table of kinds; pytest-benchmark writes those of `bench`, into a folder with a name of its own."""

_NUMBER = re.compile(r"(\d{4,})_.*\.json")

_WHEN = re.compile(r"_(\d{8}_\d{6})(?:_|\.|$)")


def cpu_info() -> dict[str, str | int]:
    """Return what explains a time: the CPU, the cores that this process may use, the memory in bytes."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"brand_raw": cpu_name(), "count": len(os.sched_getaffinity(0)), "memory_bytes": memory}


def machine_info() -> dict[str, Any]:
    """Return what a record says of the machine."""
    return {
        "cpu": cpu_info(),
        "machine": platform.machine(),
        "system": platform.system(),
        "release": platform.release(),
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
    }


def head(
    kind: str, arguments: Sequence[str], packages: Sequence[str] = PACKAGES, code: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the head of a record: all but what was measured.

    Args:
        kind: a name of `KINDS`.
        arguments: of the command line.
        packages: whose versions matter.
        code: digests of what was measured; the digests of all implementations by default.
    """
    from pytest_benchmark.utils import get_commit_info

    return {
        "kind": KINDS[kind].name,
        "version": VERSION,
        "datetime": datetime.now(UTC).isoformat(),
        "arguments": list(arguments),
        "machine_info": machine_info(),
        "commit_info": get_commit_info(),  # type: ignore[no-untyped-call]
        "versions": versions(packages),
        "code": code_digests() if code is None else dict(code),
    }


def write(content: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write a new record next to the others of its kind and return its path; none is ever overwritten.

    Args:
        content: a head, and what was measured.
        folder: where to; by default, the folder of this machine and kind.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = folder or RECORDS / machine_name() / content["kind"]
    folder.mkdir(parents=True, exist_ok=True)
    when_made = datetime.fromisoformat(content["datetime"])
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _NUMBER.fullmatch(path.name))]
    number = max(numbers, default=0)
    text = json.dumps(content, indent=1, default=str) + "\n"
    while True:
        number += 1
        path = folder / f"{number:04}_{content['commit_info']['id']}_{when_made:%Y%m%d_%H%M%S}.json"
        temporary = folder / f".{path.name}.{os.getpid()}.tmp"
        temporary.write_text(text, encoding="utf-8")
        try:
            os.link(temporary, path)  # Unlike a rename, it fails where the name is taken.
        except FileExistsError:
            continue
        finally:
            temporary.unlink()
        return path


def read(path: Path, kind: str) -> dict[str, Any]:
    """Read a record.

    Raises:
        RecordError: missing, damaged, of another kind, or of a version that is not read; the message says which.
    """
    row = KINDS[kind]
    again = f"delete it or run `{row.command}` again"
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; give a record") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not JSON: {error}; {again}") from None
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise RecordError(f"{path}: not a record of kind {kind}; {again}")
    version = content.get("version", 1)
    if not isinstance(version, int) or version > VERSION:
        raise RecordError(f"{path}: of version {version!r}, which is newer than {VERSION}; update this program")
    if version < row.oldest:
        raise RecordError(f"{path}: of version {version}, {kind} is read from {row.oldest} on; {again}")
    for name in (*row.fields, "datetime", "machine_info", "commit_info"):
        if name not in content:
            raise RecordError(f"{path}: {name} is missing; {again}")
    try:
        machine_of(content["machine_info"])
        dict(content.get("code", {}))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"{path}: damaged: {error!r}; {again}") from None
    return content


def machine_of(info: Mapping[str, Any]) -> str:
    """Return the name of the machine that a record comes from, as `impls.machine.machine_name` has it.

    Raises:
        KeyError, TypeError: the record does not say.
    """
    return folder_name(info["cpu"]["brand_raw"], info["cpu"]["count"])


def when(path: Path) -> str:
    """Return what records are ordered by: date and time in the name; the clock of the file system is no witness."""
    found = _WHEN.search(path.name)
    return f"{found[1] if found else ''} {path.name}"


def paths(folder: Path, kind: str) -> list[Path]:
    """Return the records of a kind below a folder, oldest first."""
    others = set(KINDS) - {kind}
    found = (path for path in folder.rglob("[0-9]*_*.json") if path.parent.name not in others)
    if kind != "bench":
        found = (path for path in found if path.parent.name == kind)
    return sorted(found, key=when)

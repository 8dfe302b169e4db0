"""A record holds the results of a run, with their proof, in one JSON file that is never changed afterwards.

Every record has a head: kind, version, time, command line, machine, commit, versions of packages, code digests.
The records of a machine lie below `bench/records/MACHINE/`, each kind in a folder of its own; git ignores them. The
records of the report that is committed lie below `reports/reference/records/` in the same way. No record holds a path
of a machine: all that is written goes through `portable`.
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
from itertools import chain
from pathlib import Path
from typing import Any

from bench.code import PACKAGES, code_digests, versions
from bench.places import portable, without_folder
from impls.errors import MergelabError
from impls.machine import cpu_name, folder_name, machine_name
from impls.system import cores, memory_bytes

RECORDS = Path(__file__).parent / "records"

REFERENCE = Path(__file__).parents[1] / "reports" / "reference" / "records"

VERSION = 2
"""Of the form of a record, under the key `record_version`. Version 1 had no such key."""


class RecordError(MergelabError):
    """A record cannot be used; the message is one line that names the record."""


@dataclass(frozen=True)
class Kind:
    """A kind of record.

    Attributes:
        name: the name in the record; also the name of the folder for records of this kind.
        command: the command line that makes a record of this kind, as people type it.
        program: the program that writes the record, as words; the arguments in the record complete the command line.
        fields: the fields that follow the head.
        oldest: the oldest version that is still read.
        formerly: the name of this kind in version 1, if it was different; otherwise empty.
    """

    name: str
    command: str
    program: tuple[str, ...]
    fields: tuple[str, ...]
    oldest: int = VERSION
    formerly: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of this kind in all versions of records."""
        return (self.name, self.formerly) if self.formerly else (self.name,)

    def reproduce(self, content: Mapping[str, Any]) -> str:
        """Return the command line that made a record; folders are left out of it, see `bench.places`."""
        return shlex.join([*self.program, *content.get("arguments", [])])


KINDS = {
    kind.name: kind
    for kind in (
        Kind("bench", "nox -s bench", ("python", "-m", "pytest"), ("benchmarks", "skipped"), oldest=1),
        Kind(
            "studies",
            "python -m bench studies",
            ("python", "-m", "bench"),
            ("studies", "scale"),
            formerly="sweeps",
        ),
        Kind("profiles", "nox -s profile", ("python", "-m", "profiles"), ("digests", "failures")),
        Kind("peers", "nox -s peers", ("python", "-m", "bench"), ("measurements", "corpus")),
        Kind("step", "nox -s step", ("python", "-m", "bench"), ("models", "operations"), formerly="lm"),
        Kind(
            "faults",
            "python -m bench fuzz --faults 100",
            ("python", "-m", "bench"),
            ("faults", "skipped", "kills", "seed", "seconds"),
        ),
    )
}
"""The table of kinds. pytest-benchmark writes the records of `bench`, to a folder whose name it chooses."""

GIVEN = ("bench", "--quiet", "--benchmark-quiet", "--benchmark-autosave")
"""Arguments of the benchmarks that the session gives by itself."""

_NUMBER = re.compile(r"(\d{4,})_.*\.json")

_WHEN = re.compile(r"_(\d{8}_\d{6})(?:_|\.|$)")


def cpu_info() -> dict[str, str | int]:
    """Return the facts that explain a time: the CPU, the cores that this process may use, the memory in bytes."""
    return {"brand_raw": cpu_name(), "count": cores(), "memory_bytes": memory_bytes()}


def machine_info() -> dict[str, Any]:
    """Return the description of the machine."""
    return {
        "cpu": cpu_info(),
        "machine": platform.machine(),
        "system": platform.system(),
        "release": platform.release(),
        "python_implementation": platform.python_implementation(),
        "python_version": platform.python_version(),
    }


def marks(kind: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the part of the head that all kinds of records share: kind, version and command line.

    Args:
        kind: a name of `KINDS`.
        arguments: the words of the command line.
    """
    return {
        "kind": KINDS[kind].name,
        "record_version": VERSION,
        "arguments": list(map(without_folder, arguments)),
    }


def head(
    kind: str, arguments: Sequence[str], packages: Sequence[str] = PACKAGES, code: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the head of a record: everything but the results.

    Args:
        kind: a name of `KINDS`.
        arguments: the words of the command line.
        packages: whose versions matter.
        code: digests of the code that was measured; the digests of all implementations by default.

    Raises:
        RecordError: pytest-benchmark, which reads the state of git, is not installed.
    """
    try:
        from pytest_benchmark.utils import get_commit_info
    except ModuleNotFoundError as error:
        raise RecordError(f"{error.name} is not installed; run pip install pytest-benchmark") from None
    return {
        **marks(kind, arguments),
        "datetime": datetime.now(UTC).isoformat(),
        "machine_info": machine_info(),
        "commit_info": get_commit_info(),  # type: ignore[no-untyped-call]
        "versions": versions(packages),
        "code": code_digests() if code is None else dict(code),
    }


def write(content: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write a new record next to the others of its kind and return its path; no record is ever overwritten.

    Args:
        content: a head, and the results.
        folder: where to write; by default, the folder of this machine and kind.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = folder or RECORDS / machine_name() / content["kind"]
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(portable(json.loads(json.dumps(content, default=str))), indent=1) + "\n"
    made = datetime.fromisoformat(content["datetime"])
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _NUMBER.fullmatch(path.name))]
    number = max(numbers, default=0)
    while True:
        number += 1
        path = folder / f"{number:04}_{content['commit_info']['id']}_{made:%Y%m%d_%H%M%S}.json"
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

    Args:
        path: the file.
        kind: a name of `KINDS`.

    Raises:
        RecordError: the record is missing or damaged, of another kind, or of a version that is not read; the message
            says which.
    """
    row = KINDS[kind]
    again = f"delete this record, or make a new one with `{row.command}`"
    try:
        content = json.loads(path.read_text("utf-8"))
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()  # Lone surrogates could not be printed.
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; give the path of a record") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not JSON: {error}; {again}") from None
    if not isinstance(content, dict) or content.get("kind") not in row.names:
        raise RecordError(f"{path}: is not a record of kind {kind}; {again}")
    _check_version(path, row, content.get("record_version", 1))
    for name in (*row.fields, "datetime", "machine_info", "commit_info"):
        if name not in content:
            raise RecordError(f"{path}: the field {name!r} is missing; {again}")
    try:
        machine_of(content["machine_info"])
        datetime.fromisoformat(content["datetime"])
        dict(content.get("code", {}))
        why_partial(content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"{path}: is damaged: {error!r}; {again}") from None
    return content


def _check_version(path: Path, row: Kind, version: object) -> None:
    """Refuse a record that this program cannot read, and name its version."""
    if not isinstance(version, int):
        raise RecordError(
            f"{path}: is damaged: record_version is {version!r}, not a whole number; delete this record"
        )
    if version > VERSION:
        raise RecordError(
            f"{path}: has version {version}, but only versions up to {VERSION} are read; update this program"
        )
    if version < row.oldest:
        raise RecordError(
            f"{path}: has version {version}, but records of kind {row.name} are read from version {row.oldest} on; "
            f"delete it, or make a new one with `{row.command}`"
        )


def machine_of(info: Mapping[str, Any]) -> str:
    """Return the name of the machine that a record comes from, in the form of `impls.machine.machine_name`.

    Raises:
        KeyError, TypeError: the record does not name the machine.
    """
    return folder_name(info["cpu"]["brand_raw"], info["cpu"]["count"])


def why_filtered(content: Mapping[str, Any]) -> str:
    """Return why a record lacks cases, or studies, or profiles; empty if it has all of its kind.

    A record of the benchmarks says how many cases it lacks. An older one does not; there the arguments tell.
    """
    words = [str(word) for word in content.get("arguments", []) if word not in GIVEN]
    if content["kind"] == "bench":
        lacks = content.get("unmeasured", any(not word.startswith("--benchmark-") for word in words))
    else:
        lacks = any(word.split("=")[0] == "--only" for word in words)
    return f"filtered, {f'made with {shlex.join(words)}' if words else 'ended early'}" if lacks else ""


def why_broken(content: Mapping[str, Any]) -> str:
    """Return why a record is that of a broken run; empty if nothing failed."""
    lists = (content.get(name, []) for name in ("measurements", "faults"))
    parts = [content, *content.get("studies", {}).values(), *chain.from_iterable(lists)]
    failed = any(part.get(name) for part in parts for name in ("error", "errors", "failures", "violations"))
    return "it has errors" if failed else ""


def why_partial(content: Mapping[str, Any]) -> str:
    """Return why a record of the benchmarks is no base of a report or a comparison; empty if it is one."""
    return why_filtered(content) or why_broken(content)


def when(path: Path) -> str:
    """Return the key that records are sorted by: date and time in the file name. File times may change."""
    found = _WHEN.search(path.name)
    return f"{found[1] if found else ''} {path.name}"


def paths(folder: Path, kind: str) -> list[Path]:
    """Return the records of a kind below a folder, oldest first, in all versions."""
    found = folder.rglob("[0-9]*_*.json")
    if kind == "bench":
        others = {name for row in KINDS.values() if row.name != kind for name in row.names}
        return sorted((path for path in found if path.parent.name not in others), key=when)
    return sorted((path for path in found if path.parent.name in KINDS[kind].names), key=when)

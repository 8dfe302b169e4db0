"""Cases as files: each case that found a fault is kept as a file, and the tests replay it from then on."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import AnyStr, NamedTuple

from bench.fuzz import KINDS
from bench.fuzz.kind import Case, Difference
from impls.errors import FileFormatError
from impls.storage import atomic_writer

CASES = Path(__file__).parents[2] / "tests" / "cases"

MINIMISING_SECONDS = 10.0


class Finding(NamedTuple):
    """A case for which the claim of its kind does not hold.

    Attributes:
        kind: the name of its kind of input.
        seed, number: the seed of the run, and the number of the case in the run.
    """

    kind: str
    seed: int
    number: int
    case: Case
    difference: Difference

    def paragraph(self, path: Path) -> str:
        """Return the finding in words: both results, and how to replay the case at `path`."""
        return (
            f"{self.kind}: seed {self.seed}, case {self.number}: expected {_short(self.difference.expected)}; "
            f"found {_short(self.difference.found)}. Content {_short(repr(self.case.content))} "
            f"({len(self.case.content)} bytes), parameters {_short(json.dumps(dict(self.case.parameters)))}. "
            f"Replay: python -m bench fuzz --replay {path}"
        )


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-80:]}"


def write(finding: Finding, folder: Path) -> Path:
    """Write a finding as a file of its own, named by kind and content, and return the path.

    Raises:
        FileFormatError: the folder cannot be written.
    """
    content = {
        "kind": finding.kind,
        "content": base64.b64encode(finding.case.content).decode(),
        "parameters": dict(finding.case.parameters),
        "seed": finding.seed,
        "number": finding.number,
        **finding.difference._asdict(),
    }
    text = json.dumps(content, indent=1) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{finding.kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    with atomic_writer(path) as file:
        file.write(text.encode())
    return path


def read(path: Path) -> tuple[str, Case]:
    """Return the kind and the case of a file that `write` wrote.

    Raises:
        FileFormatError: the file cannot be read, or is not a case.
    """
    try:
        content = json.loads(path.read_bytes())
        kind, case = content["kind"], Case(base64.b64decode(content["content"]), dict(content["parameters"]))
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give a file of tests/cases") from None
    except (ValueError, LookupError, TypeError, RecursionError, binascii.Error):
        raise FileFormatError(f"{path}: is not a case of the fuzzer; restore the file") from None
    if kind not in KINDS:
        raise FileFormatError(
            f"{path}: the kind {kind!r} is unknown; give a case of one of the kinds {', '.join(KINDS)}"
        )
    return kind, case


def minimised(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Return a smaller case that still fails: parts of the content are removed, large parts first."""
    try:
        kept = shortened(case.content.decode(), lambda text: fails(replace(case, content=text.encode())))
        return replace(case, content=kept.encode())
    except UnicodeDecodeError:
        return replace(case, content=shortened(case.content, lambda data: fails(replace(case, content=data))))


def shortened(content: AnyStr, fails: Callable[[AnyStr], bool]) -> AnyStr:
    """Remove ever smaller parts as long as `fails` says that the rest fails, for ten seconds at most."""
    end, size = perf_counter() + MINIMISING_SECONDS, (len(content) + 1) // 2
    while size and perf_counter() < end:
        place = 0
        while place < len(content) and perf_counter() < end:
            rest = content[:place] + content[place + size :]
            if fails(rest):
                content = rest
            else:
                place += size
        size //= 2
    return content

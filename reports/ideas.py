"""The sentences of the report about each implementation. Ideas are in the registry, and figures are in records."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from impls.registry import STAGES, implementations

FILE = Path(__file__).with_name("ideas.toml")


class Words(NamedTuple):
    """Two texts: `removes` says which work an implementation saves, `bound` says what limits its speed by design."""

    removes: str
    bound: str

    @property
    def removed(self) -> str:
        """The saved work in a few words, for a label: the first sentence of `removes`, shortened."""
        return re.split(r"[.:] ", f"{self.removes} ")[0].removeprefix("It removes ")


def ideas(path: Path = FILE) -> dict[str, Words]:
    """Return a dict: "stage/implementation" -> its words.

    Raises:
        OSError, ValueError, TypeError: the file cannot be read, or its fields are wrong.
    """
    with path.open("rb") as file:
        content = tomllib.load(file)
    return {f"{stage}/{impl}": Words(**words) for stage, rows in content.items() for impl, words in rows.items()}


def gaps(path: Path = FILE) -> list[str]:
    """Return a line for each implementation without words, and for words about an unknown implementation."""
    known = [f"{stage}/{row.name}" for stage in STAGES for row in implementations(stage)]
    told = ideas(path)
    return [
        *(f"{name} has no text in reports/{path.name}" for name in known if name not in told),
        *(f"{name} in reports/{path.name} is not in impls/registry.py" for name in told if name not in known),
    ]

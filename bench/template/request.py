"""A checked request for a new implementation: its stage, its name, and the implementation to copy."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from keyword import iskeyword
from typing import NamedTuple

from bench.child import ROOT
from impls import UsageError
from impls.errors import shown
from impls.registry import STAGES, Impl, implementations

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Request(NamedTuple):
    """A new implementation.

    Attributes:
        name: a free name; its module is `impls/STAGE/NAME.py`.
        parent: the implementation of the same stage that it is a copy of.
    """

    name: str
    parent: Impl

    @property
    def stage(self) -> str:
        """The stage of the parent, and so of the new implementation."""
        return self.parent.stage

    @property
    def class_name(self) -> str:
        """The class of a new encoder, such as LruEncoder; counters and trainers are functions."""
        return f"{''.join(part.capitalize() for part in self.name.split('_'))}Encoder"

    def row(self) -> Impl:
        """Return the new row of the registry: the row of the parent with new names, and an idea to be filled in."""
        _, attribute = self.parent.target.split(":")
        target = f"impls.{self.stage}.{self.name}:{self.class_name if self.stage == 'encode' else attribute}"
        idea = f"a copy of {self.parent.name}: say here what it changes"
        return replace(self.parent, name=self.name, target=target, idea=idea, parent=self.parent.name)


def request(place: str, parent: str) -> Request:
    """Return the request that "STAGE/NAME" and the name of a parent make.

    Raises:
        UsageError: the stage or parent is unknown, or the name cannot be used; the message says why.
    """
    stage, _, name = place.partition("/")
    if stage not in STAGES:
        known = ", ".join(STAGES)
        raise UsageError(f"{shown(place)}: unknown stage {shown(stage)}; give STAGE/NAME with a stage of {known}")
    check_name(stage, name)
    return Request(name, find_parent(stage, parent))


def find_parent(stage: str, name: str) -> Impl:
    """Return the registry's row of the parent.

    Raises:
        UsageError: the stage has no such row.
    """
    rows = {row.name: row for row in implementations(stage)}
    if name in rows:
        return rows[name]
    others = [other for other in STAGES if name in (row.name for row in implementations(other))]
    found = f"is an implementation of {' and '.join(others)}, not of {stage}" if others else f"is not one of {stage}"
    raise UsageError(f"--from: {shown(name)} {found}; choose one of {', '.join(rows)}")


def check_name(stage: str, name: str) -> None:
    """Check that a new module of a stage can have this name.

    Raises:
        UsageError: the name cannot be used; the message says why.
    """
    place = f"{stage}/{name}"
    if not _NAME.fullmatch(name):
        raise UsageError(f"{shown(place)}: {shown(name)} is no name of a module; give small letters, digits and _")
    if iskeyword(name):
        raise UsageError(f"{place}: {name} is a word of Python; choose another name")
    if (ROOT / "impls" / stage / f"{name}.py").exists() or name in (row.name for row in implementations(stage)):
        raise UsageError(f"{place}: exists already; choose another name")
    if find_spec(name) or hasattr(import_module(f"impls.{stage}"), name):
        raise UsageError(f"{place}: modules import something else by the name {name}; choose another name")

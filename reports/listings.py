"""The code of an implementation for the report: the difference to its parent, or else its key function."""

from __future__ import annotations

import ast
import difflib
from typing import NamedTuple

from bench.code import path_of
from impls.registry import Impl, implementations, parent_of
from reports.diagrams import ROOT

LONGEST = 60
"""The most lines that an excerpt has."""

ALIKE = 0.35
"""If so large a share of two functions is equal, their difference is shown."""


class Excerpt(NamedTuple):
    """Some lines of a source.

    Attributes:
        text: the lines.
        language: "python", or "diff" if the lines are the difference to the code of the parent.
        path: the path of the file, from the root of the project.
        left_out: how many lines follow that the excerpt does not show.
    """

    text: str
    language: str
    path: str
    left_out: int


def excerpts(stage: str) -> dict[str, Excerpt]:
    """Return the code of each implementation of a stage by its name."""
    codes = {row.name: _key_code(row) for row in implementations(stage)}
    parents = {row.name: parent_of(row) for row in implementations(stage)}
    before = {name: codes[parent.name][1] if parent else "" for name, parent in parents.items()}
    return {name: _excerpt(before[name], code, path) for name, (path, code) in codes.items()}


def _key_code(row: Impl) -> tuple[str, str]:
    """Return the path of the source, and the code of the main function or class; else the code of the whole file."""
    module, name = (row.kernel or row.target).split(":")
    path = path_of(module)
    text = (ROOT / path).read_text("utf-8")
    body = ast.parse(text).body
    defined = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    node = defined.get(name) or defined.get(_maker(body, name))
    return path, (ast.get_source_segment(text, node) if node else None) or text


def _maker(body: list[ast.stmt], name: str) -> str:
    """Return the name of the function whose result a module assigns to `name`; empty if there is no such function."""
    makers = (
        call.func.id
        for node in body
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
        for call in ast.walk(node.value)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    )
    return next(makers, "")


def _excerpt(before: str, code: str, path: str) -> Excerpt:
    old, new = before.splitlines(), code.splitlines()
    alike = old != new and difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() >= ALIKE
    lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:] if alike else new
    shown = lines[:LONGEST]
    return Excerpt("\n".join(shown), "diff" if alike else "python", path, len(lines) - len(shown))

"""The texts of a new implementation: its module, and its entries in the files that list every implementation.

Most functions take the content of a file, and return it with a new entry right after the entry of the parent.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import fields
from textwrap import fill

from bench.template.request import Request
from impls import MergelabError
from impls.registry import Impl

POSITIONAL = ("stage", "name", "target", "idea")
"""Fields that the code of a row passes by position, without their names."""


def module(text: str, request: Request) -> str:
    """Return the parent's module under the new name, with a docstring that asks for the idea."""
    old, new = (row.target.split(":")[1] for row in (request.parent, request.row()))
    docstring = ast.parse(text).body[0]
    lines = text.splitlines(keepends=True)[docstring.end_lineno :]
    return f'"""{header(request)}\n"""\n' + re.sub(rf"\b{old}\b", new, "".join(lines))


def header(request: Request) -> str:
    """Return the docstring of the new module."""
    parent = request.parent.name
    told = f"What it changes over `{parent}`: say it here, in one sentence.\n\nUntil then it is a copy of `{parent}`."
    if not request.parent.compiled:
        return told
    shared = f"It shares the kernels of `{parent}` in `impls/kernels/`."
    return f"{told}\n\n{shared} Copy a kernel under a new name before you change it."


def registry(text: str, request: Request) -> str:
    """Return the table of implementations with the new row right after the row of the parent."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and [ast.unparse(word) for word in node.args[:2]] == [
            repr(request.stage),
            repr(request.parent.name),
        ]:
            return _inserted(text, node.end_lineno or 0, row(request.row()))
    raise _missing("impls/registry.py", request)


def row(impl: Impl) -> str:
    """Return a row as code, in a form that ruff does not change."""
    words = []
    for field in fields(impl):
        value = getattr(impl, field.name)
        word = json.dumps(value) if isinstance(value, str) else repr(value)
        if field.name in POSITIONAL:
            words.append(word)
        elif value != field.default:
            words.append(f"{field.name}={word}")
    return "".join(["    Impl(\n", *(f"        {word},\n" for word in words), "    ),\n"])


def ideas(text: str, request: Request) -> str:
    """Return the words about implementations with a new section right after the section of the parent."""
    sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    for index, section in enumerate(sections):
        if section.startswith(f"[{request.stage}.{request.parent.name}]\n"):
            told = (
                f"[{request.stage}.{request.name}]\n"
                f'removes = "It removes nothing yet: say here what it removes beside {request.parent.name}."\n'
                f'bound = "the same as {request.parent.name}: say here what bounds it"\n'
            )
            last = index == len(sections) - 1
            sections[index] = f"{section}\n{told}" if last else f"{section}{told}\n"
            return "".join(sections)
    raise _missing("reports/ideas.toml", request)


def tour(text: str, request: Request) -> str:
    """Return the tour with a new step after the step of the parent; later steps of the same list get new numbers."""
    items = re.split(r"^(?=\d+\. |\n)", text, flags=re.MULTILINE)
    link = f"](impls/{request.stage}/{request.parent.target.split(':')[0].rpartition('.')[2]}.py)"
    for index, item in enumerate(items):
        if (number := re.match(r"\d+", item)) and link in item:
            place = f"impls/{request.stage}/{request.name}.py"
            told = f"[{place}]({place}): a copy of `{request.parent.name}`; say here what it changes."
            told = f"{int(number[0]) + 1}. {told}"
            new = fill(told, 118, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False) + "\n"
            return "".join([*items[: index + 1], new, *_renumbered(items[index + 1 :])])
    raise _missing("TOUR.md", request)


def _renumbered(items: list[str]) -> list[str]:
    """Raise by one the numbers of the steps at the beginning of `items`, up to the end of their list."""
    end = next((index for index, item in enumerate(items) if not item[:1].isdigit()), len(items))
    return [re.sub(r"^\d+", lambda found: str(int(found[0]) + 1), item) for item in items[:end]] + items[end:]


def workloads(text: str, request: Request) -> str:
    """Return the table of workloads, in which each workload that leaves out the parent also leaves out the copy."""
    skip = rf'^"{request.stage}/{request.parent.name}"( = .*\n)'
    return re.sub(skip, rf'\g<0>"{request.stage}/{request.name}"\g<1>', text, flags=re.MULTILINE)


def _inserted(text: str, line: int, new: str) -> str:
    """Put new lines after a line; lines are counted from 1."""
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], new, *lines[line:]])


def _missing(file: str, request: Request) -> MergelabError:
    return MergelabError(
        f"{file}: {request.stage}/{request.parent.name} is not there; restore it, nothing was written"
    )

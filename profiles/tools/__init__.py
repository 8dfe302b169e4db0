"""The tools, one module per tool. For a new tool, write a module with a row `TOOL`, and add its name below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from profiles.tools.tool import Tool

NAMES = ("cprofile", "scalene", "memray", "rss", "speedscope", "counters", "cachegrind", "hardware", "torch")
"""In the order of the listing and of the suite."""


def load(name: str) -> Tool:
    """Import the module of a tool and return its row. `name`: a name of `NAMES`, or "plain"."""
    tool: Tool = import_module(f"profiles.tools.{name}").TOOL
    return tool

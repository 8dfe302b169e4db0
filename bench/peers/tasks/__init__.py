"""The tasks that are timed, each in a process of its own: `python -m bench.peers.tasks JSON`.

A task first prepares, then works, and then its output is hashed; only the work is timed. If the whole process is
measured, the clock starts before the process does. A side must then pay only for its own imports. So a process
imports only the module of its task, and the function of the task makes all further imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.peers.tasks.task import Task

TASKS = {
    "train_ours": "training",
    "train_peer": "training",
    "merges_ours": "training",
    "merges_gigatoken": "training",
    "count_ours": "training",
    "count_gigatoken": "training",
    "tables_ours": "training",
    "array_ours": "encoding",
    "array_gigatoken": "encoding",
    "file_ours": "encoding",
    "file_gigatoken": "encoding",
    "stream_ours": "encoding",
    "list_ours": "encoding",
    "list_peer": "encoding",
    "calls_ours": "encoding",
    "calls_peer": "encoding",
    "ready": "starting",
    "import_numba": "starting",
}
"""Name -> module; a task has the same name in its module."""


def load(name: str) -> Task:
    """Import the module of a task and return the task."""
    found: Task = getattr(import_module(f"bench.peers.tasks.{TASKS[name]}"), name)
    return found

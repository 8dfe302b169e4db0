"""Search for faults with random inputs. A new kind of input is a new module in this folder, and its name below.

The kind, the seed and the number of a case decide its input, so the same command line finds the same faults again.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.fuzz.kind import Kind

KINDS = (
    "scans",
    "cuts",
    "specials",
    "utf8",
    "vocabularies",
    "trainers",
    "peer_trainers",
    "peer_encoders",
    "tokenizer_folders",
    "gpt2_files",
    "records",
    "checkpoints",
    "exports",
    "configs",
)
"""Names, in the order in which they run; the kind NAME is `KIND` of the module `bench.fuzz.NAME`."""


def load(name: str) -> Kind:
    """Import the module of a kind of input, and return the kind.

    Raises:
        ModuleNotFoundError: a package that the kind needs is missing.
    """
    kind: Kind = import_module(f"bench.fuzz.{name}").KIND
    return kind

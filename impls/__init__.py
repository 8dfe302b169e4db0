"""mergelab: interchangeable BPE trainers and encoders that share one contract and give identical outputs.

Each name below is imported on its first use, so a program that needs one module does not load the other modules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impls.definition import Definition
    from impls.errors import FileFormatError, InvalidUtf8Error, MergelabError, UsageError
    from impls.pipeline import train_bpe
    from impls.stream_decoder import StreamDecoder
    from impls.tokenizer import Tokenizer

__all__ = [
    "Definition",
    "FileFormatError",
    "InvalidUtf8Error",
    "MergelabError",
    "StreamDecoder",
    "Tokenizer",
    "UsageError",
    "train_bpe",
]

_HOMES = {
    "Definition": "impls.definition",
    "StreamDecoder": "impls.stream_decoder",
    "Tokenizer": "impls.tokenizer",
    "train_bpe": "impls.pipeline",
}


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "impls.errors")), name)

"""mergelab: byte-level BPE tokenizers, trained and applied by the fastest of several implementations.

The public names are the names of `impls`, and each is imported on its first use. `python -m mergelab` is the command
`mergelab`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import impls

if TYPE_CHECKING:
    from impls import (
        Definition,
        FileFormatError,
        InvalidUtf8Error,
        MergelabError,
        StreamDecoder,
        Tokenizer,
        UsageError,
        train_bpe,
    )

    __version__: str

__all__ = [
    "Definition",
    "FileFormatError",
    "InvalidUtf8Error",
    "MergelabError",
    "StreamDecoder",
    "Tokenizer",
    "UsageError",
    "__version__",
    "train_bpe",
]


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Import a public name on its first use (PEP 562)."""
    if name == "__version__":
        from impls.version import version

        return version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(impls, name)


if __name__ == "__main__":
    from impls.__main__ import start

    start("python -m mergelab")

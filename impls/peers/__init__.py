"""Peers: tokenizers of other projects behind our interfaces, to compare outputs and speed; see the extra `peers`.

The rows of the table below have the type of the registry's rows, but peers are not in the registry. No peer can train
from pretokens, so the trainer of a peer takes a file and returns merges (`trainers.PeerTrainer`). The encoder of a
peer is a `contract.Encoder`. The package of a peer is imported only when the peer is loaded. Nothing else in `impls`
imports `impls.peers`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from impls.errors import UsageError
from impls.registry import Impl

PEERS = (
    Impl(
        "train",
        "gigatoken",
        "impls.peers.trainers:GigatokenTrainer",
        "vectorised split, private tables per thread; an ordered set of positions per pair",
        "gigatoken",
    ),
    Impl(
        "train",
        "rustbpe",
        "impls.peers.trainers:RustbpeTrainer",
        "unique pretokens counted in parallel, lazy heap of pairs",
        "rustbpe",
    ),
    Impl(
        "train",
        "huggingface",
        "impls.peers.trainers:HuggingFaceTrainer",
        "unique pretokens counted in parallel, lazy heap of pairs, pretokens updated in parallel",
        "tokenizers",
    ),
    Impl(
        "encode",
        "gigatoken",
        "impls.peers.encoders:GigatokenEncoder",
        "vectorised split, private cache of pretokens per thread",
        "gigatoken",
    ),
    Impl(
        "encode",
        "tiktoken",
        "impls.peers.encoders:TiktokenEncoder",
        "regular expression, whole pretokens looked up, the others merged",
        "tiktoken",
    ),
    Impl(
        "encode",
        "huggingface",
        "impls.peers.encoders:HuggingFaceEncoder",
        "regular expression, shared cache of pretokens, batches in parallel",
        "tokenizers",
    ),
)


def peers(stage: str) -> tuple[Impl, ...]:
    """Return the rows of "train" or "encode"."""
    return tuple(row for row in PEERS if row.stage == stage)


def load_peer(stage: str, name: str) -> Any:
    """Import and return a peer's trainer class or encoder class.

    Raises:
        UsageError: no such peer, or its package is not installed.
    """
    rows = {row.name: row for row in peers(stage)}
    if name not in rows:
        remedy = f"choose one of {', '.join(rows)}" if rows else "choose another stage"
        raise UsageError(f"peer: unknown peer {name!r} for stage {stage!r}; {remedy}")
    try:
        import_module(rows[name].package)
    except ModuleNotFoundError:
        package = rows[name].package
        raise UsageError(f"peer {name}: {package} is not installed; run pip install 'mergelab[peers]'") from None
    return rows[name].load()

"""Tasks that show how soon a new process can work."""

from __future__ import annotations

from pathlib import Path

from bench import SPECIAL_TOKENS
from bench.peers.tasks.task import Work, of_ids, task
from bench.peers.tasks.training import train_ours


@task(of_ids)
def ready(path: str, trainer: str, encoder: str) -> Work:
    """Import the package, then train on and encode a small text in compiled code."""

    def work() -> list[int]:
        from impls import Tokenizer
        from impls.contract import N_BYTES

        merges = train_ours.prepare(path, 300, trainer, "greatest")()
        vocab = dict(enumerate([bytes([byte]) for byte in range(N_BYTES)] + [left + right for left, right in merges]))
        return Tokenizer(vocab, merges, SPECIAL_TOKENS, impl=encoder).encode(Path(path).read_bytes().decode())

    return work


@task(of_ids)
def import_numba() -> Work:
    """Import Numba."""

    def work() -> list[int]:
        import numba  # noqa: F401

        return []

    return work

"""Measurements of training: the whole training, and each of its two stages by itself."""

from __future__ import annotations

from typing import Any

from bench import PATTERN
from bench.peers.inputs import PeerInputs
from bench.peers.measurement import Measurement, Row, Side, ratio
from impls.patterns import PATTERNS
from impls.registry import implementations, most_advanced

COMPILED = most_advanced("train", compiled=True).name
"""The trainer of our warm sides."""


def training(inputs: PeerInputs) -> Measurement:
    """Train, from the file to merges."""
    job = {"path": str(inputs.path), "vocab_size": inputs.vocab_size}
    warm = {"path": str(inputs.small), "vocab_size": 300}
    ours = {**job, "impl": "auto", "tie_break": "huggingface"}
    same, other = "merges, ties as in HF tokenizers", "merges, ties to the smallest ids"

    def peer(name: str, tie_break: str = "huggingface") -> dict[str, Any]:
        return {**job, "name": name, "tie_break": tie_break, "expression": f"regex:{PATTERNS[PATTERN]}"}

    return Measurement(
        (
            Side("ours", "train_ours", ours, same),
            Side("gigatoken", "train_peer", peer("gigatoken"), same),
            Side("rustbpe", "train_peer", peer("rustbpe", "smallest_ids"), other),
            Side("HF tokenizers", "train_peer", peer("huggingface"), same),
            Side("ours, warm", "train_ours", {**ours, "impl": COMPILED}, same, warm),
            Side("gigatoken, warm", "train_peer", peer("gigatoken"), same, warm),
            Side("rustbpe, warm", "train_peer", peer("rustbpe", "smallest_ids"), other, warm),
            # No implementation of ours has rustbpe's rule for ties; gigatoken has both rules.
            Side("smallest ids", "train_peer", peer("gigatoken", "smallest_ids"), other, witness=True),
        ),
        (
            ratio("train, file to merges, whole process: gigatoken", "ours", "gigatoken", 3),
            ratio("the same: rustbpe", "ours", "rustbpe", 5),
            ratio("the same: HF tokenizers", "ours", "HF tokenizers", 20),
            ratio("the same in a warm process: gigatoken", "ours, warm", "gigatoken, warm"),
            ratio("the same in a warm process: rustbpe", "ours, warm", "rustbpe, warm"),
        ),
    )


def counting(inputs: PeerInputs) -> Measurement:
    """Count, from the file to unique pretokens with counts."""
    job, warm = {"path": str(inputs.path)}, {"path": str(inputs.small)}
    return Measurement(
        (
            Side("ours", "count_ours", {**job, "workers": None}, "pretokens with counts", warm),
            Side("gigatoken", "count_gigatoken", job, "pretokens with counts", warm),
        ),
        (ratio("count pretokens, all cores, warm process: gigatoken", "ours", "gigatoken", 1.5),),
    )


def merging(inputs: PeerInputs) -> Measurement:
    """Train from counted pretokens to merges."""
    job = {"path": str(inputs.path), "vocab_size": inputs.vocab_size}
    warm = {"path": str(inputs.small), "vocab_size": 300}
    peer = {**job, "name": "gigatoken", "tie_break": "huggingface", "expression": ""}
    return Measurement(
        (
            Side("ours", "merges_ours", job, "merges", warm),
            Side("gigatoken", "merges_gigatoken", peer, "merges", warm),
        ),
        (ratio("merge loop, warm process: gigatoken's total less its counting", "ours", "gigatoken", 4),),
    )


def small_training(inputs: PeerInputs) -> Measurement:
    """Train on a small text in a process that finds no compiled code."""
    path = inputs.part(min(133_000, inputs.text.n_bytes))
    job = {"path": str(path), "vocab_size": 500, "impl": "auto", "tie_break": "greatest"}
    size = path.stat().st_size
    return Measurement(
        (Side("ours", "train_ours", job, empty_cache=True),),
        (
            Row(
                f"train on {size / 1e3:,.0f} KB to 500, whole process, empty cache",
                lambda outcomes: float(outcomes["ours"]["seconds"]),
                ("ours", ""),
                1,
                at_least=False,
                unit="s",
            ),
        ),
    )


def naive_to_fastest(inputs: PeerInputs) -> Measurement:
    """Train with the simplest trainer and with the most advanced one."""
    simplest = implementations("train")[0].name
    path = inputs.part(min(100_000, inputs.text.n_bytes))
    job = {"path": str(path), "vocab_size": 320, "tie_break": "greatest"}
    warm = {"path": str(inputs.small), "vocab_size": 260}
    size = path.stat().st_size
    return Measurement(
        (
            Side("fastest", "train_ours", {**job, "impl": COMPILED}, "merges", warm, repeats=5),
            Side(simplest, "train_ours", {**job, "impl": simplest}, "merges", warm),
        ),
        (ratio(f"train on {size / 1e3:,.0f} KB to 320, file to merges, warm: {simplest}", "fastest", simplest),),
    )

"""The content of a record of peers after the head: corpus, vocabulary, and every sample of every side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers.inputs import PeerInputs
from bench.peers.measurement import Row, Side
from bench.peers.render import row_values, verdict
from bench.peers.runner import Result
from bench.places import as_line, without_folder
from bench.record import head
from data.fetch import sha256_of

PACKAGES = ("awkward", "gigatoken", "numba", "numpy", "regex", "rustbpe", "tiktoken", "tokenizers")
"""Packages whose versions matter."""


def content(results: Sequence[Result], inputs: PeerInputs, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the content of a record of kind "peers".

    Args:
        results: the result of each measurement.
        inputs: the texts and the vocabulary.
        arguments: the words of the command line.
    """
    return {
        **head("peers", arguments, PACKAGES),
        "corpus": {"name": without_folder(inputs.corpus), "bytes": inputs.text.n_bytes, "sha256": inputs.sha256},
        "large_bytes": inputs.large_bytes,
        "vocab_size": inputs.vocab_size,
        "vocabulary_files": [{"name": path.name, "sha256": sha256_of(path)} for path in inputs.files or ()],
        "measurements": [of_result(result) for result in results],
    }


def of_result(result: Result) -> dict[str, Any]:
    """Return all samples of a measurement, and the rows that were computed from the samples."""
    rows = result.measurement.rows if result.measurement and not result.error else ()
    sides = result.measurement.sides if result.measurement else ()
    return {
        "id": result.id,
        "error": as_line(result.error),
        "sides": [{**_of_side(side), "samples": result.samples.get(side.name, [])} for side in sides],
        "rows": [_of_row(row, row_values(row, result)) for row in rows],
    }


def _of_side(side: Side) -> dict[str, Any]:
    return {**vars(side), "arguments": _of_arguments(side.arguments), "warm": side.warm and _of_arguments(side.warm)}


def _of_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: without_folder(value) if isinstance(value, str) else value for name, value in arguments.items()}


def _of_row(row: Row, values: list[float]) -> dict[str, Any]:
    return {
        "work": row.work,
        "bar": row.bar,
        "at_least": row.at_least,
        "unit": row.unit,
        "metric": row.metric,
        "sides": row.sides,
        "values": values,
        "verdict": verdict(row, values),
    }

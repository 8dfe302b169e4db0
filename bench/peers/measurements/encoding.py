"""Measurements of encoding: to a file, to an array, to a list, in small calls."""

from __future__ import annotations

from bench.peers.inputs import PeerInputs
from bench.peers.measurement import MEGABYTE, Measurement, Side, ratio

ENCODE_BYTES = 512 * MEGABYTE
"""Size of the file that is encoded, unless the largest text asked for is smaller."""

STRING_BYTES = 64 * MEGABYTE
"""At most this much becomes a list of ids at once."""


def encoding_a_file(inputs: PeerInputs) -> Measurement:
    """Encode a large file to a file of ids, from the start of the process. Our side waits for the disk."""
    dtype = inputs.definition.id_dtype
    text = inputs.part(min(ENCODE_BYTES, inputs.large_bytes))
    size = text.stat().st_size
    job = {"tokenizer": str(inputs.saved), "path": str(text), "output": str(inputs.output)}
    return Measurement(
        (
            Side("ours", "file_ours", job, "file of ids"),
            Side("gigatoken", "file_gigatoken", {**job, "dtype": dtype.str}, "file of ids"),
        ),
        (
            ratio(
                f"encode {size / 1e6:,.0f} MB, file to {dtype} file, whole process: gigatoken", "ours", "gigatoken", 1
            ),
            ratio("the same: peak RSS", "ours", "gigatoken", metric="peak_rss"),
        ),
    )


def encoding_to_an_array(inputs: PeerInputs) -> Measurement:
    """Encode bytes to an array, with a new tokenizer in a warm process."""
    job = {"tokenizer": str(inputs.saved), "path": str(inputs.path)}
    warm = {"path": str(inputs.small)}
    return Measurement(
        (
            Side("ours", "array_ours", job, "ids", warm, repeats=3),
            Side("gigatoken", "array_gigatoken", job, "ids", warm, repeats=3),
        ),
        (ratio("encode bytes to array, new tokenizer, all cores: gigatoken", "ours", "gigatoken", 1),),
    )


def encoding_to_a_list(inputs: PeerInputs) -> Measurement:
    """Encode a string to a list of ids, on one core."""
    size = min(STRING_BYTES, inputs.text.n_bytes)
    job = {"tokenizer": str(inputs.saved), "path": str(inputs.part(size))}
    warm = {"path": str(inputs.small)}
    return Measurement(
        (
            Side("ours", "list_ours", job, "ids", warm, cpus=1),
            Side("tiktoken", "list_peer", {**job, "name": "tiktoken"}, "ids", warm, cpus=1),
            Side("gigatoken", "list_peer", {**job, "name": "gigatoken"}, "ids", warm, cpus=1),
        ),
        (
            ratio(
                f"encode {size / 1e6:,.1f} MB, str to list, new tokenizer, one core: tiktoken", "ours", "tiktoken", 5
            ),
            ratio("the same: gigatoken", "ours", "gigatoken"),
        ),
    )


def small_calls(inputs: PeerInputs) -> Measurement:
    """Encode 100 bytes per call."""
    job = {"tokenizer": str(inputs.saved), "path": str(inputs.path)}
    return Measurement(
        (
            Side("ours", "calls_ours", job, "ids of all calls", {}, repeats=5, cpus=1),
            Side("tiktoken", "calls_peer", {**job, "name": "tiktoken"}, "ids of all calls", {}, repeats=5, cpus=1),
            Side("gigatoken", "calls_peer", {**job, "name": "gigatoken"}, "ids of all calls", {}, repeats=5, cpus=1),
        ),
        (
            ratio("encode 100 bytes, str to list, per call: tiktoken", "ours", "tiktoken", 1),
            ratio("the same: gigatoken", "ours", "gigatoken"),
        ),
    )

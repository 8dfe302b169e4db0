"""The table of measurements: id -> the function that builds the measurement from the inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.peers.inputs import PeerInputs
from bench.peers.measurement import Measurement
from bench.peers.measurements import encoding, growth, training

MEASUREMENTS: Mapping[str, Callable[[PeerInputs], Measurement]] = {
    "P.1": training.training,
    "P.2": training.counting,
    "P.3": training.merging,
    "P.4": encoding.encoding_a_file,
    "P.5": encoding.encoding_to_an_array,
    "P.6": encoding.encoding_to_a_list,
    "P.7": encoding.small_calls,
    "P.8": growth.memory,
    "P.9": growth.start_up,
    "P.10": growth.growth,
    "P.11": growth.two_workers,
    "P.12": training.small_training,
    "P.13": training.naive_to_fastest,
}

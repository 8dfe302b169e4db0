"""The two parts of a task: its work, and the description of its output."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Work = Callable[[], Any]

Pairs = list[tuple[bytes, bytes]]


class Facts(NamedTuple):
    """The description of an output, by which outputs are compared.

    Attributes:
        digest: the digest of the output.
        n: the number of merges, unique pretokens or ids.
        n_bytes: the size of the output's arrays in bytes, for tasks that report it.
        seconds: replaces the measured time, if the output itself holds a better time.
    """

    digest: str
    n: int
    n_bytes: int = 0
    seconds: float | None = None


class Task(NamedTuple):
    """A piece of work that can be timed.

    Attributes:
        prepare: takes the arguments and returns the call that is timed.
        facts: takes the output of the timed call and the measured seconds; describes the output.
    """

    prepare: Callable[..., Work]
    facts: Callable[[Any, float], Facts]


def task(facts: Callable[[Any, float], Facts]) -> Callable[[Callable[..., Work]], Task]:
    """Make a task from the function that prepares its work."""
    return lambda prepare: Task(prepare, facts)


def sha256(parts: Iterable[bytes]) -> str:
    """Hash byte strings, each with its length, so that ["ab", "c"] and ["a", "bc"] have different hashes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def of_merges(merges: Pairs, _: float) -> Facts:
    """Describe merges by their digest and number."""
    return Facts(sha256(token for pair in merges for token in pair), len(merges))


def of_ids(ids: Any, _: float) -> Facts:
    """Describe ids: a list, or an array of any integer type."""
    import numpy as np

    array = np.asarray(ids, np.uint32)
    return Facts(hashlib.sha256(array.data).hexdigest(), len(array), array.nbytes)

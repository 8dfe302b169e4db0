"""Tasks, and how their outputs are described."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

Work = Callable[[], Any]

Pairs = list[tuple[bytes, bytes]]


class Facts(NamedTuple):
    """The description of an output, by which outputs are compared.

    Attributes:
        digest: of the output.
        n: the number of merges, unique pretokens or ids.
        n_bytes: the size of the arrays, where it is asked for.
        seconds: replaces the measured time where the output carries a better one.
    """

    digest: str
    n: int
    n_bytes: int = 0
    seconds: float | None = None


class Task(NamedTuple):
    """A piece of work.

    Attributes:
        prepare: takes the arguments and returns the call that is timed.
        facts: takes the output of that call and the measured seconds, and describes the output.
    """

    prepare: Callable[..., Work]
    facts: Callable[[Any, float], Facts]


def task(facts: Callable[[Any, float], Facts]) -> Callable[[Callable[..., Work]], Task]:
    """Make a task of a function that prepares it."""
    return lambda prepare: Task(prepare, facts)


def sha256(parts: Iterable[bytes]) -> str:
    """Hash byte strings with their lengths, so that their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def of_merges(merges: Pairs, _: float) -> Facts:
    """Describe merges."""
    return Facts(sha256(token for pair in merges for token in pair), len(merges))


def of_ids(ids: Any, _: float) -> Facts:
    """Describe ids: a list, or an array of any integer type."""
    import numpy as np

    array = np.asarray(ids, np.uint32)
    return Facts(hashlib.sha256(array.data).hexdigest(), len(array), array.nbytes)

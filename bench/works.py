"""The work of each stage on an input: the work that profiles look into and that trials time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.inputs import WORKERS, Inputs, count
from impls.registry import Impl


@dataclass(frozen=True)
class Work:
    """A call that can be made again and again.

    Attributes:
        call: the work.
        setup: returns the arguments of one call; it is no part of the work.
    """

    call: Callable[..., Any]
    setup: Callable[[], tuple[Any, ...]] = tuple

    def prepared(self) -> Callable[[], Any]:
        """Return one call, its arguments made."""
        return partial(self.call, *self.setup())


def _count(impl: Impl, inputs: Inputs, workers: int) -> Work:
    return Work(partial(count, impl, inputs.text, workers))


def _train(impl: Impl, inputs: Inputs, workers: int) -> Work:
    del workers
    return Work(partial(impl.load(), inputs.pretokens, n_merges=inputs.n_merges))


def _encode(impl: Impl, inputs: Inputs, workers: int) -> Work:
    content = inputs.content
    return Work(
        lambda encode: encode(content, workers=workers), lambda: (inputs.tokenizer(impl.name).encode_to_array,)
    )


_WORKS: dict[str, Callable[[Impl, Inputs, int], Work]] = {"count": _count, "train": _train, "encode": _encode}


def work_of(impl: Impl, inputs: Inputs, workers: int = WORKERS) -> Work:
    """Return the work of an implementation: to count a file, train on pretokens, or encode with a new encoder."""
    return _WORKS[impl.stage](impl, inputs, workers)

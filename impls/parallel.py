"""Work on many items in threads, results in order, only a few of them under way at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from impls.errors import MergelabError

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, computed by `workers` threads, or by this one if there is only one.

    At most two results a worker wait to be taken, so that memory stays bounded. An exception stops the rest.

    Raises:
        MergelabError: the system starts no thread.
    """
    if workers == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            try:
                waiting.append(pool.submit(function, item))
            except RuntimeError as error:
                raise MergelabError(f"{error}; free some memory or processes, or take fewer workers") from None
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

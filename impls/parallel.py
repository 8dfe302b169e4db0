"""Work on many items in threads; results come in the order of the items, and few results wait to be taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from impls.errors import MergelabError

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, computed by `workers` threads, or in the calling thread if `workers=1`.

    At most two results per worker wait to be taken, so memory stays bounded. After an exception, no further item is
    started.

    Raises:
        MergelabError: the system cannot start a thread.
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
                raise MergelabError(f"{error}; free memory, end other processes, or use fewer workers") from None
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

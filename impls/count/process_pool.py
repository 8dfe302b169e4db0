"""Count ranges of the file in several processes. Unlike `finditer`, this counter uses every core.

A worker gets two numbers and reads its own bytes, so no text is ever pickled. A worker sends back one mapping per
range. Ranges are few and large, so adding up the mappings takes little time.
"""

from __future__ import annotations

import collections
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import active_children, get_context, parent_process

from impls.contract import Pretokens
from impls.errors import MergelabError
from impls.inputs.text import Text
from impls.patterns import Splitter
from impls.system import blocked

MIN_RANGE_BYTES = 1 << 20
MAX_RANGE_BYTES = 1 << 24


def count_range(
    byte_range: tuple[int, int], text: Text, pattern: str, special_tokens: Sequence[str]
) -> collections.Counter[str]:
    """Count the pretokens of one byte range; runs in a worker."""
    splitter = Splitter(pattern, special_tokens)
    return collections.Counter(splitter.corpus_pretokens(text.text(*byte_range)))


def _end_with_parent() -> None:
    """Make this worker end when its parent ends; a parent that is killed cannot tell its workers to end."""
    parent = parent_process()
    if parent is not None:

        def end() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=end, daemon=True).start()


@contextmanager
def _quiet_tracker() -> Iterator[None]:
    """Silence the process `multiprocessing.resource_tracker`, if it is started inside the block.

    That process removes the semaphores of a program that a signal has ended. It would print a warning about them.
    """
    option = "ignore::UserWarning:multiprocessing.resource_tracker"
    sys.warnoptions.append(option)  # Child processes get these options as -W.
    try:
        yield
    finally:
        sys.warnoptions.remove(option)


@contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes for the block; they end with it, and with this process.

    Work must be submitted inside `blocked([signal.SIGINT])`, since the first submission starts the processes.

    Raises:
        MergelabError: a process of the pool ended early.
    """
    # Spawned, not forked: a fork of a process that runs threads (NumPy, Numba) can deadlock.
    others = set(active_children())
    with _quiet_tracker():
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent)
    try:
        yield pool
    except BrokenProcessPool:
        raise MergelabError(
            "a counting process ended early: memory ran out, or your script does not call mergelab below "
            "`if __name__ == '__main__':`; move the call there, or give workers=1"
        ) from None
    finally:
        for process in set(active_children()) - others:
            process.terminate()
        with suppress(RuntimeError):  # Raised if the interrupt came before the pool started its own thread.
            pool.shutdown(cancel_futures=True)


def count(text: Text, *, pattern: str, special_tokens: Sequence[str], workers: int) -> Pretokens:
    """Count with up to `workers` processes, or in this process if there is only one range. See `contract.Counter`."""
    range_bytes = min(max(text.n_bytes // (4 * workers), MIN_RANGE_BYTES), MAX_RANGE_BYTES)
    ranges = list(text.ranges(pattern, special_tokens, range_bytes))
    job = partial(count_range, text=text, pattern=pattern, special_tokens=tuple(special_tokens))
    total: collections.Counter[str] = collections.Counter()
    if min(workers, len(ranges)) == 1:
        for counts in map(job, ranges):
            total.update(counts)
    else:
        with processes(min(workers, len(ranges))) as pool:
            with blocked([signal.SIGINT]):
                results = pool.map(job, ranges)
            for counts in results:
                total.update(counts)
    return Pretokens.from_mapping({pretoken.encode(): count for pretoken, count in total.items()})

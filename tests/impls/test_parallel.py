"""Threads hand their results over in order, a few at a time, and stop at the first error."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from impls.parallel import in_order


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    assert list(in_order(lambda item: item * item, range(50), workers)) == [item * item for item in range(50)]


@pytest.mark.parametrize("workers", [1, 3])
def test_only_a_few_items_are_taken_ahead(workers: int) -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), workers)
    assert next(results) == 0
    assert len(taken) <= 2 * workers + 1
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 2 * workers + 1


def test_an_error_stops_the_rest() -> None:
    done = []
    lock = threading.Lock()

    def job(item: int) -> int:
        with lock:
            done.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(in_order(job, range(1000), 2))
    assert len(done) < 50

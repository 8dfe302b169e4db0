"""Large arrays: zeros of the shape and type asked for, writable, in few pages where the system gives huge ones."""

from __future__ import annotations

import errno
import mmap
import resource
from pathlib import Path

import numpy as np
import pytest

from impls.memory import HUGE_BYTES, zeros

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.parametrize("shape", [0, 5, (3, 4), HUGE_BYTES // 8 - 1, HUGE_BYTES // 8, (2, HUGE_BYTES, 3)])
def test_an_array_is_zeros_and_can_be_written(shape: int | tuple[int, ...]) -> None:
    array = zeros(shape, np.int64)
    assert (array.dtype, array.shape) == (np.dtype(np.int64), np.empty(shape, np.bool_).shape)
    assert array.flags.c_contiguous
    assert not array.any()
    array += 1
    assert array.all()


@pytest.mark.parametrize("fails", ["mmap", "madvise"])
def test_an_array_is_had_without_huge_pages(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(mmap.mmap):
        def __new__(cls, *args: int, **options: int) -> Refused:
            if fails == "mmap":
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
            return super().__new__(cls, *args, **options)

        def madvise(self, *_: int) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(mmap, "mmap", Refused)
    array = zeros(HUGE_BYTES, np.uint8)
    assert array.base is None
    assert not array.any()


def test_what_does_not_fit_is_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        zeros(1 << 60, np.uint8)


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[never]" in HUGE_PAGES.read_text(), reason="the system gives no huge pages"
)
def test_a_large_array_is_touched_in_few_pages() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    zeros(64 << 20, np.uint8)[:: mmap.PAGESIZE] = 1
    # Some of the 32 huge pages may not be had where memory is in pieces.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < (64 << 20) // mmap.PAGESIZE

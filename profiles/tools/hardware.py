"""Hardware counters: the CPU itself takes the counts that Cachegrind simulates, if the machine shows the counters.

Linux gives access to the counters in `perf_event_open` (https://man7.org/linux/man-pages/man2/perf_event_open.2.html).
A counter does not know which code it counts, so it counts whole calls. Work inside the system's kernel is left out.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from impls import MergelabError
from impls.registry import STAGES
from profiles.targets import LARGE, SMALL, Subject, in_one_process
from profiles.tools.tool import Tool
from profiles.tools.units import units

CALL_NUMBERS = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
"""Kind of CPU -> number of the system call perf_event_open."""

DISABLED, INHERITED, NO_KERNEL, NO_HYPERVISOR = 1 << 0, 1 << 1, 1 << 5, 1 << 6

TIMES = 3
"""Two more numbers are read with each count: the nanoseconds that the counter was enabled, and that it ran."""

CLOSE_ON_EXEC = 8

ENABLE, DISABLE = 0x2400, 0x2401
"""Requests of ioctl."""


class Event(NamedTuple):
    """An event to count, by the type and the number that the manual of perf_event_open gives it."""

    kind: int
    config: int


EVENTS = {
    "instructions": Event(0, 1),
    "branches": Event(0, 4),
    "mispredicted": Event(0, 5),
    "d1_misses": Event(3, 1 << 16),  # A miss, read, of the first-level data cache.
    "ll_misses": Event(0, 3),
    "ll_references": Event(0, 2),
    "cycles": Event(0, 0),
}
"""Name of a count of Cachegrind -> event. A CPU counts all kinds of branches, even jumps that are always taken."""

NO_COUNTERS = "this machine shows no hardware counters, like many virtual machines; use cachegrind or another machine"

REFUSED = (
    "the kernel refuses hardware counters to this user or container; allow them: sysctl kernel.perf_event_paranoid=2"
)

REASONS = {
    **dict.fromkeys((errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP, errno.ENOSYS), NO_COUNTERS),
    **dict.fromkeys((errno.EACCES, errno.EPERM), REFUSED),
}
"""Number of an error of perf_event_open -> the message for the user."""


class Attributes(ctypes.Structure):
    """`struct perf_event_attr`, its first version."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("config", ctypes.c_uint64),
        ("sample_period", ctypes.c_uint64),
        ("sample_type", ctypes.c_uint64),
        ("read_format", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
        ("wakeup_events", ctypes.c_uint32),
        ("breakpoint_type", ctypes.c_uint32),
        ("breakpoint_address", ctypes.c_uint64),
    )


def opened(event: Event) -> int:
    """Open a counter of this process and of the threads that it will start; returns its file descriptor.

    Raises:
        OSError: the kernel of the system refuses the counter, or does not know it.
    """
    number = CALL_NUMBERS.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    attributes = Attributes(
        kind=event.kind,
        size=ctypes.sizeof(Attributes),
        config=event.config,
        read_format=TIMES,
        flags=DISABLED | INHERITED | NO_KERNEL | NO_HYPERVISOR,
    )
    this_process, any_cpu, no_group = 0, -1, -1
    call = ctypes.CDLL(None, use_errno=True).syscall
    counter = int(call(number, ctypes.byref(attributes), this_process, any_cpu, no_group, CLOSE_ON_EXEC))
    if counter < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return counter


def absent() -> str:
    """Return why this machine has no hardware counters; empty if it has them."""
    try:
        os.close(opened(EVENTS["instructions"]))
    except OSError as error:
        return REASONS.get(error.errno or 0, f"hardware counters: {error.strerror}; use cachegrind")
    return ""


def suite() -> Iterator[Subject]:
    """Yield all implementations that run in one process."""
    yield from (*in_one_process(SMALL), *in_one_process(LARGE))


@contextmanager
def counted(raw: Path) -> Iterator[None]:
    """Count the events of the block that this CPU knows: name -> count, nanoseconds enabled, nanoseconds running."""
    with ExitStack() as stack:
        counters = {}
        for name, event in EVENTS.items():
            try:
                counters[name] = opened(event)
            except OSError:
                continue  # No CPU has all of these counters.
            stack.callback(os.close, counters[name])
        for counter in counters.values():
            fcntl.ioctl(counter, ENABLE)
        yield
        for counter in counters.values():
            fcntl.ioctl(counter, DISABLE)
        readings = {name: struct.unpack("QQQ", os.read(counter, 24)) for name, counter in counters.items()}
    raw.write_text(json.dumps(readings))


def digest(raw: Path) -> dict[str, Any]:
    """Return the counts of all calls together. If a counter ran only part of the time, its count is scaled up.

    Raises:
        MergelabError: no counter ran.
    """
    readings = json.loads(raw.read_text())
    counts = {name: round(count * enabled / ran) for name, (count, enabled, ran) in readings.items() if ran}
    if not counts:
        raise MergelabError("no counter ran; end other programs that count, such as perf, and try again")
    return {"call": counts}


TOOL = Tool(
    "hardware",
    sees="instructions, branches and cache misses of calls, as the CPU counts them",
    absent=absent,
    suffix=".json",
    warms=True,
    stages=STAGES,
    suite=suite,
    context=counted,
    facts=units,
    digest=digest,
)

"""What operating systems do differently: one function each, with a plain fallback.

Linux has all of it. macOS has no CPU affinity and no `/proc`. Windows also has no `fcntl`, no flags for links and
pipes, no modes of files, no signal masks and no `fork`. The rest of the project asks here and never asks which system
it runs on. The tests take each function away; what was run on which system stands in the README.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # This module is imported before signals are listened to, so it imports little.
    from pathlib import Path
    from types import ModuleType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

try:
    msvcrt: ModuleType | None = __import__("msvcrt")
except ImportError:  # All systems but Windows
    msvcrt = None

LOCKED_BYTE = 1 << 30
"""The byte that is locked on Windows, where a lock keeps others from reading: it lies after the end of the file."""


def cores() -> int:
    """Return how many cores this process may use; all cores of the machine where the system cannot tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_lines() -> str:
    """Return the first thousands of characters of what Linux says about its CPUs; empty on another system."""
    try:
        with open("/proc/cpuinfo") as file:  # noqa: PTH123
            return file.read(1 << 14)
    except OSError:
        return ""


def memory_bytes() -> int:
    """Return the memory of the machine in bytes; 0 where the system cannot tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0


def flags(*names: str) -> int:
    """Return flags of `os.open` by name, such as "O_NOFOLLOW"; a flag that the system lacks is left out."""
    found: int = 0
    for name in names:
        found |= getattr(os, name, 0)
    return found


def lock(file: Any) -> None:
    """Lock an open file for this process, until `unlock` or the end of the process.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt:
        try:
            _at_locked_byte(file, msvcrt.LK_NBLCK)
        except OSError as error:
            raise BlockingIOError(*error.args) from None


def unlock(file: Any) -> None:
    """Give up the lock of an open file; processes that were forked meanwhile hold the same lock, and lose it, too."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)
    elif msvcrt:
        _at_locked_byte(file, msvcrt.LK_UNLCK)


def _at_locked_byte(file: Any, mode: int) -> None:
    assert msvcrt
    place = os.lseek(file.fileno(), 0, os.SEEK_CUR)
    os.lseek(file.fileno(), LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(file.fileno(), mode, 1)
    finally:
        os.lseek(file.fileno(), place, os.SEEK_SET)


def copy_mode(source: Path, file: Any) -> None:
    """Give an open file the permissions of another file, where files have permissions."""
    if hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), stat.S_IMODE(source.stat().st_mode))


def owner_of(found: os.stat_result) -> str:
    """Return "" if only this user can have written a file; otherwise who else can, in words.

    Where the system has no owners and modes, a user's own folders are protected in another way.
    """
    if not hasattr(os, "geteuid"):
        return ""
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    if stat.S_IMODE(found.st_mode) & 0o022:
        return "can be written by others (chmod go-w changes that)"
    return ""


def stat_folder(folder: Path) -> os.stat_result:
    """Return the state of a folder.

    Raises:
        OSError: it is a link, or no folder.
    """
    if not hasattr(os, "O_DIRECTORY"):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(20, "Not a directory", str(folder))
        return found
    descriptor = os.open(folder, os.O_RDONLY | flags("O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC"))
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def after_fork(call: Callable[[], None]) -> None:
    """Have a function called in each process that is forked from this one."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


def unblocked(descriptor: int) -> None:
    """Let writes to a full pipe fail at once instead of waiting, where the system can do that to a pipe."""
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, False)


@contextmanager
def blocked(numbers: Sequence[int]) -> Iterator[None]:
    """Block signals in this thread, and in processes that are started inside the block."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

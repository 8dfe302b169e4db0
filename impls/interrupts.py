"""SIGINT and SIGTERM end a command within a second, whatever it is doing, with one line.

Python handles a signal between two bytecodes of the main thread: an exception is raised there, and every `with` and
`finally` block cleans up. But compiled code on one long pretoken, or a running compiler, may keep the main thread
busy for many seconds. So another thread waits for the signal, too. It lets `GRACE_SECONDS` pass, removes unfinished
files and ends the process.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from impls.system import unblocked

GRACE_SECONDS = 0.3

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_line = threading.Lock()
_told = threading.Event()
_caught: list[int] = []
_kept: list[BaseException | None] = []


def start(main: Callable[[], int], package: str) -> NoReturn:
    """Listen for signals, run the command line of a package, and end the process with its exit status."""
    name = f"python -m {package}"
    atexit.register(_skip_teardown)  # Functions registered first are called last.
    listen(name)
    try:
        status = main()
    except KeyboardInterrupt:
        status = report(name)
    sys.exit(status)


def listen(name: str) -> None:
    """Let the first signal raise KeyboardInterrupt with its number in the main thread; the process ends soon after.

    `name`: the name of the program in the line that is printed if this thread has to end the process.
    """
    receiver, sender = os.pipe()
    unblocked(sender)
    threading.Thread(target=_end_late, args=(receiver, name), daemon=True).start()
    signal.set_wakeup_fd(sender)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # As a shell sets it for background jobs.
            signal.signal(number, _interrupt)
    sys.unraisablehook = _show_unraisable


@contextmanager
def noted() -> Iterator[list[int]]:
    """Append signals to the list instead of raising an exception, for work that looks at the list and ends by itself.

    A second signal has its usual effect, since the first one restores the handlers.
    """
    caught: list[int] = []
    wakeup = signal.set_wakeup_fd(-1)
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        caught.append(number)
        restore()

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield caught
    finally:
        restore()


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # A second signal would interrupt the clean-up.
    _caught.append(number)
    raise KeyboardInterrupt(number)


def _show_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    # The compiler calls Python code. An interrupt there is not raised further; `_end_late` still ends the process.
    if not _caught:
        sys.__unraisablehook__(unraisable)


def _end_late(receiver: int, name: str) -> None:
    # Signals that profilers use arrive here, too, and are skipped.
    while (number := os.read(receiver, 1)[0]) not in _SIGNALS:
        pass
    from multiprocessing import active_children  # Imported here, since few commands need it.

    time.sleep(GRACE_SECONDS)
    if children := active_children():
        for process in children:
            process.kill()
        time.sleep(GRACE_SECONDS)  # The clean-up may have waited for these processes.
    with _line:
        if not _told.is_set():
            _tell(name)
        os._exit(128 + number)


def interrupted() -> bool:
    """Tell whether a signal was caught: some libraries, while imported, turn the interrupt into their own errors."""
    return bool(_caught)


def report(name: str, left: str = "no unfinished file was left") -> int:
    """Remove unfinished files, print one line for the program, and return the exit status.

    `left`: the end of the line, which says what the interrupt leaves behind.
    """
    _kept.append(sys.exception())  # Its frames hold what the compiler was making; to free that may crash.
    with _line:
        _tell(name, left)
        _told.set()
    return _status()


def _status() -> int:
    return 128 + (_caught[0] if _caught else signal.SIGINT)


def _skip_teardown() -> None:
    """End an interrupted process before the interpreter frees its modules: LLVM crashes on what is half made."""
    if _told.is_set():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(_status())


def _tell(name: str, left: str = "no unfinished file was left") -> None:
    from impls.storage import discard_unfinished  # Imported here: `listen` comes before other imports.

    discard_unfinished()
    print(f"{name}: error: interrupted; {left}", file=sys.stderr, flush=True)

"""SIGINT and SIGTERM end a command within a second, whatever it is doing, with one line.

Python acts on a signal between two bytecodes of the main thread. There the exception raised lets every block clean up
after itself. But compiled code on one long pretoken, or the compiler that threads wait for, may keep that thread for
many seconds; after a moment of grace, a thread that does nothing else removes unfinished files and ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 0.3

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_line = threading.Lock()
_told = threading.Event()
_caught: list[int] = []


def start(main: Callable[[], int], package: str) -> NoReturn:
    """Run the command line of a package as a process: signals are heard from now on; ends with its exit status."""
    name = f"python -m {package}"
    listen(name)
    try:
        status = main()
    except KeyboardInterrupt:
        status = report(name)
    sys.exit(status)


def listen(name: str) -> None:
    """Let the first signal raise KeyboardInterrupt with its number in the main thread, and bound what follows.

    `name`: of the program, for the line that is printed if the process has to be ended.
    """
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    threading.Thread(target=_end_late, args=(receiver, name), daemon=True).start()
    signal.set_wakeup_fd(sender)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # As the shell has it for what runs in its background.
            signal.signal(number, _interrupt)
    sys.unraisablehook = _show_unraisable


@contextmanager
def noted() -> Iterator[list[int]]:
    """Note signals in the list instead of raising: for work that ends by itself when it sees one there.

    A second signal has its usual effect.
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
        signal.signal(each, signal.SIG_IGN)  # Another one would interrupt the cleaning.
    _caught.append(number)
    raise KeyboardInterrupt(number)


def _show_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    # The compiler calls Python, where an interrupt is shown and lost. It still ends the process, only late.
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)


def _end_late(receiver: int, name: str) -> None:
    # Profilers use signals of their own, which are heard here too.
    while (number := os.read(receiver, 1)[0]) not in _SIGNALS:
        pass
    from multiprocessing import active_children  # Here, since few commands need it.

    time.sleep(GRACE_SECONDS)
    if children := active_children():
        for process in children:
            process.kill()
        time.sleep(GRACE_SECONDS)  # Cleaning may have waited for them.
    with _line:
        if not _told.is_set():
            _tell(name)
        os._exit(128 + number)


def interrupted() -> bool:
    """Tell whether a signal was caught: libraries turn the interrupt into errors of their own while they start."""
    return bool(_caught)


def report(name: str, left: str = "no unfinished file was left") -> int:
    """Remove what is unfinished and print the line of a program; returns the exit status."""
    with _line:
        _tell(name, left)
        _told.set()
    return 128 + (_caught[0] if _caught else signal.SIGINT)


def _tell(name: str, left: str = "no unfinished file was left") -> None:
    from impls.storage import discard_unfinished  # Here, so that `listen` can come before all other imports.

    discard_unfinished()
    print(f"{name}: error: interrupted; {left}", file=sys.stderr, flush=True)

"""SIGINT and SIGTERM end the command line within a second, whatever it is doing, with one line.

Python acts on a signal between two bytecodes of the main thread. There the exception raised lets every block clean up
behind itself. But compiled code on one long pretoken, or the compiler that threads wait for, may keep that thread for
many seconds; after a moment of grace, a thread that does nothing else removes unfinished files and ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 0.3

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_line = threading.Lock()
_told = threading.Event()
_caught: list[int] = []


def listen() -> None:
    """Let the first signal raise KeyboardInterrupt with its number in the main thread, and bound what follows."""
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    threading.Thread(target=_end_late, args=(receiver,), daemon=True).start()
    signal.set_wakeup_fd(sender)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # As the shell has it for what runs in its background.
            signal.signal(number, _interrupt)
    sys.unraisablehook = _show_unraisable


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # Another one would interrupt the cleaning.
    _caught.append(number)
    raise KeyboardInterrupt(number)


def _show_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    # The compiler calls Python, where an interrupt is shown and lost. It still ends the process, only late.
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)


def _end_late(receiver: int) -> None:
    number = os.read(receiver, 1)[0]
    from multiprocessing import active_children  # Here, since few commands need it.

    time.sleep(GRACE_SECONDS)
    if children := active_children():
        for process in children:
            process.kill()
        time.sleep(GRACE_SECONDS)  # Cleaning may have waited for them.
    with _line:
        if not _told.is_set():
            _tell()
        os._exit(128 + number)


def interrupted() -> bool:
    """Tell whether a signal was caught: libraries turn the interrupt into errors of their own while they start."""
    return bool(_caught)


def report() -> int:
    """Remove what is unfinished and print the line; returns the exit status."""
    with _line:
        _tell()
        _told.set()
    return 128 + (_caught[0] if _caught else signal.SIGINT)


def _tell() -> None:
    from impls.storage import discard_unfinished  # Here, so that `listen` can come before all other imports.

    discard_unfinished()
    print("python -m impls: error: interrupted; no unfinished file was left", file=sys.stderr, flush=True)

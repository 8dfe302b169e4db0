"""`python -m lm demo`: generate interactively, token by token."""

from __future__ import annotations

import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from impls.interrupts import interrupted
from lm.commands.options import add_device, add_sampling, add_source, read_sampling


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_source(parser)
    add_sampling(parser)
    add_device(parser)


def run(options: Namespace) -> None:
    """Answer prompts until the user leaves."""
    from lm.demo import demo
    from lm.processes import find_device
    from lm.trained import load_trained

    sampling = read_sampling(options)
    trained = load_trained(options.source, find_device(options.device, "--device"))
    with _ctrl_c_leaves():
        demo(trained, sampling)
    if interrupted():  # SIGTERM interrupted the demo, so it is an error; Ctrl-C is the usual way to leave.
        raise KeyboardInterrupt


@contextmanager
def _ctrl_c_leaves() -> Iterator[None]:
    """Let Ctrl-C raise an ordinary KeyboardInterrupt; after it, the process may go on as long as it needs."""
    wakeup = signal.set_wakeup_fd(-1)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(wakeup)

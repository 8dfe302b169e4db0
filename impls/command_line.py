"""The ground that all command lines of the project stand on: parser, dispatch, one-line errors, exit statuses.

A program is a package that is run by `python -m PACKAGE`. Each of its commands is one module,
PACKAGE/commands/NAME.py, with two functions: `configure(parser)` adds its options, `run(options)` does the work and
may return an exit status. Only the module of the chosen command is imported.

Exit status: 0; 1 for a failure, 2 for bad usage, 128 + the signal for an interrupt (130 for SIGINT, 143 for SIGTERM),
each with one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn

from impls import interrupts
from impls.errors import MergelabError


@dataclass(frozen=True)
class Program:
    """A package with commands.

    Attributes:
        package: what is run by `python -m`.
        description: of the whole, one sentence.
        commands: name -> what it does, in the order of the help.
        default: the command that is run when none is named; empty where one must be named.
        out_of_memory: what to do when memory runs out.
        interrupted: what an interrupt leaves.
    """

    package: str
    description: str
    commands: Mapping[str, str]
    default: str = ""
    out_of_memory: str = "work on less at a time"
    interrupted: str = "no unfinished file was left"

    @property
    def name(self) -> str:
        """How it is called."""
        return f"python -m {self.package}"


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: error: {printable(message)}; see {self.prog} --help\n")


def printable(text: object) -> str:
    """Return text as one line that a terminal can show, whatever is in it."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(text))


def tell(program: str, kind: str, message: object) -> None:
    """Print one line on standard error: who says it, "error" or "note", and the message."""
    print(f"{program}: {kind}: {printable(message)}", file=sys.stderr)


def parse(program: Program, arguments: Sequence[str]) -> tuple[Any, argparse.Namespace]:
    """Return the module of the chosen command and its options; ends the process with status 2 for bad usage."""
    words = list(arguments)
    if program.default and (not words or words[0] not in (*program.commands, "-h", "--help")):
        words.insert(0, program.default)
    parser = OneLineParser(prog=program.name, description=program.description, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=OneLineParser)
    module: Any = None
    for name, text in program.commands.items():
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if words[:1] == [name]:
            module = import_module(f"{program.package}.commands.{name}")
            module.configure(one)
    options = parser.parse_args(words)
    options.arguments = list(arguments)
    return module, options


def run(program: Program, arguments: Sequence[str] | None = None) -> int:
    """Run a command line, that of the process by default; returns the exit status."""
    module, options = parse(program, sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:
        return _fail(program, "standard output is closed; send it to /dev/null if it is not wanted", 1)
    try:
        return _guarded(program, module, options)
    except KeyboardInterrupt:
        return interrupts.report(program.name, program.interrupted)
    except Exception:
        # Libraries turn an interrupt into errors of their own while they start.
        if interrupts.interrupted():
            return interrupts.report(program.name, program.interrupted)
        raise


def _guarded(program: Program, module: Any, options: argparse.Namespace) -> int:
    """Run a command; an error that a person can cause is one line and a status."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: tell(program.name, "note", message)
            status = module.run(options)
        sys.stdout.flush()
    except MergelabError as error:
        return _fail(program, error, error.exit_status)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return _fail(program, f"out of memory; {program.out_of_memory}", 1)
    except OSError as error:
        if error.filename is None:
            # What is still in the buffer cannot be written either; without this, the interpreter tries once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        told = f"{error.filename or 'standard output'}: {error.strerror}" if error.strerror else error
        return _fail(program, told, 1)
    return int(status or 0)


def _fail(program: Program, message: object, status: int) -> int:
    tell(program.name, "error", message)
    return status


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out: PyTorch has an error of its own for GPUs and none for CPUs."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "allocate memory" in str(error)
    )

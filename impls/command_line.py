"""The parts that all command lines of the project share: parser, dispatch, one-line errors, exit statuses.

A program is a package that is run by `python -m PACKAGE`. Each command of the program is one module,
PACKAGE/commands/NAME.py, with two functions: `configure(parser)` adds the options of the command, and `run(options)`
does the work and may return an exit status. The module may have a string `EXAMPLES` of command lines, which end the
help of the command; in them, "%(prog)s" stands for the words that start the command. Only the module of the chosen
command is imported.

The exit status is 0 for success, 1 for a failure, 2 for bad usage, and 128 + the signal for an interrupt (130 for
SIGINT, 143 for SIGTERM). With every status except 0, one line is printed on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from textwrap import indent
from typing import Any, NoReturn

from impls import interrupts
from impls.errors import MergelabError


@dataclass(frozen=True)
class Program:
    """A package with commands.

    Attributes:
        package: the package that `python -m` runs.
        description: one sentence about the program.
        commands: a mapping: name of a command -> its description, in the order of the help.
        default: the command to run if none is named; empty if the user must name one.
        out_of_memory: advice for the user, printed when memory runs out.
        interrupted: words about the state that an interrupt leaves, printed after an interrupt.
        started_as: the words that started the program; "python -m PACKAGE" by default.
        examples: command lines for the help, one per line; "%(prog)s" stands for the words that start the program.
        version: returns the version that `--version` prints; without it, there is no such option.
    """

    package: str
    description: str
    commands: Mapping[str, str]
    default: str = ""
    out_of_memory: str = "work on less at a time"
    interrupted: str = "no unfinished file was left"
    started_as: str = ""
    examples: str = ""
    version: Callable[[], str] | None = None

    @property
    def name(self) -> str:
        """The words that start the program."""
        return self.started_as or f"python -m {self.package}"


class OneLineParser(argparse.ArgumentParser):
    """A parser that prints each error as one line, and takes no abbreviated options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def add_examples(self, lines: str) -> None:
        """End the help with command lines, in which "%(prog)s" stands for the words that start the program."""
        if lines:
            self.epilog = "examples:\n" + indent(lines.strip(), "  ")

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {printable(message)}; see {self.prog} --help\n")


def printable(text: object) -> str:
    """Return text as one line that a terminal can show: unprintable characters are escaped."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(text))


def tell(program: str, kind: str, message: object) -> None:
    """Print "PROGRAM: KIND: MESSAGE" as one line on standard error; `kind` is "error" or "note"."""
    print(f"{program}: {kind}: {printable(message)}", file=sys.stderr)


def parse(program: Program, arguments: Sequence[str]) -> tuple[Any, argparse.Namespace]:
    """Return the module of the chosen command and its options; bad usage ends the process with status 2."""
    words = list(arguments)
    if program.default and (not words or words[0] not in (*program.commands, "-h", "--help")):
        words.insert(0, program.default)
    parser = OneLineParser(prog=program.name, description=program.description)
    parser.add_examples(program.examples)
    if program.version is not None:
        told = program.version() if "--version" in words else ""  # Finding it out takes time.
        parser.add_argument("--version", action="version", version=told, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=OneLineParser)
    module: Any = None
    for name, text in program.commands.items():
        one = commands.add_parser(name, help=text, description=text)
        if words[:1] == [name]:
            module = import_module(f"{program.package}.commands.{name}")
            module.configure(one)
            one.add_examples(getattr(module, "EXAMPLES", ""))
    options = parser.parse_args(words)
    options.arguments = list(arguments)
    return module, options


def run(program: Program, arguments: Sequence[str] | None = None) -> int:
    """Run `arguments`, by default the command line of the process, and return the exit status."""
    try:
        module, options = parse(program, sys.argv[1:] if arguments is None else arguments)
        if sys.stdout is None:
            return _fail(program, "standard output is closed; send it to /dev/null if it is not wanted", 1)
        return _guarded(program, module, options)
    except KeyboardInterrupt:
        return interrupts.report(program.name, program.interrupted)
    except Exception:
        # Some libraries, while imported, turn an interrupt into an error of their own.
        if interrupts.interrupted():
            return interrupts.report(program.name, program.interrupted)
        raise


def _guarded(program: Program, module: Any, options: argparse.Namespace) -> int:
    """Run a command; an error that a user can cause becomes one line and an exit status."""
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
            # The rest of the buffer cannot be written either; without this, the interpreter would try again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        told = f"{error.filename or 'standard output'}: {error.strerror}" if error.strerror else error
        return _fail(program, f"{told}; correct this, then run the command again", 1)
    return int(status or 0)


def _fail(program: Program, message: object, status: int) -> int:
    tell(program.name, "error", message)
    return status


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out. For a GPU, PyTorch raises an error of its own class.

    For a CPU, only the message of PyTorch's error says so.
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "allocate memory" in str(error)
    )

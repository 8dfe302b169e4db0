"""`python -m bench exercise N`: fill in a function of the ladder, and check your solution.

    python -m bench exercise 1                           # writes exercise_1.py; an existing file is never replaced
    python -m bench exercise 1 --check exercise_1.py     # right? how much work?
    python -m bench exercise 1 --show                    # the implementation that solves the exercise

Exit status 0 when all is right, 1 when an answer is wrong, 2 for a wrong option or a function without a body.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.exercises import EXERCISES, load
from bench.exercises.check import checked
from bench.exercises.exercise import Exercise, source
from impls import UsageError
from impls.arguments import check_count
from impls.storage import atomic_writer


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("number", type=int, metavar="N", help=f"1 to {len(EXERCISES)}, from naive to compiled")
    parser.add_argument("--out", type=Path, help="the file to write; exercise_N.py by default")
    parser.add_argument("--check", type=Path, metavar="FILE", help="check the function in this file")
    parser.add_argument("--show", action="store_true", help="print the reference")


def run(options: Namespace) -> int:
    """Write, check, or show."""
    number = check_count("N", options.number, 1, len(EXERCISES))
    exercise = load(number)
    if options.show:
        print("\n\n".join(map(source, exercise.solutions())))
        return 0
    if options.check:
        right, lines = checked(number, exercise, options.check)
        print("\n".join(lines))
        return 0 if right else 1
    write(number, exercise, options.out or Path(f"exercise_{number}.py"))
    return 0


def write(number: int, exercise: Exercise, path: Path) -> None:
    """Write the file that the student edits.

    Raises:
        UsageError: the file exists already.
        FileFormatError: the file cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path}: exists and may hold your work; give another name by --out")
    with atomic_writer(path) as file:
        file.write(exercise.template.replace("--check FILE", f"--check {path}").encode())
    print(f"{path}: {exercise.title}. Fill in `{exercise.function}`, then:")
    print(f"  python -m bench exercise {number} --check {path}")

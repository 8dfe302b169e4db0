"""`python -m bench fuzz`: search for faults with random inputs; each finding becomes a file that the tests replay.

The exit status is 0 if every claim held, and 1 if a case failed.
"""

from __future__ import annotations

import warnings
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from bench.fuzz import KINDS, load
from bench.fuzz.finding import CASES, read, write
from bench.fuzz.kind import verdict
from bench.fuzz.search import search
from bench.options import chosen
from bench.progress import show_crashes
from impls import UsageError
from impls.arguments import check_count
from impls.formats.files import FormatNote


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to search, shared among the kinds")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other cases")
    parser.add_argument("--only", metavar="scans,cuts", help=f"some of: {', '.join(KINDS)}")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="check the case in a file of tests/cases")
    parser.add_argument("--cases", type=Path, default=CASES, help="folder for findings; tests/cases by default")
    parser.add_argument("--faults", type=int, metavar="N", help="instead of searching, kill commands N times")


def run(options: Namespace) -> int:
    """Search with random inputs, replay one case, or kill commands, as the options say."""
    if options.replay:
        return replay(options.replay)
    if options.faults is not None:
        return faults(check_count("--faults", options.faults, 1), options.seed)
    names = chosen(options.only, KINDS, "kind")
    if not 0 < options.minutes <= 60 * 24:
        raise UsageError(
            f"--minutes: {options.minutes:g} is not a possible time; give more than 0 and at most 1440 minutes"
        )
    show_crashes()
    warnings.simplefilter("ignore", FormatNote)  # Odd vocabularies are meant, and each would be told.
    seconds = 60 * options.minutes / len(names)
    return max([search_kind(name, options.seed, seconds, options.cases) for name in names])


def search_kind(name: str, seed: int, seconds: float, folder: Path) -> int:
    """Search one kind of input, print how many cases were checked, and return the exit status."""
    try:
        kind = load(name)
    except ModuleNotFoundError as error:
        print(f"{name}: skipped, since {error.name} is not installed; install the extras peers and lm", flush=True)
        return 0
    result = search(name, kind, seed, seconds)
    rate = (result.cases - 1) / result.seconds
    print(f"{name}: {result.cases:,} cases, {rate:,.0f} per second", flush=True)
    if result.finding is None:
        return 0
    print(f"\n{result.finding.paragraph(write(result.finding, folder))}\n", flush=True)
    return 1


def replay(path: Path) -> int:
    """Check the case in a file, print the verdict, and return the exit status."""
    name, case = read(path)
    kind = load(name)
    difference = verdict(kind, case)
    if difference is None:
        print(f"{name}: holds. {kind.claim}")
        return 0
    print(f"{name}: expected {difference.expected}; found {difference.found}")
    return 1


def faults(kills: int, seed: int) -> int:
    """Kill commands at work, print each promise that was broken, and return the exit status."""
    module = import_module("bench.faults")
    violated = module.violations(module.run(kills, seed, print))
    print("\n".join(violated) or "nothing was violated")
    return 1 if violated else 0

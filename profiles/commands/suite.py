"""`python -m profiles suite`: make the chosen set of profiles of all implementations, and keep them as a record."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import code, record
from bench.options import chosen
from bench.progress import progress
from impls import MergelabError
from profiles import tools
from profiles.capture import CAPTURES, capture
from profiles.targets import TRAINER, Subject

PACKAGES = (*code.PACKAGES, "memray", "scalene", "torch")


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--only", metavar="TOOL,TOOL", help="only the profiles of these tools")
    parser.add_argument("--captures", type=Path, default=CAPTURES, help="folder for raw files and digests")
    parser.add_argument("--records", type=Path, help="folder for the record (default: the folder of this machine)")


def run(options: Namespace) -> int:
    """Make the profiles and print the path of the record. A failed profile prints one line and is in the record.

    A tool that this machine cannot run is skipped. A skip prints one line and is in the record, but is no failure.
    """
    names = chosen(options.only, tools.NAMES, "tool")
    skipped = [{"tool": name, "reason": reason} for name in names if (reason := tools.load(name).absent())]
    runs = list(suite([name for name in names if name not in {row["tool"] for row in skipped}]))
    sources = {**code.code_digests(), TRAINER: code.module_digest(TRAINER)}
    # The command line in a record leaves out folders.
    words = ["suite", *(["--only", options.only] if options.only else [])]
    head = record.head("profiles", words, PACKAGES, sources)
    digests, failures = profile(runs, options.captures)
    for row in skipped:
        print(f"{row['tool']}: skipped, since {row['reason']}", file=sys.stderr)
    for row in failures:
        print(f"{row['stage']}/{row['impl']} on {row['workload']}: {row['error']}", file=sys.stderr)
    print(record.write({**head, "digests": digests, "failures": failures, "skipped": skipped}, options.records))
    return 1 if failures else 0


def suite(names: Sequence[str]) -> Iterator[tuple[str, Subject]]:
    """Yield the profiles of some tools: the name of the tool, and the subject that it looks at."""
    for name in names:
        yield from ((name, subject) for subject in tools.load(name).suite())


def profile(runs: Sequence[tuple[str, Subject]], captures: Path) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the digests, and the failed profiles with their errors. A failure does not stop the next profile."""
    digests: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    for tool, subject in runs:
        stage, impl, workload, _ = subject
        progress(f"{tool} {stage} {impl} {workload}")
        try:
            digests.append(capture(tool, subject, captures))
        except MergelabError as error:
            told = " ".join(str(error).split())
            failures.append({"tool": tool, "stage": stage, "impl": impl, "workload": workload, "error": told})
    progress("")
    return digests, failures

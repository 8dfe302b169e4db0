"""The command line: `python -m reports [build|compare|measurements|tour]`.

`build`, the default, prints the ladders and writes reports/latest/; `compare` says what got faster or slower;
`measurements` writes what `impl="auto"` decides from; `tour` the figures and diagrams of TOUR.md. Exit status 0;
1 when a record cannot be used (the report is still written from the others) or a case is too slow; 2 for bad usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from impls import MergelabError
from impls.command_line import OneLineParser
from impls.machine import machine_name
from impls.storage import atomic_writer
from reports.compare import as_text, compare, last_comparable
from reports.load import Evidence, ReportError, load_evidence, load_record, machine_of, newest_record
from reports.measurements import write_measurements
from reports.render import render, terminal
from reports.sections.benchmarks import stale_sentences
from reports.tour import rewrite

LATEST = Path(__file__).parent / "latest"


def warn(message: object) -> None:
    """Print one line on standard error."""
    print(f"python -m reports: error: {' '.join(str(message).split())}", file=sys.stderr)


def build(arguments: Sequence[str]) -> int:
    """Build the report; returns the exit status."""
    parser = OneLineParser(prog="python -m reports", description="Build the report from the newest records.")
    parser.add_argument("record", type=Path, nargs="?", help="a file below bench/records/; the newest by default")
    parser.add_argument("--out", type=Path, default=LATEST, help="folder to write to")
    options = parser.parse_args(arguments)
    evidence = load_evidence(options.record or newest_record())
    print(terminal(evidence.bench))
    pages = render(evidence)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        with atomic_writer(options.out / name) as file:
            file.write(page.encode())
    for note in notes(evidence):
        print(note)
    for problem in evidence.problems:
        warn(problem)
    print(f"open {options.out / 'index.html'}, or read {options.out / 'report.md'}")
    return 1 if evidence.problems else 0


def notes(evidence: Evidence) -> list[str]:
    """Return what whoever makes the report must know of its records: of another machine, of other code."""
    here, there = machine_name(), machine_of(evidence.bench.machine)
    other = f"{evidence.bench.path.name} comes from {there}, this is {here}; `nox -s bench` measures here"
    return [*([other] if here != there else []), *stale_sentences(evidence)]


def compare_records(arguments: Sequence[str]) -> int:
    """Compare two records; returns the exit status."""
    parser = OneLineParser(prog="python -m reports compare", description="Say what got faster or slower.")
    parser.add_argument("record", type=Path, nargs="?", help="the newer one; by default the newest")
    parser.add_argument("--against", type=Path, help="the earlier one; by default the last that is comparable")
    parser.add_argument("--fail-above", type=_percent, metavar="PERCENT", help="fail if a case is slower by more")
    options = parser.parse_args(arguments)
    after = load_record(options.record or newest_record())
    if options.against:
        before = load_record(options.against)
    else:
        before, refused = last_comparable(after, after.path.parent.parent)
        for line in refused:
            print(line)
    found = compare(before, after)
    print(as_text(found))
    if options.fail_above is None:
        return 0
    slower = found.slower_by_more_than(options.fail_above)
    for row in slower.to_dict("records"):
        warn(
            f"{row['stage']}/{row['impl']} on {row['workload']} is {100 * (row['change'] - 1):.0f} % slower "
            f"({row['low']:.2f}x to {row['high']:.2f}x), more than {options.fail_above:g} %"
        )
    return 1 if len(slower) else 0


def _percent(text: str) -> float:
    value = float(text.removesuffix("%"))
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a percentage of at least 0")
    return value


def pick_data(arguments: Sequence[str]) -> int:
    """Write the measurements of this machine; returns the exit status."""
    parser = OneLineParser(prog="python -m reports measurements", description="Write what impl='auto' decides from.")
    parser.add_argument("record", type=Path, nargs="?", help="a record of the benchmarks; the newest by default")
    parser.add_argument("--out", type=Path, help="file to write; measurements.json in the cache by default")
    options = parser.parse_args(arguments)
    evidence = load_evidence(options.record or newest_record(), ["sweeps"])
    for problem in evidence.problems:
        warn(problem)
    print(write_measurements(evidence, options.out))
    return 0


def rewrite_tour(arguments: Sequence[str]) -> int:
    """Put the figures of a record and the diagrams into TOUR.md; returns the exit status."""
    parser = OneLineParser(prog="python -m reports tour", description="Write TOUR.md's figures and diagrams.")
    parser.add_argument("record", type=Path, nargs="?", help="a record of the benchmarks; the newest by default")
    options = parser.parse_args(arguments)
    print(rewrite(load_record(options.record or newest_record())))
    return 0


COMMANDS = {"build": build, "compare": compare_records, "measurements": pick_data, "tour": rewrite_tour}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = COMMANDS[words.pop(0)] if words and words[0] in COMMANDS else build
    try:
        return command(words)
    except (ReportError, MergelabError, OSError) as error:
        warn(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())

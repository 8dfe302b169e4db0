"""`python -m reports compare`: compare two records."""

from __future__ import annotations

import argparse

from bench.options import percentage
from impls.command_line import tell
from reports.commands import PROGRAM
from reports.commands.options import add_record, record_of
from reports.compare import MIN_WITNESSES, Comparison, change_of, compare, find_record, last_comparable, table
from reports.pages.formats import write
from reports.pages.terminal import as_text
from reports.records import load_record


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_record(parser)
    parser.add_argument(
        "--against", metavar="RECORD", help="path or number of the earlier record (default: the last comparable one)"
    )
    parser.add_argument(
        "--fail-above", type=percentage, metavar="PERCENT", help="fail if changed code is slower by more than this"
    )


def run(options: argparse.Namespace) -> int:
    """Print the comparison; returns 1 if changed code is slower by more than the option `--fail-above` allows."""
    after = load_record(record_of(options))
    if options.against is None:
        before, refused = last_comparable(after)
    else:
        before, refused = load_record(find_record(options.against, after)), []
    for line in refused:
        print(line)
    found = compare(before, after)
    print(described(found))
    if options.fail_above is None:
        return 0
    if len(same := found.slower_by_more_than(options.fail_above, unchanged=True)):
        print(f"unchanged code, slower by more than {options.fail_above:g} %: {len(same)} of the cases; no failure")
    slower = found.slower_by_more_than(options.fail_above)
    for row in slower.to_dict("records"):
        change = change_of(row)
        tell(
            PROGRAM.name,
            "error",
            f"{row['stage']}/{row['impl']} on {row['workload']} is {100 * (change.number - 1):.0f} % slower "
            f"({write(change.least)} to {write(change.most)}), more than {options.fail_above:g} %; "
            "find the cause, or raise --fail-above",
        )
    return 1 if len(slower) else 0


def described(found: Comparison) -> str:
    """Return the comparison as text, largest change first."""
    verdicts = found.rows.sort_values("change", ascending=False)["verdict"]
    counts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.value_counts().items())
    return "\n".join([
        f"{found.after.path.name} against {found.before.path.name}: {counts}",
        drift_sentence(found),
        as_text(table(found)),
        *found.left_out,
    ])  # fmt: skip


def drift_sentence(found: Comparison) -> str:
    """Say how much the machine drifted, and whether every ratio was divided by this drift."""
    seen = f"{found.witnesses} implementations of unchanged code took {found.drift:.2f}x as long"
    if found.witnesses >= MIN_WITNESSES:
        return f"{seen}; every ratio is divided by this drift, so a slow-down of all code is not seen"
    told = seen if found.witnesses else "there is no implementation of unchanged code"
    return (
        f"{told}; the drift of the machine is measured only from {MIN_WITNESSES} or more, so no ratio is divided by "
        "a drift, and a change may come from the machine"
    )

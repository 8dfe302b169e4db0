"""`python -m reports compare`: compare two records."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from impls.command_line import tell
from reports.commands import PROGRAM
from reports.commands.options import add_record, record_of
from reports.compare import MIN_WITNESSES, Comparison, change_of, compare, last_comparable, table
from reports.pages.formats import write
from reports.pages.terminal import as_text
from reports.records import load_record


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_record(parser)
    parser.add_argument("--against", type=Path, help="an earlier record (default: the last one that is comparable)")
    parser.add_argument("--fail-above", type=_percent, metavar="PERCENT", help="fail if a case is slower by more")


def _percent(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?%?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage; write 10 or 2.5%")
    return float(text.removesuffix("%"))


def run(options: argparse.Namespace) -> int:
    """Print the comparison; returns 1 if a case is slower by more than the option `--fail-above` allows."""
    after = load_record(record_of(options))
    before, refused = (load_record(options.against), []) if options.against else last_comparable(after)
    for line in refused:
        print(line)
    found = compare(before, after)
    print(described(found))
    if options.fail_above is None:
        return 0
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
        return f"{seen}; that drift is taken off, so a slow-down of all of them is not seen"
    told = seen if found.witnesses else "there is no implementation of unchanged code"
    return (
        f"{told}; at least {MIN_WITNESSES} tell how the machine drifted, so nothing is taken off: times are compared "
        "as they are, and a change may be the machine's"
    )

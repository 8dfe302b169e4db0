"""The command line: `python -m reports [RECORD]` prints the ladders and writes reports/latest/."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from impls.commands import OneLineParser
from reports.load import ReportError, load_record, newest_record
from reports.render import render, terminal

LATEST = Path(__file__).parent / "latest"
PAGES = {"index.html": "index.html.j2", "report.md": "report.md.j2"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the report; returns the exit status."""
    parser = OneLineParser(prog="python -m reports", description="Build the report from a record.")
    parser.add_argument("record", type=Path, nargs="?", help="a file below bench/records/; the newest by default")
    parser.add_argument("--out", type=Path, default=LATEST, help="folder to write to")
    options = parser.parse_args(arguments)
    try:
        record = load_record(options.record or newest_record())
        print(terminal(record))
        options.out.mkdir(parents=True, exist_ok=True)
        for name, template in PAGES.items():
            temporary = options.out / f".{name}.{secrets.token_hex(4)}.tmp"
            temporary.write_text(render(record, template))
            temporary.replace(options.out / name)
    except (ReportError, OSError) as error:
        print(f"python -m reports: error: {error}", file=sys.stderr)
        return 1
    print(f"open {options.out / 'index.html'}, or read {options.out / 'report.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

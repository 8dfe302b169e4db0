"""`python -m reports build`: print the ladders, and write the report from the newest records."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from bench.record import KINDS, machine_of
from impls.command_line import tell
from impls.machine import machine_name
from impls.storage import atomic_writer
from reports.commands import PROGRAM
from reports.commands.options import add_record, record_of
from reports.evidence import Evidence, load_evidence
from reports.figures.ladders import rungs
from reports.figures.tables import Table
from reports.pages import html, markdown, picture
from reports.pages.terminal import as_text
from reports.records import Record, ladders
from reports.sections import report
from reports.sections.summary import stale_sentences

LATEST = Path(__file__).parents[1] / "latest"

PAGES = {"index.html": html.page, "report.md": markdown.page, "ladder.svg": picture.page}
"""A dict: file name -> function that makes the page from a report."""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    add_record(parser)
    parser.add_argument("--out", type=Path, default=LATEST, help="folder to write to (default: reports/latest)")


def run(options: Namespace) -> int:
    """Write the pages; if a record cannot be used, write the report from the other records and return 1."""
    evidence = load_evidence(record_of(options))
    print(terminal(evidence.bench))
    write_pages(evidence, options.out)
    for problem in evidence.problems:
        tell(PROGRAM.name, "error", problem)
    return 1 if evidence.problems else 0


def write_pages(evidence: Evidence, folder: Path) -> None:
    """Write the report to a folder, and print the notes about its records and the path of the report."""
    pages = render(evidence)
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        with atomic_writer(folder / name) as file:
            file.write(page.encode())
    print(*notes(evidence), f"open {folder / 'index.html'}, or read {folder / 'report.md'}", sep="\n")


def render(evidence: Evidence) -> dict[str, str]:
    """Return the pages by file name."""
    made = report(evidence)
    return {name: page(made) for name, page in PAGES.items()}


def terminal(record: Record) -> str:
    """Return all ladders as text."""
    parts = []
    for stage, workload, rows in ladders(record):
        found = rungs(rows)
        table = Table(
            ["implementation", "median", "speed-up", "spread", found[0].rate.unit],
            [[row.impl, row.time.alone, row.speedup.alone, row.speedup.spread, row.rate] for row in found],
        )
        parts.append(f"{stage}, {workload}: speed-up over {found[0].impl}\n{as_text(table)}\n")
    return "\n".join(parts)


def notes(evidence: Evidence) -> list[str]:
    """Return the notes: a record comes from another machine, records were passed over, or a record is stale."""
    here, there = machine_name(), machine_of(evidence.bench.machine)
    command = KINDS["bench"].command
    other = f"{evidence.bench.path.name} comes from {there}, this is {here}; `{command}` measures here"
    passed = f"passed over: {'; '.join(evidence.passed_over)}"
    found = [*([other] if here != there else []), *([passed] if evidence.passed_over else [])]
    return [*found, *stale_sentences(evidence)]

"""The machine of the records, and the commands that made them."""

from __future__ import annotations

from bench.record import KINDS
from reports.blocks import Block, Paragraph
from reports.evidence import Evidence
from reports.figures.tables import Table
from reports.figures.values import Cell, Code
from reports.records import Record


def machine(evidence: Evidence) -> list[Block]:
    """Return the machine, the versions and the commit, then a row per record."""
    record = evidence.bench
    rows: list[list[Cell]] = [["bench", Code(record.path.name), record.when, Code(record.command)]]
    for kind, content in evidence.others.items():
        command = KINDS[kind].reproduce(content)
        rows.append([kind, Code(evidence.names[kind]), content["datetime"][:19], Code(command)])
    head = ["record", "file", "run (UTC)", "command"]
    return [Paragraph(described(record)), Table(head, rows)]


def described(record: Record) -> str:
    """Describe the machine, the versions and the commit of the benchmarks."""
    info, cpu = record.machine, record.machine["cpu"]
    versions = ", ".join(f"{name} {version}" for name, version in record.cases["versions"].iloc[0].items())
    dirty = " with uncommitted changes" if record.commit.get("dirty") else ""
    return (
        f"{cpu['brand_raw']}, {cpu['count']} cores, {cpu['memory_bytes'] / 2**30:.1f} GiB; "
        f"{info['system']} {info['release']}; {info['python_implementation']} {info['python_version']}; "
        f"{versions}. Commit {(record.commit.get('id') or 'unknown')[:12]}{dirty}."
    )

"""`python -m profiles run`: profile one target with one tool."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from profiles.capture import CAPTURES, capture
from profiles.targets import SMALL, TARGETS, Subject
from profiles.tools import NAMES


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--tool", required=True, choices=NAMES)
    parser.add_argument("--stage", required=True, choices=TARGETS)
    parser.add_argument("--impl", required=True, help="a name of `python -m profiles list`")
    parser.add_argument("--workload", default=SMALL, help=f"a name of `python -m profiles list` (default: {SMALL})")
    parser.add_argument("--captures", type=Path, default=CAPTURES, help="folder for the raw file and the digest")


def run(options: Namespace) -> None:
    """Make one profile and print its digest."""
    subject = Subject(options.stage, options.impl, options.workload)
    print(describe(capture(options.tool, subject, options.captures)))
    print(f"  raw file and digest in {options.captures}")


def describe(digest: dict[str, Any]) -> str:
    """Return a digest in a few lines for people."""
    return "\n".join([
        f"{digest['stage']}/{digest['impl']} on {digest['workload']}, {digest['tool']}: "
        f"{digest['seconds_plain']:.3g} s, under the tool {digest['slow_down']:.2g}x; {digest['sees']}",
        *_times(digest),
        *_memory(digest),
        *(f"  {number:>12,}  {phase}" for phase, number in digest.get("phases", {}).items()),
        *_counts(digest),
    ])  # fmt: skip


def _times(digest: dict[str, Any]) -> Iterator[str]:
    for row in digest.get("functions", [])[:8]:
        calls = f"{row['calls']:>12,}" if row["calls"] else " " * 12
        place = f" ({row['file']}:{row['line']})" if row["file"] else ""
        yield f"  {row['own']:9.4f} s own {calls} calls  {row['name']}{place}"


def _memory(digest: dict[str, Any]) -> Iterator[str]:
    if "peak_bytes" in digest:
        yield f"  peak {digest['peak_bytes'] / 1e6:,.1f} MB"
    for row in digest.get("sites", [])[:5]:
        yield f"  {row['bytes'] / 1e6:9.2f} MB  {row['name']} ({row['file']}:{row['line']})"
    if tensors := digest.get("tensor_bytes"):
        for kind, predicted in tensors["predicted"].items():
            yield f"  {kind}: {predicted:,} bytes predicted, {tensors['measured'][kind]:,} measured"


def _counts(digest: dict[str, Any]) -> Iterator[str]:
    kernels = digest.get("compiled", {}) if digest.get("kernels") else {}
    for words, counts in (("compiled code", kernels), ("whole call", digest.get("call", {}))):
        for name, total in counts.items():
            each = total / digest["repeats"] / digest["units"]
            yield f"  {each:12,.3f}  {name.replace('_', ' ')} per {digest['per']}, {words}"

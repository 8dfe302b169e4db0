"""The command line: `python -m profiles run --tool T --stage S --impl I --workload W`, `suite`, `list`.

Every run leaves a raw file and a digest in profiles/captures/; `suite` runs a sensible set and keeps the digests as a
record. Exit status 0 when all went well, 1 when a tool or a target failed (one line each), 2 for bad usage, 130 for
an interrupt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import proof
from bench.machine import RECORDS, machine_name
from bench.options import chosen
from bench.progress import progress
from data import DataError
from impls import MergelabError, UsageError
from impls.command_line import OneLineParser
from profiles.targets import TARGETS, TRAINER, check, code_digest, find_workload
from profiles.tools import TOOLS, run_tool

CAPTURES = Path(__file__).parent / "captures"

PACKAGES = (*proof.PACKAGES, "memray", "scalene", "torch")

SMALL, LARGE = "stories-100KB", "stories-5MB"

Run = tuple[str, str, str, str]
"""Tool, stage, implementation, workload."""


def suite() -> Iterator[Run]:
    """Yield what is worth knowing: calls of every implementation, then memory, samples and steps of some."""
    for stage, target in TARGETS.items():
        for impl in target.impls:
            yield "cprofile", stage, impl, SMALL
    yield from (("cprofile", stage, impl, LARGE) for stage, impl in LARGE_ONES)
    yield from (("memray", stage, impl, LARGE) for stage, impl in LARGE_ONES)
    yield from (("rss", "count", impl, LARGE) for impl in TARGETS["count"].impls)
    yield from (("scalene", stage, impl, workload) for stage, impl, workload in SCALENE)
    yield from (("speedscope", stage, impl, SMALL) for stage, impl in (("train", "naive"), ("encode", "cached")))
    yield from (("counters", stage, "jit", SMALL) for stage in ("count", "train", "encode"))
    yield from (("torch", "gpt2-step", impl, SMALL) for impl in TARGETS["gpt2-step"].impls)
    yield "torch", "llama3-step", "fused", SMALL
    # Without rss: what the first call of a step took stays with the process.
    yield from ((tool, "gpt2-step", "fused", SMALL) for tool in ("scalene", "memray"))


LARGE_ONES = (
    ("count", "findall"), ("count", "finditer"), ("count", "jit"), ("train", "incremental"), ("train", "jit"),
    ("encode", "cached"), ("encode", "jit"),
)  # fmt: skip
"""What can be looked at on the large workload."""

SCALENE = (
    ("count", "finditer", LARGE),
    ("train", "naive", SMALL),
    ("train", "incremental", LARGE),
    ("encode", "cached", LARGE),
)


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(prog="python -m profiles", description="Look inside any stage and implementation.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="one tool on one target")
    run.add_argument("--tool", required=True, choices=TOOLS)
    run.add_argument("--stage", required=True, choices=TARGETS)
    run.add_argument("--impl", required=True, help="a name of `python -m profiles list`")
    run.add_argument("--workload", default=SMALL, help="a name of `python -m profiles list`")
    run.add_argument("--captures", type=Path, default=CAPTURES, help="where raw file and digest go")
    everything = commands.add_parser("suite", help="a sensible set of runs, kept as a record")
    everything.add_argument("--only", metavar="TOOL,TOOL", help="with these tools alone")
    everything.add_argument("--captures", type=Path, default=CAPTURES)
    everything.add_argument("--records", type=Path, help="folder for the record; that of this machine by default")
    commands.add_parser("list", help="tools, stages, implementations, workloads")
    return parser


def capture(run: Run, folder: Path) -> dict[str, Any]:
    """Profile once; returns the digest, which is also written beside the raw file.

    Raises:
        UsageError: there is no such target, or the tool is not for it.
        MergelabError: PyTorch is missing, or the tool or the target failed.
    """
    tool, stage, impl, workload = run
    check(stage, impl, find_workload(workload))
    if TOOLS[tool].stages and stage not in TOOLS[tool].stages:
        raise UsageError(f"--tool {tool}: cannot look into {stage}, only into {', '.join(TOOLS[tool].stages)}")
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{tool}-{stage}-{impl}-{workload}"
    raw = folder.absolute() / f"{name}{TOOLS[tool].suffix}"
    place = {"tool": tool, "stage": stage, "impl": impl, "workload": workload}
    measured = run_tool(TOOLS[tool], {"stage": stage, "impl": impl, "workload": workload}, raw)
    digest = {**place, "raw": raw.name, "code_sha256": code_digest(stage, impl), **measured}
    (folder / f"{name}.digest.json").write_text(json.dumps(digest, indent=1) + "\n")
    return digest


def describe(digest: dict[str, Any]) -> str:
    """Say in a few lines what a digest holds."""
    lines = [
        f"{digest['stage']}/{digest['impl']} on {digest['workload']}, {digest['tool']}: "
        f"{digest['seconds_plain']:.3g} s, under the tool {digest['slow_down']:.2g}x; {digest['sees']}"
    ]
    for row in digest.get("functions", [])[:8]:
        calls = f"{row['calls']:>12,}" if row["calls"] else " " * 12
        place = f" ({row['file']}:{row['line']})" if row["file"] else ""
        lines.append(f"  {row['own']:9.4f} s own {calls} calls  {row['name']}{place}")
    if "peak_bytes" in digest:
        lines.append(f"  peak {digest['peak_bytes'] / 1e6:,.1f} MB")
    for row in digest.get("sites", [])[:5]:
        lines.append(f"  {row['bytes'] / 1e6:9.2f} MB  {row['name']} ({row['file']}:{row['line']})")
    lines += [f"  {number:>12,}  {phase}" for phase, number in digest.get("phases", {}).items()]
    if tensors := digest.get("tensor_bytes"):
        lines += [
            f"  {kind}: {predicted:,} bytes predicted, {tensors['measured'][kind]:,} measured"
            for kind, predicted in tensors["predicted"].items()
        ]
    return "\n".join(lines)


def run_suite(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Run the set; a run that fails is one line and part of the record."""
    tools = chosen(options.only, TOOLS, "tool")
    code = {**proof.code_digests(), TRAINER: proof.module_digest(TRAINER)}
    head = proof.head("profiles", arguments, PACKAGES, code)
    digests: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    for run in suite():
        if run[0] not in tools:
            continue
        progress(" ".join(run))
        try:
            digests.append(capture(run, options.captures))
        except MergelabError as error:
            place = dict(zip(("tool", "stage", "impl", "workload"), run, strict=True))
            failures.append({**place, "error": " ".join(str(error).split())})
    progress("")
    for failure in failures:
        print(f"{failure['stage']}/{failure['impl']} on {failure['workload']}: {failure['error']}", file=sys.stderr)
    target = options.records or RECORDS / machine_name() / "profiles"
    print(proof.write_record(target, {**head, "digests": digests, "failures": failures}))
    return 1 if failures else 0


def listing() -> str:
    """Return what there is to choose from."""
    from data.workloads import workloads

    lines = [f"tool      {tool.name}: {tool.sees}" for tool in TOOLS.values()]
    lines += [f"stage     {stage}: {', '.join(target.impls)}" for stage, target in TARGETS.items()]
    return "\n".join([*lines, *(f"workload  {row.name}: {row.why}" for row in workloads())])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(arguments)
    try:
        if options.command == "suite":
            return run_suite(options, arguments)
        if options.command == "list":
            print(listing())
        else:
            print(describe(capture((options.tool, options.stage, options.impl, options.workload), options.captures)))
            print(f"  raw file and digest in {options.captures}")
    except (MergelabError, DataError, OSError) as error:
        print(f"python -m profiles: error: {' '.join(str(error).split())}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    except KeyboardInterrupt:
        print("python -m profiles: error: interrupted; there is no record", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

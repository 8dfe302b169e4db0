"""`python -m bench compare --base REV`: let the working tree and another revision take turns, and print the ratios.

    python -m bench compare --base main
    python -m bench compare --base HEAD~3 --only encode/jit,train/jit --workload stories-5MB --fail-above 5

Both revisions run in processes of their own, on the same files, A B B A. It writes no record and no report.

Exit status 0 when all was measured; 1 when an output differs, head fails in a case, or changed code is slower than
`--fail-above` allows.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.options import percentage
from bench.progress import progress
from bench.revisions.checkout import check_out, commit_of, copy_working_tree
from bench.revisions.choice import chosen_workloads, trials
from bench.revisions.inputs import InputFiles
from bench.revisions.measure import Measured, measure
from bench.revisions.process import implementations_of, launched
from bench.revisions.render import failure, table
from data.workloads import Workload
from impls import UsageError
from impls.cache import cache_root
from impls.command_line import tell


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--base", required=True, metavar="REV", help="a branch, tag or commit to compare with")
    parser.add_argument(
        "--only", metavar="encode/jit,train/jit", help="these alone; all that changed, and the fastest, by default"
    )
    parser.add_argument("--workload", metavar="W,...", help="names of workloads; the small ones by default")
    parser.add_argument("--seconds", type=float, default=90.0, help="for all turns together (default: 90)")
    parser.add_argument(
        "--fail-above", type=percentage, metavar="PERCENT", help="fail if changed code is slower by more"
    )


def run(options: Namespace) -> int:
    """Compare, print; returns the exit status."""
    if not 0 < options.seconds <= 86_400:
        raise UsageError(f"--seconds: {options.seconds:g} is no time to compare in; give more than 0, at most 86400")
    sizes = chosen_workloads(options.workload)
    commit = commit_of(options.base)
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        found = side_by_side(commit, Path(folder), options.only, sizes, options.seconds, options.workload is not None)
    progress("")
    print(f"the working tree against {options.base} ({commit[:12]})")
    print("\n".join(table(found)))
    slower = [] if options.fail_above is None else [one for one in found.results if one.fails(options.fail_above)]
    for one in slower:
        tell("python -m bench", "error", failure(one, options.fail_above))
    return 1 if slower or found.wrong else 0


def side_by_side(
    commit: str, folder: Path, only: str | None, sizes: list[Workload], seconds: float, whole: bool
) -> Measured:
    """Compare the working tree with a commit; sources and inputs are written to `folder`."""
    base, head = check_out(commit, folder / "base"), copy_working_tree(folder / "head")
    environment = {"MERGELAB_CACHE": str(code_cache(folder))}
    chosen, lines = trials(only, sizes, implementations_of("base", base, environment), base, head)
    launcher = partial(launched, base, head, environment)
    found = measure(chosen, launcher, InputFiles(folder / "inputs"), seconds, progress, whole)
    return replace(found, left_out=[*lines, *found.left_out])


def code_cache(folder: Path) -> Path:
    """Return where compiled code of all revisions is kept, apart from the user's own; `folder` without a home."""
    try:
        return cache_root() / "compare"
    except OSError:
        return folder / "cache"

"""Instructions, branches and cache misses of a call, as Valgrind's Cachegrind simulates them.

Cachegrind runs every instruction on a simulated CPU, so its counts do not depend on how busy a machine is
(https://valgrind.org/docs/manual/cg-manual.html). Valgrind does not know the newest instructions, so the kernels are
compiled for `CPU`. The cache keeps this code apart, in a folder whose name depends on the flags of Numba.

Cachegrind counts a whole process and writes the counts at its end. So the process copies itself, by a fork, before
the work and after it. Each copy ends at once and writes the counts up to this moment. The difference of the two
counts is the work. The counts of a second run with fewer calls could not be subtracted: two starts of Python differ
by more instructions than a short call has.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from impls import MergelabError
from impls.registry import STAGES
from impls.storage import atomic_writer
from profiles.targets import LARGE, SMALL, Subject, in_one_process
from profiles.tools.tool import Tool, run_child
from profiles.tools.units import units

CPU = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+bmi,+bmi2,+popcnt,+lzcnt,+sse4.2,+fma"}
"""The newest kind of CPU that Valgrind simulates."""

STEADY = {"NUMBA_DISABLE_JIT": "0", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
"""These variables keep counts equal from run to run: no thread waits for work, and hashes are not random."""

CACHES = ("--I1=32768,8,64", "--D1=32768,8,64", "--LL=33554432,16,64")
"""Size in bytes, number of ways, and bytes per line of each simulated cache, the same on every machine."""

OPTIONS = ("--command-line-only=yes", "-q", "--tool=cachegrind", "--smc-check=all-non-file")

EVENTS = {
    "instructions": ("Ir",),
    "branches": ("Bc", "Bi"),
    "mispredicted": ("Bcm", "Bim"),
    "d1_misses": ("D1mr", "D1mw"),
    "ll_misses": ("DLmr", "DLmw"),
}
"""Count -> the events of Cachegrind whose sum it is, such as conditional and indirect branches."""

Function = tuple[str, str]
"""File and name of a function. Both are "???" for code compiled at run time, and for few stubs between libraries."""

UNKNOWN: Function = ("???", "???")


@dataclass(frozen=True)
class Counts:
    """The counts of one run of Cachegrind.

    Attributes:
        events: the names of the events in Cachegrind.
        functions: the number of each event by function, in the order of `events`.
    """

    events: tuple[str, ...]
    functions: Mapping[Function, list[int]]

    @classmethod
    def read(cls, path: Path) -> Counts:
        """Read a file that Cachegrind wrote. For the format, see https://valgrind.org/docs/manual/cg-manual.html.

        Raises:
            MergelabError: the file is missing, or ends too early.
        """
        events: tuple[str, ...] = ()
        functions: dict[Function, list[int]] = {}
        file, function, last = "", UNKNOWN, ""
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        for last in lines:
            key, is_name, rest = last.partition("=")
            if last[:1].isdigit():
                numbers = [int(word) for word in last.replace(".", "0").split()[1:]]
                known = functions.get(function, [0] * len(events))
                functions[function] = [one + more for one, more in zip_longest(known, numbers, fillvalue=0)]
            elif is_name and key == "fl":
                file = rest
            elif is_name and key == "fn":
                function = (file, rest)
            elif last.startswith("events:"):
                events = tuple(last.split()[1:])
        if not last.startswith("summary:"):
            raise MergelabError("Valgrind left no counts, or not all of them; try again")
        return cls(events, functions)

    def __sub__(self, before: Counts) -> Counts:
        """Return the counts since `before`, without the functions that executed nothing in this time."""
        nothing = [0] * len(self.events)
        changed = {
            name: [late - early for late, early in zip(row, before.functions.get(name, nothing), strict=True)]
            for name, row in self.functions.items()
        }
        return Counts(self.events, {name: row for name, row in changed.items() if any(row)})

    def of(self, *functions: Function) -> dict[str, int]:
        """Return the sum of the counts of some functions: a name of `EVENTS` -> count."""
        rows = [dict(zip(self.events, self.functions[name], strict=True)) for name in functions]
        return {name: sum(row[event] for row in rows for event in events) for name, events in EVENTS.items()}

    def write(self, path: Path) -> None:
        """Write a file with the counts of each function, without line numbers; `cg_annotate` can read it."""
        lines = [f"cmd: {path.stem}", f"events: {' '.join(self.events)}"]
        for (file, name), row in self.functions.items():
            lines += [f"fl={file}", f"fn={name}", f"0 {' '.join(map(str, row))}"]
        totals = map(sum, zip(*self.functions.values(), strict=True))
        with atomic_writer(path) as target:
            target.write("\n".join([*lines, f"summary: {' '.join(map(str, totals))}", ""]).encode())


def absent() -> str:
    """Return why Cachegrind cannot run on this machine; empty if it can."""
    if platform.machine() != "x86_64":
        return f"Cachegrind is set up for x86_64 CPUs, and this CPU is {platform.machine()}; use another machine"
    return "" if shutil.which("valgrind") else "Valgrind is not installed; install it: apt install valgrind"


def suite() -> Iterator[Subject]:
    """Yield profiles of each ladder: all steps but the first on the small workload, the last step on the large one.

    Each profile takes Valgrind a quarter of a minute, most of it for the start of Python. The first step of training
    would take five minutes.
    """
    for stage in STAGES:
        small, large = ([row for row in in_one_process(name) if row.stage == stage] for name in (SMALL, LARGE))
        yield from (*small[1:], large[-1])


@contextmanager
def between(raw: Path) -> Iterator[None]:
    """Leave the counts before and after the block, in files beside `raw`."""
    before = _copy()
    yield
    after = _copy()
    for child, name in ((before, "before"), (after, "after")):
        os.waitpid(child, 0)
        Path(f"{raw}.{child}").rename(f"{raw}.{name}")


def _copy() -> int:
    """Start a copy of this process that ends at once; returns the process id of the copy."""
    child = os.fork()
    if not child:
        os._exit(0)
    return child


def same_addresses() -> list[str]:
    """Return the beginning of a command that gives a program the same addresses in each run; empty if forbidden.

    First-level misses depend on which arrays share a set of the cache: with other addresses they vary by 3 %.
    """
    command = ["setarch", platform.machine(), "-R"]
    try:
        run_child([*command, "true"], {}, Path())
    except MergelabError:
        return []
    return command


def count(command: Sequence[str], environment: Mapping[str, str], raw: Path) -> str:
    """Run the profiled process under Valgrind, write the difference of its counts, and return its standard output.

    Raises:
        MergelabError: the process failed or hangs.
    """
    order = json.loads(command[-1])
    # Under Valgrind, Numba would take minutes to compile, so a run without Valgrind compiles the code first.
    run_child([*command[:-1], json.dumps({**order, "tool": "plain", "repeats": 1})], environment, raw)
    with TemporaryDirectory(prefix="mergelab-") as folder:
        counts = Path(folder) / "counts"
        options = [*OPTIONS, "--cache-sim=yes", "--branch-sim=yes", *CACHES, f"--cachegrind-out-file={counts}.%p"]
        inner = [*command[:-1], json.dumps({**order, "raw": str(counts)})]
        printed = run_child([*same_addresses(), "valgrind", *options, *inner], environment, raw)
        before, after = (Counts.read(Path(f"{counts}.{name}")) for name in ("before", "after"))
    (after - before).write(raw)
    return printed


def digest(raw: Path) -> dict[str, Any]:
    """Return the counts of all calls together, and the counts of code without a name, which is the kernels' code.

    Raises:
        MergelabError: nothing was counted.
    """
    counts = Counts.read(raw)
    if not counts.functions:
        raise MergelabError("nothing was counted; take a larger workload")
    known = [name for name in counts.functions if name == UNKNOWN]
    return {"call": counts.of(*counts.functions), "compiled": counts.of(*known)}


TOOL = Tool(
    "cachegrind",
    sees="instructions, branches and cache misses on a simulated CPU, of calls and of compiled code alone",
    absent=absent,
    suffix=".cachegrind",
    repeats=2,
    warms=True,
    stages=STAGES,
    suite=suite,
    environment={**CPU, **STEADY},
    start=count,
    context=between,
    facts=units,
    digest=digest,
)

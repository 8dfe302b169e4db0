"""Instructions, branches and cache misses of a call, as Valgrind's Cachegrind simulates them.

Cachegrind runs every instruction on a simulated CPU, so its counts do not depend on how busy a machine is
(https://valgrind.org/docs/manual/cg-manual.html). Valgrind does not know the newest instructions, so the kernels are
compiled for `CPU`. That code lies in a cache folder of its own: the flags of Numba are part of the folder's digest.

Cachegrind counts a whole process and writes the counts at its end. So the process copies itself, by a fork, before
the work and after it. Each copy ends at once and leaves the counts of its moment; the difference is the work. To
subtract a run with fewer calls would not do: two starts of Python differ by more instructions than a short call has.
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
"""No thread that waits for work, and the same hashes in each run."""

CACHES = ("--I1=32768,8,64", "--D1=32768,8,64", "--LL=33554432,16,64")
"""Bytes, ways and bytes per line: the same caches on every machine, of a usual size."""

OPTIONS = ("--command-line-only=yes", "-q", "--tool=cachegrind", "--smc-check=all-non-file")

EVENTS = {
    "instructions": ("Ir",),
    "branches": ("Bc", "Bi"),
    "mispredicted": ("Bcm", "Bim"),
    "d1_misses": ("D1mr", "D1mw"),
    "ll_misses": ("DLmr", "DLmw"),
}
"""Count -> events of Cachegrind that are added: conditional and indirect branches, reads and writes."""

Function = tuple[str, str]
"""File and name; both are "???" in code that was compiled at run time, and in the few stubs between libraries."""

UNKNOWN: Function = ("???", "???")


@dataclass(frozen=True)
class Counts:
    """What Cachegrind counted.

    Attributes:
        events: their names, as Cachegrind has them.
        functions: the number of each event by function, in the order of `events`.
    """

    events: tuple[str, ...]
    functions: Mapping[Function, list[int]]

    @classmethod
    def read(cls, path: Path) -> Counts:
        """Read a file of Cachegrind; its format is at https://valgrind.org/docs/manual/cg-manual.html.

        Raises:
            MergelabError: it is missing, or ends too early.
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
        """Return what was counted since `before`, without the functions that did nothing since."""
        nothing = [0] * len(self.events)
        changed = {
            name: [late - early for late, early in zip(row, before.functions.get(name, nothing), strict=True)]
            for name, row in self.functions.items()
        }
        return Counts(self.events, {name: row for name, row in changed.items() if any(row)})

    def of(self, *functions: Function) -> dict[str, int]:
        """Return the counts of some functions together, by the names of `EVENTS`."""
        rows = [dict(zip(self.events, self.functions[name], strict=True)) for name in functions]
        return {name: sum(row[event] for row in rows for event in events) for name, events in EVENTS.items()}

    def write(self, path: Path) -> None:
        """Write a file that `cg_annotate` reads too, by function, without numbers of lines."""
        lines = [f"cmd: {path.stem}", f"events: {' '.join(self.events)}"]
        for (file, name), row in self.functions.items():
            lines += [f"fl={file}", f"fn={name}", f"0 {' '.join(map(str, row))}"]
        totals = map(sum, zip(*self.functions.values(), strict=True))
        with atomic_writer(path) as target:
            target.write("\n".join([*lines, f"summary: {' '.join(map(str, totals))}", ""]).encode())


def absent() -> str:
    """Tell why Cachegrind cannot run here; empty if it can."""
    if platform.machine() != "x86_64":
        return f"it is set up for CPUs of the kind x86_64, and this one is {platform.machine()}; use another machine"
    return "" if shutil.which("valgrind") else "Valgrind is not installed; install it: apt install valgrind"


def suite() -> Iterator[Subject]:
    """Yield each ladder on the small workload without its first implementation, and its end on the large workload.

    Each takes Valgrind a quarter of a minute, most of it for the start of Python; the first trainer would take five.
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
    """Start a copy of this process that ends at once; returns its number."""
    child = os.fork()
    if not child:
        os._exit(0)
    return child


def same_addresses() -> list[str]:
    """Return what gives a program the same addresses in each run, or nothing where the system forbids that.

    First-level misses depend on which arrays share a set of the cache: with other addresses they vary by 3 %.
    """
    command = ["setarch", platform.machine(), "-R"]
    try:
        run_child([*command, "true"], {}, Path())
    except MergelabError:
        return []
    return command


def count(command: Sequence[str], environment: Mapping[str, str], raw: Path) -> str:
    """Run the profiled process under Valgrind, write what lies between its counts, and return its standard output.

    Raises:
        MergelabError: it failed or hangs.
    """
    order = json.loads(command[-1])
    # Valgrind would take minutes for Numba: what must be compiled is compiled before.
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
    """Return the counts of all calls together, and of code without a name, which is that of kernels if there are any.

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

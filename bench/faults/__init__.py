"""Faults under work: commands are killed, their disk is full, their folder is lost, threads share a tokenizer, and a
busy process is forked.

Three promises must hold after each fault. No file of the user has changed. No file has its final name before it is
complete. Work that is started again ends with the same bits as undisturbed work. `run` counts the faults, and writes
a record of kind "faults".
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import record
from bench.child import order
from bench.faults.disk import fill_once
from bench.faults.grounds import Skipped, grounds
from bench.faults.kill import kill_once
from bench.faults.lost import lose_once
from bench.faults.tally import Tally
from bench.faults.works import TEXT, TOKENIZER
from bench.places import as_line
from impls.errors import MergelabError

Say = Callable[[str], None]

FAULTS = {"kill": (kill_once, 1), "full disk": (fill_once, 4), "lost folder": (lose_once, 4)}
"""Kind of fault -> the function that makes one fault, and the number of kills for which there is one fault."""

TOGETHER = {"threads": "8 threads on one Tokenizer", "forks": "forks of a busy process"}

PER_TOGETHER = 20
"""Kills per run of each kind of `TOGETHER`."""


def run(kills: int, seed: int, say: Say, *, only: Sequence[str] = (), records: Path | None = None) -> dict[str, Any]:
    """Disturb all kinds of work, and write a record.

    Args:
        kills: number of kills. The other kinds have fewer faults, one per 4 or 20 kills; see `FAULTS` and
            `PER_TOGETHER`.
        seed: decides all random choices, also the random moments. At the same moment, a slow machine has done less
            work than a fast one, so two runs may still differ.
        say: called with a line of text about each kind of fault under each kind of work.
        only: names of work; all by default.
        records: folder for the record; the folder of this machine by default.

    Returns:
        The record. `faults` has a row, the fields of a `bench.faults.tally.Tally`, per kind of fault and kind of
        work;
        `skipped` has a row per kind of work that was left out. `violations` lists the broken promises of the record.
    """
    content = record.head("faults", ["fuzz", "--faults", str(kills), "--seed", str(seed)])
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        tallies, skipped = _disturb(kills, random.Random(seed), say, only, Path(folder))
    content |= {
        "faults": [tally.row() for tally in tallies],
        "skipped": skipped,
        "kills": kills,
        "seed": seed,
        "seconds": time.monotonic() - started,
    }
    say(str(record.write(content, records)))
    return content


def violations(content: dict[str, Any]) -> list[str]:
    """Return a line for each broken promise in a record of faults."""
    return [f"{row['work']}, {row['fault']}: {line}" for row in content["faults"] for line in row["violations"]]


def _disturb(
    kills: int, draw: random.Random, say: Say, only: Sequence[str], folder: Path
) -> tuple[list[Tally], Skipped]:
    """Make all faults; return their counts and the work that was left out."""
    tallies: list[Tally] = []
    with grounds(folder, only, say) as (ready, skipped):
        for fault, (once, per) in FAULTS.items():
            for place, ground in enumerate(ready):
                tally = Tally(fault, ground.work.name)
                for number in range(place, -(-kills // per), len(ready)):
                    once(ground, folder / f"{fault.replace(' ', '-')}-{place}-{number}", draw, tally)
                tallies += _told(tally, say)
    if not only:
        for kind in TOGETHER:
            tallies += _told(_together(kind, -(-kills // PER_TOGETHER), draw, folder / "base"), say)
    return tallies, skipped


def _told(tally: Tally, say: Say) -> list[Tally]:
    """Print the counts of a kind of fault; return them as a list, which is empty if there were no runs."""
    if tally.runs:
        say(str(tally))
    for line in tally.violations:
        say(f"  violation: {line}")
    return [tally] if tally.runs else []


def _together(kind: str, runs: int, draw: random.Random, base: Path) -> Tally:
    """Let child processes use one tokenizer in several threads, or fork while they use it."""
    tally = Tally(kind, TOGETHER[kind])
    for _ in range(runs):
        job = {
            "kind": kind,
            "tokenizer": str(base / TOKENIZER),
            "text": str(base / TEXT),
            "seed": draw.randrange(10**6),
        }
        try:
            found = order("bench.faults.together", job)["found"]
        except MergelabError as error:
            found = [as_line(error)]
        tally.add("during", found, f"seed {job['seed']}")
    return tally

"""What several files of tests share: a run of the real benchmarks, and how to see that a process has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.memory import resident
from tests.support import ROOT

Run = tuple[subprocess.CompletedProcess[str], Path]
"""The ended process, and its record."""

WRONG_TRAINER = """
import impls.train.weighted as weighted
from impls.contract import Merges

def train(pretokens, **options):
    return Merges.from_pairs([(1, 2)])

weighted.train = train
"""


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the real suites on a small file, with a trainer that is wrong on purpose; returns the record too."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "small.txt").write_text("the cat ate the other cat; the dog did not. <|endoftext|> It's 1 day.\n" * 20)
    (folder / "wrong_trainer.py").write_text(WRONG_TRAINER)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "-q", "--benchmark-autosave", "-p", "wrong_trainer",
         "--corpus", f"file:{folder / 'small.txt'}", f"--benchmark-storage=file://{folder / 'records'}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, next((folder / "records").rglob("*.json"))


def has_ended(process: int) -> bool:
    """Tell whether a process ends within a few seconds: to free the memory of a killed one takes a moment."""
    deadline = time.monotonic() + 10
    while resident(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not resident(process)

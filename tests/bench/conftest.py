"""A run of the real benchmarks, which several files of tests look at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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

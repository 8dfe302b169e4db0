"""Python in a process of its own, with limits."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT


def child(
    arguments: list[str], folder: Path, limits: dict[int, int] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder; `limits`: resource -> bytes."""

    def limit() -> None:
        for kind, size in (limits or {}).items():
            resource.setrlimit(kind, (size, size))

    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=limit,
    )


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}

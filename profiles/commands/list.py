"""`python -m profiles list`: list the tools, stages and workloads."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from data.workloads import workloads
from profiles import tools
from profiles.targets import TARGETS


def configure(parser: ArgumentParser) -> None:
    """There are no options."""
    del parser


def run(options: Namespace) -> None:
    """Print a line for each tool, stage and workload."""
    del options
    for name in tools.NAMES:
        print(f"tool      {name}: {tools.load(name).sees}")
    for stage, target in TARGETS.items():
        print(f"stage     {stage}: {', '.join(target.impls)}")
    for row in workloads():
        print(f"workload  {row.name}: {row.why}")

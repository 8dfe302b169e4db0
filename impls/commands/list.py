"""`mergelab list`: the implementations in the registry."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from impls.registry import STAGES, implementations

EXAMPLES = "%(prog)s"


def configure(parser: ArgumentParser) -> None:
    """Add no options: there are none."""
    del parser


def run(options: Namespace) -> None:
    """Print each stage with its implementations."""
    del options
    for stage in STAGES:
        print(stage)
        for row in implementations(stage):
            print(f"  {row.name:<14}{row.idea}")

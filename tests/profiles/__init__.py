"""Tests of `profiles`, and what they share."""

import importlib.util

import pytest

from profiles import tools
from profiles.targets import Subject

TRAINING = Subject("train", "weighted", "stories-100KB", 20_000)
ENCODING = Subject("encode", "jit", "stories-100KB", 20_000)
STEP = Subject("gpt2-step", "fused", "stories-100KB", 20_000)

# The trainer's stages need PyTorch; tests of them are skipped without it.
NEEDS_TORCH = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")


def why_not(name: str) -> str:
    """Return why a tool cannot run here; empty if it can."""
    tool = tools.load(name)
    if tool.needs and importlib.util.find_spec(tool.needs) is None:
        return f"{tool.needs} is not installed"
    return tool.absent()

"""The table of models, and the function that builds the model of a config.

A new model needs a file of its own in this folder, and a row here.
"""

from __future__ import annotations

from typing import Any

from lm.architecture import Architecture
from lm.config_base import ModelConfig
from lm.models import gpt2, llama3
from lm.ops import pick
from lm.transformer import LanguageModel

_ROWS: tuple[Architecture[Any], ...] = (gpt2.ARCHITECTURE, llama3.ARCHITECTURE)

ARCHITECTURES = {row.name: row for row in _ROWS}


def architecture_of(config: ModelConfig) -> Architecture[Any]:
    """Return the row of a config's model."""
    return ARCHITECTURES[config.architecture]


def build(config: ModelConfig, ops: str = "fused") -> LanguageModel:
    """Build the model that a config describes, with fresh weights from torch's generator.

    Raises:
        UsageError: there are no operations with the name `ops`.
    """
    return architecture_of(config).module(config, pick(ops))

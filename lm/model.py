"""From a config to a model."""

from __future__ import annotations

from lm.config import GPT2Config, ModelConfig
from lm.gpt2 import GPT2
from lm.llama3 import Llama3
from lm.ops import pick
from lm.transformer import LanguageModel


def build(config: ModelConfig, ops: str = "fused") -> LanguageModel:
    """Build the model that a config describes, with fresh weights from torch's generator.

    Raises:
        UsageError: there are no operations of that name.
    """
    if isinstance(config, GPT2Config):
        return GPT2(config, pick(ops))
    return Llama3(config, pick(ops))

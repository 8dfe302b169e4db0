"""The config of a study, from a YAML file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from lm.config import AnyModelConfig, DataConfig, DatasetConfig, TrainingConfig, check
from lm.config_base import Config, Name, Rate, Size
from lm.config_files import AUTO, read_yaml, resolve
from lm.kinds import KINDS

CONFIGS = Path(__file__).parents[1] / "configs"
"""A name in a study stands for a file in here, in the folder of its kind."""

PLACEHOLDERS: dict[str, dict[str, Any]] = {
    "model": {"vocab_size": 256},
    "training": {"max_steps": 1},
    "data": {"folder": "-"},
}
"""What the study decides itself: tokenizers, budgets and its folder."""


WORDS = {"bytes": "bytes of text", "tokens": "tokens", "flops": "operations"}
"""Field of a budget -> what it counts."""


class Budget(Config):
    """How long each model is trained: exactly one of the fields.

    Attributes:
        bytes: bytes of text.
        tokens: tokens.
        flops: operations of forward and backward passes, by `lm.accounting`.
    """

    bytes: Size | None = None
    tokens: Size | None = None
    flops: Rate | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("a budget has exactly one of bytes, tokens and flops; write for example bytes: 4000000")
        return self

    @property
    def unit(self) -> str:
        """The field that is given."""
        return next(iter(self.model_dump(exclude_none=True)))

    @property
    def amount(self) -> float:
        """The value of this field."""
        return float(self.model_dump(exclude_none=True)[self.unit])

    def __str__(self) -> str:
        amount = f"{self.amount:,.0f}" if self.amount < 1e9 else f"{self.amount:g}"
        return f"{amount} {WORDS[self.unit]}"


class StudyTokenizer(Config):
    """A tokenizer of the study: trained for it, or loaded.

    Attributes:
        path: a file or folder that `Tokenizer.load` takes.
        vocab_size: trains a tokenizer of this size.
        dataset: the text that it is trained on; the training text of the study by default.
        train_bytes: bytes of this text that are used, from the beginning; all by default.
    """

    path: str = ""
    vocab_size: Size | None = None
    dataset: DatasetConfig | None = None
    train_bytes: Size | None = None
    special_tokens: list[Name] = Field(default=["<|endoftext|>"])
    pattern: Name = "gpt2"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.path) == (self.vocab_size is not None):
            raise ValueError("a tokenizer has either a path or a vocab_size; give one of the two")
        if self.path and self.model_fields_set - {"path"}:
            raise ValueError("a tokenizer with a path is taken as it is; remove the other fields")
        return self


class StudyConfig(Config):
    """A study: every tokenizer, with every seed, for every budget.

    Attributes:
        dataset: the text; split into training and validation once, for all tokenizers.
        tokenizers: name -> tokenizer.
        seeds: of weights and batches; the differences between them are the noise of the study.
        budgets: how long to train. Each budget trains models of its own, with a schedule that ends with the budget.
        model: fields of a model config; `vocab_size: auto` takes the vocabulary of each tokenizer.
        training, data: fields of these configs. The study sets steps, intervals, seed and folder itself.
        context_bytes: bytes of text that a window has on average, the same for all tokenizers; by default windows
            have the same number of tokens, `data.block_size`.
        points: validations of each model along its training.
        eval_bytes: bytes of validation text of the final scores; all by default.
        hellaswag, hellaswag_items: a file of items for the final scores and the validations, and how many of them.
    """

    name: Name
    dataset: DatasetConfig
    tokenizers: Annotated[dict[Name, StudyTokenizer], Field(min_length=1)]
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    budgets: Annotated[list[Budget], Field(min_length=1)]
    model: dict[str, Any]
    training: dict[str, Any]
    data: dict[str, Any]
    context_bytes: Size | None = None
    points: Size = 8
    eval_bytes: Size | None = None
    hellaswag: str = ""
    hellaswag_items: Size = 200

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: {self.seeds} has a seed twice; remove it")
        for name in self.tokenizers:
            if not re.fullmatch(r"\w[\w.-]*", name):
                raise ValueError(f"tokenizers: {name!r} cannot name a folder; use letters, digits, -, _ and .")
        return self


def load_study(path: Path) -> StudyConfig:
    """Read the file of a study and the configs that it names.

    `dataset`, `model`, `training` and `data` are names of configs in `lm/configs`, or mappings, as in a run file.

    Raises:
        ConfigError: a file is missing, or a field is wrong; the message names the file and the field.
    """
    values = resolve(read_yaml(path), [kind for kind in KINDS if kind != "tokenizer"], CONFIGS)
    study: StudyConfig = check(StudyConfig, values, str(path))
    kinds: dict[str, Any] = {"model": AnyModelConfig, "training": TrainingConfig, "data": DataConfig}
    for kind, fixed in PLACEHOLDERS.items():
        given = getattr(study, kind)
        if kind == "model" and given.get("vocab_size") != AUTO:
            fixed = {}
        check(kinds[kind], {**given, **fixed}, f"{path}: {kind}")
    return study

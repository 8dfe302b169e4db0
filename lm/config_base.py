"""The parts of configs: a strict base class, types of fields, and the shape that all models have."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Size = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class Config(BaseModel):
    """Base of all configs: unknown fields and values of wrong types are errors, and a config never changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ModelConfig(Config):
    """The shape of a Transformer; an architecture adds its own fields and fixes `architecture`.

    Attributes:
        vocab_size: every id is below it.
        context_length: the largest number of positions.
        d_model: width of the residual stream.
        n_heads: query heads of each layer; they share d_model equally.
        d_ff: width of the hidden layer in the feed-forward half of each layer.
        tie_embeddings: whether the output layer and the token embeddings share one weight.
        architecture: name of a row of `lm.models.ARCHITECTURES`.
    """

    name: Name = "model"
    vocab_size: Size
    context_length: Size
    d_model: Size
    n_layers: Size
    n_heads: Size
    d_ff: Size
    norm_eps: Rate = 1e-5
    tie_embeddings: bool = True
    architecture: str

    @property
    def d_head(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads: {self.n_heads} does not divide d_model {self.d_model}; give a divisor of {self.d_model}"
            )
        return self

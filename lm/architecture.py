"""The description of an architecture: its classes, its sizes, and its translation to transformers and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor

from lm.config_base import ModelConfig
from lm.ops import Ops
from lm.transformer import LanguageModel

Weights = dict[str, Tensor]
"""A dict: name in the state dict of a model -> weight."""

C = TypeVar("C", bound=ModelConfig)


@dataclass(frozen=True)
class Sizes:
    """The numbers from which `lm.accounting` computes parameters, operations and memory.

    Attributes:
        attention, feed_forward: number of parameters of each half of one layer, without the norm of this half.
        norm: number of parameters of one norm.
        positions: number of parameters of the position embeddings.
        attention_products, feed_forward_products: number of multiply-adds per position in each half of one layer,
            counted only in products with weights.
        kept_by_layer: how many float32 numbers per position one layer keeps for the backward pass.
        kept_outside: how many float32 numbers per position the parts outside the layers keep for the backward pass.
        kept_tables: how many float32 numbers per position one layer keeps only once for all sequences of a batch.
    """

    attention: int
    feed_forward: int
    norm: int
    attention_products: int
    feed_forward_products: int
    kept_by_layer: int
    kept_outside: int
    positions: int = 0
    kept_tables: int = 0


@dataclass(frozen=True)
class Names:
    """The names of weights in our models ("ours") and in the models of transformers ("theirs").

    Attributes:
        modules: a dict: our name of a module -> their name. For a module inside a layer, only the part of the name
            after the layer's number.
        layers: the part of their names before the layer's number; in our names, this part is `layers`.
    """

    modules: Mapping[str, str]
    layers: str

    def theirs(self, name: str) -> str:
        """Return their name of a weight that has our name `name`."""
        return _rename(name, self.modules, "layers", self.layers)

    def ours(self, name: str) -> str:
        """Return our name of a weight that has their name `name`."""
        return _rename(name, {theirs: ours for ours, theirs in self.modules.items()}, self.layers, "layers")


def _rename(name: str, modules: Mapping[str, str], before: str, after: str) -> str:
    module, _, kind = name.rpartition(".")
    if module in modules:
        return f"{modules[module]}.{kind}"
    if module.startswith(f"{before}."):
        number, _, inner = module.removeprefix(f"{before}.").partition(".")
        return f"{after}.{number}.{modules.get(inner, inner)}.{kind}"
    return name


@dataclass(frozen=True)
class Architecture(Generic[C]):
    """A row of `lm.models.ARCHITECTURES`.

    Attributes:
        name: value of the field `architecture` in the configs of this architecture.
        config: class of the configs of this architecture.
        module: a function (config, operations) -> model with fresh weights.
        sizes: a function: config -> numbers for `lm.accounting`.
        model_type: name of the architecture in a config.json of transformers.
        export_config: a function: config -> fields of a config.json that describe the architecture.
        import_config: a function: fields of a config.json -> fields of `config`. It raises KeyError for a missing
            field, and ValueError for a value that our model cannot follow.
        export_weights: a function: model -> its weights with the names and the layout of transformers.
        import_weights: a function: (weights of transformers, config) -> weights of our model. It raises KeyError for
            a missing weight.
    """

    name: str
    config: type[C]
    module: Callable[[C, Ops], LanguageModel]
    sizes: Callable[[C], Sizes]
    model_type: str
    export_config: Callable[[C], dict[str, Any]]
    import_config: Callable[[dict[str, Any]], dict[str, Any]]
    export_weights: Callable[[LanguageModel], Weights]
    import_weights: Callable[[Weights, C], Weights]

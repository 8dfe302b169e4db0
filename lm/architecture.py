"""The form of an architecture: its classes, its sizes, and its translation to transformers and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor

from lm.config_base import ModelConfig
from lm.ops import Ops
from lm.transformer import LanguageModel

Weights = dict[str, Tensor]
"""Name in a state dict -> weight."""

C = TypeVar("C", bound=ModelConfig)


@dataclass(frozen=True)
class Sizes:
    """The numbers from which `lm.accounting` computes parameters, operations and memory.

    Attributes:
        attention, feed_forward: parameters of each half of one layer, without its norm.
        norm: parameters of one norm.
        positions: parameters of the position embeddings.
        attention_products, feed_forward_products: multiply-adds of one layer per position, in products with weights.
        kept_by_layer: float32 numbers per position that one layer keeps for the backward pass.
        kept_outside: float32 numbers per position that the parts around the layers keep.
        kept_tables: float32 numbers per position that one layer keeps once for the whole batch.
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
    """Names of weights, ours and theirs.

    Attributes:
        modules: our name of a module -> their name; inside a layer, the name after the number.
        layers: their prefix of the names inside a layer, before the number; ours is `layers`.
    """

    modules: Mapping[str, str]
    layers: str

    def theirs(self, name: str) -> str:
        """Translate our name of a weight."""
        return _rename(name, self.modules, "layers", self.layers)

    def ours(self, name: str) -> str:
        """Translate their name of a weight."""
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
        name: value of the field `architecture` of its configs.
        config: class of its configs.
        module: makes the model of a config, with fresh weights.
        sizes: config -> numbers for accounting.
        model_type: its name in a config.json of transformers.
        export_config: config -> fields of a config.json that describe the architecture.
        import_config: fields of a config.json -> fields of `config`; raises KeyError for a missing field, ValueError
            for a value that the model has no use for.
        export_weights: model -> weights under the names and in the layout of transformers.
        import_weights: such weights -> ours; raises KeyError for a missing weight.
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

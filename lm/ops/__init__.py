"""The operations of a Transformer, in two modules with functions of the same names: `reference` and `fused`.

`reference` is written from scratch: arithmetic, indexing and reductions on tensors. `fused` calls PyTorch's kernels,
one per operation. Tests check that both give the same results. Only `pick` chooses between the two modules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Protocol, cast

from torch import Tensor
from torch.optim import Optimizer

from impls.errors import UsageError
from lm.ops import fused, reference

OpsName = Literal["reference", "fused"]

IGNORE_INDEX = reference.IGNORE_INDEX


class Ops(Protocol):
    """The operations of both modules; shapes and formulas stand in `reference`."""

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Multiply by the transposed weight and add the bias."""

    def embedding(self, ids: Tensor, weight: Tensor) -> Tensor:
        """Look rows up."""

    def layer_norm(self, x: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> Tensor:
        """Normalise the last dimension to mean 0 and variance 1."""

    def rms_norm(self, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """Normalise the last dimension to root mean square 1."""

    def gelu(self, x: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
        """Multiply each element by the normal distribution function at this element."""

    def silu(self, x: Tensor) -> Tensor:
        """Multiply by the logistic function."""

    def softmax(self, x: Tensor, dim: int) -> Tensor:
        """Exponentiate and normalise."""

    def dropout(self, x: Tensor, p: float) -> Tensor:
        """Set a share of the elements to zero, and scale the others."""

    def attention(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        dropout_p: float = 0.0,
    ) -> Tensor:
        """Average the values, weighted by the softmax of the scaled products of queries and keys."""

    def cross_entropy(self, logits: Tensor, targets: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
        """Average the negative log-likelihood of the targets."""

    def linear_cross_entropy(
        self, x: Tensor, weight: Tensor, targets: Tensor, ignore_index: int = IGNORE_INDEX
    ) -> Tensor:
        """Average the negative log-likelihood of the targets under the logits `linear(x, weight)`."""

    def clip_gradients(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        """Scale all gradients so that the norm of all together is at most `max_norm`; return the norm before."""

    def adamw(
        self, parameters: Any, lr: float, betas: tuple[float, float], eps: float, weight_decay: float
    ) -> Optimizer:
        """Build the optimizer."""


OPS: dict[str, Ops] = {"reference": cast(Ops, reference), "fused": cast(Ops, fused)}


def pick(name: str) -> Ops:
    """Return the module of operations that is called `name`.

    Raises:
        UsageError: there are no such operations; the message lists the names.
    """
    if name not in OPS:
        raise UsageError(f"ops: unknown name {name!r}; choose one of {', '.join(OPS)}")
    return OPS[name]

"""Optimizers, gradient clipping and the learning-rate schedule from scratch.

Only the base class `Optimizer` comes from PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from impls.errors import UsageError

CLIP_EPS = 1e-6
"""Added to the norm, so that nothing is divided by zero if all gradients are zero; PyTorch adds the same number."""


def _check_rate(lr: float) -> None:
    if not lr >= 0:
        raise UsageError(f"learning rate: {lr} is out of range; give a number of at least 0")


class SGD(Optimizer):
    """Stochastic gradient descent with decaying steps: p <- p - lr / sqrt(t + 1) * gradient, where t counts from 0.

    Raises:
        UsageError: the learning rate is negative.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3) -> None:
        _check_rate(lr)
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update the parameters that have a gradient; return the loss of the closure, if there is one."""
        loss = _evaluate(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                t = state.get("t", 0)
                parameter -= group["lr"] / math.sqrt(t + 1) * parameter.grad
                state["t"] = t + 1
        return loss


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101).

    The decay comes first, as in PyTorch: p <- p - lr * weight_decay * p. Then comes the step of Adam with bias
    correction. The state of a parameter has three entries: `step`, an int, and `exp_avg` and `exp_avg_sq`, tensors of
    the shape of the parameter.

    Raises:
        UsageError: a hyperparameter is out of range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        _check_rate(lr)
        if not all(0 <= beta < 1 for beta in betas):
            raise UsageError(f"betas: {betas}: give two numbers, each at least 0 and below 1")
        if eps < 0 or weight_decay < 0:
            raise UsageError(f"eps: {eps}, weight_decay: {weight_decay}: give two numbers, each at least 0")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update the parameters that have a gradient; return the loss of the closure, if there is one."""
        loss = _evaluate(closure)
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state |= {"step": 0, "exp_avg": torch.zeros_like(parameter)}
                    state["exp_avg_sq"] = torch.zeros_like(parameter)
                state["step"] += 1
                mean, square, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
                mean.mul_(beta1).add_(parameter.grad, alpha=1 - beta1)
                square.mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                scale = square.sqrt().div_(math.sqrt(1 - beta2**t)).add_(group["eps"])
                parameter.addcdiv_(mean, scale, value=-group["lr"] / (1 - beta1**t))
        return loss


def _evaluate(closure: Callable[[], float] | None) -> float | None:
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


@torch.no_grad()
def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients in place, so that the norm of all gradients together is at most `max_norm`.

    See Pascanu et al. 2013, https://arxiv.org/abs/1211.5063.

    Returns:
        float32[], the norm of all gradients together before scaling.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.stack([(gradient.float() ** 2).sum() for gradient in gradients] or [torch.zeros(())]).sum().sqrt()
    scale = (max_norm / (norm + CLIP_EPS)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale)
    return norm


def cosine_schedule(step: int, *, maximum: float, minimum: float, warmup_steps: int, cosine_steps: int) -> float:
    """Return the learning rate at a step; steps are counted from 0.

    The rate grows linearly from 0 to `maximum` over `warmup_steps`, falls along half a cosine to `minimum` at step
    `cosine_steps` (counted from the start, with the warm-up), and stays there.

    See Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983.
    """
    if step < warmup_steps:
        return maximum * step / warmup_steps
    if step >= cosine_steps:
        return minimum
    progress = (step - warmup_steps) / (cosine_steps - warmup_steps)
    return minimum + 0.5 * (1 + math.cos(math.pi * progress)) * (maximum - minimum)

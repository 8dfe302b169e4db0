"""Optimizers, clipping and schedule from scratch, beside PyTorch's and by hand."""

import math

import pytest
import torch

from impls.errors import UsageError
from lm.ops import OPS, pick
from lm.optim import SGD, AdamW, clip_gradients, cosine_schedule


def descend(make, steps: int = 50) -> torch.Tensor:
    torch.manual_seed(0)
    model = torch.nn.Linear(6, 3)
    optimizer = make(model.parameters())
    for _ in range(steps):
        x = torch.randn(16, 6)
        optimizer.zero_grad()
        ((model(x) - x[:, :3].sin()) ** 2).mean().backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.3},
        {"lr": 0.01, "betas": (0.0, 0.0), "weight_decay": 0.0},
    ],
)
def test_adamw_is_pytorchs(options: dict[str, object]) -> None:
    ours, theirs = (descend(lambda p, c=c: c(p, **options)) for c in (AdamW, torch.optim.AdamW))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_fused_adamw_is_the_references() -> None:
    ours, theirs = (descend(lambda p, name=name: pick(name).adamw(p, 0.1, (0.9, 0.95), 1e-8, 0.1)) for name in OPS)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_parameter_without_a_gradient_is_left_alone() -> None:
    used, unused = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    for optimizer in (SGD([used, unused], 0.1), AdamW([used, unused], 0.1)):
        used.grad = torch.ones(2)
        optimizer.step()
        assert torch.equal(unused, torch.ones(2))
        assert not torch.equal(used, torch.ones(2))


def test_sgd_decays_with_the_root_of_the_step() -> None:
    weight = torch.nn.Parameter(torch.tensor(1.0))
    optimizer = SGD([weight], lr=0.5)
    values = []
    for _ in range(3):
        weight.grad = torch.tensor(1.0)
        optimizer.step()
        values.append(weight.item())
    assert values == pytest.approx([0.5, 0.5 - 0.5 / 2**0.5, 0.5 - 0.5 / 2**0.5 - 0.5 / 3**0.5])


@pytest.mark.parametrize(("lr", "behaviour"), [(1e1, "slow"), (1e2, "fast"), (1e3, "diverges")])
def test_the_course_example_of_learning_rates(lr: float, behaviour: str) -> None:
    torch.manual_seed(0)
    weights = torch.nn.Parameter(5 * torch.randn(10, 10))
    optimizer = SGD([weights], lr=lr)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = (weights**2).mean()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    ratio = losses[-1] / losses[0]
    assert {"slow": 0.05 < ratio < 1, "fast": ratio < 1e-10, "diverges": ratio > 1e6}[behaviour]


def test_a_closure_gives_the_loss() -> None:
    weight = torch.nn.Parameter(torch.tensor(3.0))

    def closure() -> float:
        loss = weight**2
        loss.backward()
        return loss.item()

    assert SGD([weight], 0.1).step(closure) == 9.0
    assert AdamW([weight], 0.1).step(closure) == pytest.approx((3.0 - 0.6) ** 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, -1.0),
        lambda p: AdamW(p, float("nan")),
        lambda p: AdamW(p, betas=(0.9, 1.0)),
        lambda p: AdamW(p, weight_decay=-1),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make) -> None:
    with pytest.raises(UsageError):
        make([torch.nn.Parameter(torch.ones(1))])


@pytest.mark.parametrize("ops", OPS)
@pytest.mark.parametrize("max_norm", [1e-2, 1.0, 1e3, math.inf])
def test_clipping_is_pytorchs(ops: str, max_norm: float) -> None:
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(5, 5)) for _ in range(4)]
    for parameter in parameters[:-1]:
        parameter.grad = torch.randn(5, 5)
    twins = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    for parameter, twin in zip(parameters, twins, strict=True):
        twin.grad = None if parameter.grad is None else parameter.grad.clone()
    norm = pick(ops).clip_gradients(parameters, max_norm)
    torch.testing.assert_close(norm, torch.nn.utils.clip_grad_norm_(twins, max_norm))
    for parameter, twin in zip(parameters, twins, strict=True):
        torch.testing.assert_close(parameter.grad, twin.grad)


def test_clipping_takes_no_gradients_at_all() -> None:
    assert clip_gradients([torch.nn.Parameter(torch.ones(1))], 1.0) == 0


def test_schedule_at_its_corners() -> None:
    points = {0: 0.0, 5: 0.5, 10: 1.0, 60: 0.55, 110: 0.1, 1000: 0.1}
    for step, rate in points.items():
        assert cosine_schedule(step, maximum=1.0, minimum=0.1, warmup_steps=10, cosine_steps=110) == pytest.approx(
            rate
        )
    assert cosine_schedule(0, maximum=1.0, minimum=0.1, warmup_steps=0, cosine_steps=10) == 1.0

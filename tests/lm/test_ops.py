"""The operations of `lm.ops`: equal to PyTorch's, reference equal to fused, gradients right, nothing borrowed."""

import ast
import itertools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impls.errors import UsageError
from lm.attention import RoPE
from lm.ops import IGNORE_INDEX, OPS, fused, pick, reference
from tests.support import ROOT

LM = ROOT / "lm"

CLOSE = {"rtol": 1e-5, "atol": 1e-6}
"""Stated tolerance of float32: a few roundings of a sum."""

generator = torch.Generator().manual_seed(0)


def randn(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=dtype)


TARGETS = torch.randint(40, (3, 7), generator=generator)
MASKED = TARGETS.masked_fill(torch.rand(3, 7, generator=generator) < 0.3, IGNORE_INDEX)
LOOK = torch.rand(2, 1, 5, 9, generator=generator) < 0.7
LOOK[..., 0] = True

# Name, arguments after the first, PyTorch's answer.
CASES: dict[str, tuple[str, tuple[object, ...], dict[str, object], Callable[..., Tensor]]] = {
    "linear": ("linear", (randn(3, 7, 8), randn(5, 8), randn(5)), {}, F.linear),
    "linear without bias": ("linear", (randn(3, 7, 8), randn(5, 8)), {}, F.linear),
    "embedding": ("embedding", (TARGETS, randn(40, 8)), {}, F.embedding),
    "layer_norm": (
        "layer_norm",
        (randn(3, 7, 8) * 5 + 2, randn(8), randn(8), 1e-5),
        {},
        lambda x, w, b, eps: F.layer_norm(x, (8,), w, b, eps),
    ),
    "rms_norm": ("rms_norm", (randn(3, 7, 8), randn(8), 1e-5), {}, lambda x, w, eps: F.rms_norm(x, (8,), w, eps)),
    "gelu": ("gelu", (randn(3, 7) * 4,), {}, F.gelu),
    "gelu tanh": ("gelu", (randn(3, 7) * 4, "tanh"), {}, lambda x, kind: F.gelu(x, approximate=kind)),
    "silu": ("silu", (randn(3, 7) * 4,), {}, F.silu),
    "softmax": ("softmax", (randn(3, 7), 0), {}, F.softmax),
    "attention": (
        "attention",
        (randn(2, 3, 5, 8), randn(2, 3, 9, 8), randn(2, 3, 9, 4)),
        {},
        F.scaled_dot_product_attention,
    ),
    "attention without heads": (
        "attention",
        (randn(2, 5, 8), randn(2, 9, 8), randn(2, 9, 8)),
        {},
        F.scaled_dot_product_attention,
    ),
    "attention with mask": (
        "attention",
        (randn(2, 3, 5, 8), randn(2, 3, 9, 8), randn(2, 3, 9, 8), LOOK),
        {},
        F.scaled_dot_product_attention,
    ),
    "causal attention": (
        "attention",
        (randn(2, 3, 9, 8), randn(2, 3, 9, 8), randn(2, 3, 9, 8)),
        {"causal": True},
        lambda q, k, v, causal: F.scaled_dot_product_attention(q, k, v, is_causal=causal),
    ),
    "grouped attention": (
        "attention",
        (randn(2, 4, 9, 8), randn(2, 2, 9, 8), randn(2, 2, 9, 8)),
        {"causal": True},
        lambda q, k, v, causal: F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True),
    ),
    "causal attention behind a cache": (
        "attention",
        (randn(2, 4, 3, 8), randn(2, 4, 9, 8), randn(2, 4, 9, 8)),
        {"causal": True},
        lambda q, k, v, causal: F.scaled_dot_product_attention(q, k, v, torch.ones(3, 9).tril(6) >= causal),
    ),
    "cross_entropy": (
        "cross_entropy",
        (randn(3, 7, 40) * 50, TARGETS),
        {},
        lambda x, y: F.cross_entropy(x.flatten(0, 1), y.flatten()),
    ),
    "cross_entropy with ignored": (
        "cross_entropy",
        (randn(3, 7, 40), MASKED),
        {},
        lambda x, y: F.cross_entropy(x.flatten(0, 1), y.flatten()),
    ),
    "linear_cross_entropy": (
        "linear_cross_entropy",
        (randn(3, 7, 8), randn(40, 8), TARGETS),
        {},
        lambda x, w, y: F.cross_entropy(F.linear(x, w).flatten(0, 1), y.flatten()),
    ),
    "linear_cross_entropy with ignored": (
        "linear_cross_entropy",
        (randn(3, 7, 8), randn(40, 8), MASKED),
        {},
        lambda x, w, y: F.cross_entropy(F.linear(x, w).flatten(0, 1), y.flatten()),
    ),
}


def value_and_gradients(function: Callable[..., Tensor], arguments: tuple[object, ...], options: dict[str, object]):
    fresh = [
        argument.clone().requires_grad_(argument.is_floating_point()) if isinstance(argument, Tensor) else argument
        for argument in arguments
    ]
    value = function(*fresh, **options)
    value.backward(torch.linspace(-1, 1, value.numel()).reshape(value.shape) if value.ndim else None)
    return value, [argument.grad for argument in fresh if isinstance(argument, Tensor) and argument.requires_grad]


@pytest.mark.parametrize(("ops", "case"), list(itertools.product(OPS, CASES)))
def test_values_and_gradients_are_pytorchs(ops: str, case: str) -> None:
    name, arguments, options, witness = CASES[case]
    value, gradients = value_and_gradients(getattr(pick(ops), name), arguments, options)
    expected, expected_gradients = value_and_gradients(witness, arguments, options)
    torch.testing.assert_close(value, expected, **CLOSE)
    torch.testing.assert_close(gradients, expected_gradients, **CLOSE)


@pytest.mark.parametrize("case", [name for name in CASES if "linear_cross" not in name])
def test_gradients_of_the_reference_match_differences(case: str) -> None:
    name, arguments, options, _ = CASES[case]
    wide = [
        argument.double().requires_grad_()
        if isinstance(argument, Tensor) and argument.is_floating_point()
        else argument
        for argument in arguments
    ]
    assert torch.autograd.gradcheck(
        lambda *values: getattr(reference, name)(*values, **options), wide, fast_mode=True
    )


def test_blocks_of_the_loss_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, targets = randn(29, 8), randn(40, 8), torch.randint(40, (29,), generator=generator)
    targets[3:12] = IGNORE_INDEX
    whole = value_and_gradients(reference.linear_cross_entropy, (x, weight, targets), {})
    monkeypatch.setattr(fused, "BLOCK_TOKENS", 4)
    torch.testing.assert_close(
        value_and_gradients(fused.linear_cross_entropy, (x, weight, targets), {}), whole, **CLOSE
    )


@pytest.mark.parametrize("ops", OPS)
def test_nothing_overflows(ops: str) -> None:
    huge = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]])
    torch.testing.assert_close(pick(ops).softmax(huge, -1), torch.tensor([[1.0, 0.0, 0.0], [1 / 3] * 3]))
    assert pick(ops).cross_entropy(huge, torch.tensor([1, 0])).item() == pytest.approx((2e4 + 1.0986123) / 2)


@pytest.mark.parametrize("ops", OPS)
def test_bfloat16_loses_little_in_norms(ops: str) -> None:
    x, weight = randn(4, 256).bfloat16(), torch.ones(256)
    wide = reference.rms_norm(x.float(), weight, 1e-5)
    torch.testing.assert_close(pick(ops).rms_norm(x, weight.bfloat16(), 1e-5).float(), wide, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("ops", OPS)
def test_dropout_keeps_the_mean(ops: str) -> None:
    torch.manual_seed(0)
    dropped = pick(ops).dropout(torch.ones(100_000), 0.25)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)
    assert pick(ops).dropout(dropped, 0.0) is dropped


def test_grouped_is_multi_head_with_repeated_keys_and_values() -> None:
    q, k, v = randn(2, 6, 5, 8), randn(2, 3, 5, 8), randn(2, 3, 5, 8)
    repeated = [x.repeat_interleave(2, dim=1) for x in (k, v)]
    for ops in OPS.values():
        torch.testing.assert_close(ops.attention(q, k, v), ops.attention(q, *repeated), **CLOSE)


def test_rope_turns_pairs_by_position_and_depends_on_distance_alone() -> None:
    rope = RoPE(8, 10_000.0, 64)
    x = randn(2, 3, 5, 8)
    positions = torch.tensor([0, 1, 7, 30, 63])
    angles = positions[:, None] / 10_000.0 ** (torch.arange(0, 8, 2) / 8)
    as_complex = torch.view_as_complex(x.unflatten(-1, (4, 2))) * torch.polar(torch.ones(5, 4), angles)
    torch.testing.assert_close(rope(x, positions), torch.view_as_real(as_complex).flatten(-2), rtol=1e-4, atol=1e-5)
    q, k = randn(1, 8), randn(1, 8)

    def score(i: int, j: int) -> Tensor:
        return rope(q, torch.tensor([i])) @ rope(k, torch.tensor([j])).T

    torch.testing.assert_close(score(5, 2), score(60, 57), rtol=1e-4, atol=1e-5)


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="'quick'; choose one of reference, fused"):
        pick("quick")


ALLOWED = {"Parameter", "Module", "ModuleList", "Optimizer"}
MODELS = sorted(f"models/{path.name}" for path in (LM / "models").glob("*.py"))
FROM_SCRATCH = ["ops/reference.py", "optim.py", "layers.py", "transformer.py", *MODELS]
BORROWED_METHODS = {
    *("softmax", "log_softmax", "logsumexp", "cross_entropy", "layer_norm", "rms_norm", "native_layer_norm"),
    *("dropout", "gelu", "silu", "embedding", "scaled_dot_product_attention"),
}


def borrowed(source: str) -> set[str]:
    """Names that a module takes from torch.nn or torch.optim, and finished operations that it calls."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("torch.nn", "torch.optim")):
            found |= {alias.name for alias in node.names if node.module not in ("torch.nn", "torch.optim")}
            found |= {alias.name for alias in node.names} - ALLOWED
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith(("torch.nn", "torch.optim"))}
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if text.startswith(("torch.nn", "torch.optim")):
                found.add(text)
            ours = text.startswith(("self.ops.", "self."))
            if node.attr in BORROWED_METHODS and not ours:
                found.add(text)
    return found


@pytest.mark.parametrize("file", FROM_SCRATCH)
def test_from_scratch_means_parameter_containers_and_the_optimizer_base(file: str) -> None:
    assert borrowed((LM / file).read_text()) == set()


@pytest.mark.parametrize(
    "line",
    [
        "from torch.nn import Linear",
        "import torch.nn.functional as F",
        "from torch.nn.functional import gelu",
        "y = torch.nn.Linear(3, 4)",
        "y = torch.softmax(x, -1)",
        "y = x.log_softmax(-1)",
        "from torch.optim import AdamW",
    ],
)
def test_the_check_sees_what_is_borrowed(line: str) -> None:
    assert borrowed(line)


@pytest.mark.parametrize("file", ["transformer.py", *MODELS])
def test_model_files_are_short(file: str) -> None:
    assert len((LM / file).read_text().splitlines()) < 200

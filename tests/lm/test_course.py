"""The trainer under the names of the course's suite: signatures, and values beside PyTorch's."""

import inspect
import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests import adapters

SIGNATURES = """
run_linear(d_in, d_out, weights, in_features)
run_embedding(vocab_size, d_model, weights, token_ids)
run_swiglu(d_model, d_ff, w1_weight, w2_weight, w3_weight, in_features)
run_scaled_dot_product_attention(Q, K, V, mask=None)
run_multihead_self_attention(d_model, num_heads, q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight, in_features)
run_multihead_self_attention_with_rope(d_model, num_heads, max_seq_len, theta, q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight, in_features, token_positions=None)
run_rope(d_k, theta, max_seq_len, in_query_or_key, token_positions)
run_transformer_block(d_model, num_heads, d_ff, max_seq_len, theta, weights, in_features)
run_transformer_lm(vocab_size, context_length, d_model, num_layers, num_heads, d_ff, rope_theta, weights, in_indices)
run_rmsnorm(d_model, eps, weights, in_features)
run_silu(in_features)
run_gelu(in_features)
run_positionwise_feedforward(d_model, d_ff, weights, in_features)
run_softmax(in_features, dim)
run_cross_entropy(inputs, targets)
run_gradient_clipping(parameters, max_l2_norm)
get_adamw_cls()
run_get_lr_cosine_schedule(it, max_learning_rate, min_learning_rate, warmup_iters, cosine_cycle_iters)
run_get_batch(dataset, batch_size, context_length, device)
run_save_checkpoint(model, optimizer, iteration, out)
run_load_checkpoint(src, model, optimizer)
run_train_bpe(input_path, vocab_size, special_tokens, **kwargs)
get_tokenizer(vocab, merges, special_tokens=None)
""".strip().splitlines()  # noqa: E501

D, H, F_, T, THETA = 32, 4, 64, 12, 10_000.0
torch.manual_seed(0)
X = torch.randn(2, T, D)
Q, K, V, OUT = (torch.randn(D, D) / D**0.5 for _ in range(4))
W1, W2, W3 = torch.randn(F_, D) / D**0.5, torch.randn(D, F_) / F_**0.5, torch.randn(F_, D) / D**0.5


@pytest.mark.parametrize("signature", SIGNATURES)
def test_signatures(signature: str) -> None:
    name = signature.split("(")[0]
    parameters = inspect.signature(getattr(adapters, name)).parameters.values()
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    assert f"{name}({', '.join(map(str, plain))})" == signature


def turned(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary positions by complex numbers."""
    angles = positions[..., None] / THETA ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


def attended(x: Tensor, positions: Tensor | None) -> Tensor:
    q, k, v = (F.linear(x, w).unflatten(-1, (H, -1)).transpose(-3, -2) for w in (Q, K, V))
    if positions is not None:
        q, k = turned(q, positions), turned(k, positions)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return F.linear(y.transpose(-3, -2).flatten(-2), OUT)


def swiglu(x: Tensor) -> Tensor:
    return F.linear(F.silu(F.linear(x, W1)) * F.linear(x, W3), W2)


def block(x: Tensor, gain1: Tensor, gain2: Tensor) -> Tensor:
    x = x + attended(F.rms_norm(x, (D,), gain1, 1e-5), torch.arange(x.shape[1]))
    return x + swiglu(F.rms_norm(x, (D,), gain2, 1e-5))


def block_weights(prefix: str, gain1: Tensor, gain2: Tensor) -> dict[str, Tensor]:
    attention = dict(zip(("q", "k", "v", "output"), (Q, K, V, OUT), strict=True))
    weights = {f"attn.{name}_proj.weight": value for name, value in attention.items()}
    weights |= {"ln1.weight": gain1, "ln2.weight": gain2}
    weights |= {f"ffn.{name}.weight": value for name, value in {"w1": W1, "w2": W2, "w3": W3}.items()}
    return {prefix + name: value for name, value in weights.items()}


POSITIONS = torch.arange(T)
GAINS = torch.rand(5, D) + 0.5
TABLE, HEAD = torch.randn(50, D), torch.randn(50, D)
IDS = torch.randint(50, (2, T))
MASK = torch.ones(T, T).tril().bool()
LM = {
    "token_embeddings.weight": TABLE,
    **block_weights("layers.0.", GAINS[0], GAINS[1]),
    **block_weights("layers.1.", GAINS[2], GAINS[3]),
    "ln_final.weight": GAINS[4],
    "lm_head.weight": HEAD,
}

VALUES: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor]]] = {
    "linear": (lambda: adapters.run_linear(D, F_, W1, X), lambda: F.linear(X, W1)),
    "embedding": (lambda: adapters.run_embedding(50, D, TABLE, IDS), lambda: F.embedding(IDS, TABLE)),
    "swiglu": (lambda: adapters.run_swiglu(D, F_, W1, W2, W3, X), lambda: swiglu(X)),
    "feed-forward": (
        lambda: adapters.run_positionwise_feedforward(D, F_, {"w1.weight": W1, "w2.weight": W2}, X),
        lambda: F.linear(F.gelu(F.linear(X, W1)), W2),
    ),
    "attention": (
        lambda: adapters.run_scaled_dot_product_attention(X, X + 1, X * 2, MASK),
        lambda: F.scaled_dot_product_attention(X, X + 1, X * 2, MASK),
    ),
    "heads": (lambda: adapters.run_multihead_self_attention(D, H, Q, K, V, OUT, X), lambda: attended(X, None)),
    "heads with positions": (
        lambda: adapters.run_multihead_self_attention_with_rope(
            D, H, 64, THETA, Q, K, V, OUT, X, POSITIONS[None] + 3
        ),
        lambda: attended(X, POSITIONS + 3),
    ),
    "heads without given positions": (
        lambda: adapters.run_multihead_self_attention_with_rope(D, H, T, THETA, Q, K, V, OUT, X),
        lambda: attended(X, POSITIONS),
    ),
    "rope": (lambda: adapters.run_rope(D, THETA, 64, X, POSITIONS), lambda: turned(X, POSITIONS)),
    "block": (
        lambda: adapters.run_transformer_block(D, H, F_, T, THETA, block_weights("", GAINS[0], GAINS[1]), X),
        lambda: block(X, GAINS[0], GAINS[1]),
    ),
    "language model": (
        lambda: adapters.run_transformer_lm(50, T, D, 2, H, F_, THETA, LM, IDS),
        lambda: F.linear(
            F.rms_norm(block(block(TABLE[IDS], *GAINS[:2]), *GAINS[2:4]), (D,), GAINS[4], 1e-5),
            HEAD,
        ),
    ),
    "shorter than the context": (
        lambda: adapters.run_transformer_lm(50, T, D, 2, H, F_, THETA, LM, IDS[:, :5]),
        lambda: adapters.run_transformer_lm(50, T, D, 2, H, F_, THETA, LM, IDS)[:, :5],
    ),
    "rmsnorm": (lambda: adapters.run_rmsnorm(D, 1e-5, GAINS[0], X), lambda: F.rms_norm(X, (D,), GAINS[0], 1e-5)),
    "silu": (lambda: adapters.run_silu(X), lambda: F.silu(X)),
    "gelu": (lambda: adapters.run_gelu(X), lambda: F.gelu(X)),
    "softmax": (lambda: adapters.run_softmax(X + 100, 1), lambda: F.softmax(X, 1)),
    "cross-entropy": (
        lambda: adapters.run_cross_entropy(1000.0 * X[0], IDS[0] % D),
        lambda: F.cross_entropy(1000.0 * X[0], IDS[0] % D),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    ours, expected = VALUES[name]
    torch.testing.assert_close(ours(), expected(), rtol=1e-4, atol=1e-5)


def test_clipping_schedule_and_batches() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3))
    parameter.grad = torch.tensor([3.0, 0.0, 4.0])
    adapters.run_gradient_clipping([parameter, torch.nn.Parameter(torch.zeros(1))], 1.0)
    torch.testing.assert_close(parameter.grad, torch.tensor([0.6, 0.0, 0.8]))
    assert adapters.run_get_lr_cosine_schedule(7, 1.0, 0.1, 7, 21) == 1.0
    x, y = adapters.run_get_batch(np.arange(100), 32, 7, "cpu")
    assert x.shape == y.shape == (32, 7)
    torch.testing.assert_close(x + 1, y)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_checkpoint_brings_back_model_and_optimizer(in_memory: bool, tmp_path) -> None:
    def make() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        model = torch.nn.Linear(4, 3)
        return model, adapters.get_adamw_cls()(model.parameters(), lr=0.1)

    def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        (model(torch.ones(2, 4)) ** 2).sum().backward()
        optimizer.step()

    model, optimizer = make()
    step(model, optimizer)
    target = io.BytesIO() if in_memory else tmp_path / "checkpoint.pt"
    adapters.run_save_checkpoint(model, optimizer, 10, target)
    if in_memory:
        target.seek(0)
    other, other_optimizer = make()
    assert adapters.run_load_checkpoint(target, other, other_optimizer) == 10
    for pair in ((model, optimizer), (other, other_optimizer)):
        step(*pair)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)

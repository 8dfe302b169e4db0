"""Time a training step: our models beside the same GPT-2 as nanoGPT writes it and as transformers has it.

    python -m bench.bench_lm_step                       # 4 layers x 128, on the CPU, in float32
    python -m bench.bench_lm_step --ops                 # each operation as well, reference beside fused
    python -m bench.bench_lm_step --model gpt2-124m --block 1024 --batch 32 --device cuda --precision bf16 --compile

It needs the extra `lm`, so `nox -s bench` leaves it out and `nox -s step` runs it; transformers takes part if it is
installed. First all sides get the same weights and must give the same loss, then they take turns, a step each, in
random order. A step is forward, backward, clipping and the same fused AdamW. A record keeps every sample.

Exit status 0 when all was measured, 1 when a loss is another one or something is missing, 2 for bad usage, 130 for an
interrupt.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median, quantiles
from typing import Any

try:
    import torch
except ModuleNotFoundError:
    sys.exit("python -m bench.bench_lm_step: error: needs PyTorch; run nox -s step")
from torch import Tensor, nn
from torch.nn import functional as F

from bench import proof
from bench.machine import RECORDS, machine_name
from impls.arguments import check_count
from impls.command_line import OneLineParser
from impls.errors import MergelabError, UsageError
from lm.accounting import count_parameters, peak_flops, training_flops_per_token
from lm.config import GPT2Config, load
from lm.export import to_gpt2
from lm.model import build
from lm.ops import OPS, Ops, pick
from lm.processes import find_device
from lm.transformer import LanguageModel

MODELS = Path(__file__).parents[1] / "lm" / "configs" / "models"

SMALL = GPT2Config(
    name="4 layers x 128",
    vocab_size=8192,
    context_length=256,
    d_model=128,
    n_layers=4,
    n_heads=4,
    d_ff=512,
    qkv_bias=True,
    activation="gelu",
)
"""The shape whose speed is known: batch 8, context 256."""


PACKAGES = ("numpy", "torch", "transformers")

MODEL = "lm.model"
"""The module whose sources are timed."""

BARS = {"nanoGPT": 1.0, "transformers": 1.2}
"""How many times as fast ours is to be, with `SMALL` on a CPU in float32."""


class NanoAttention(nn.Module):
    """Queries, keys and values of one product, as in nanoGPT (https://github.com/karpathy/nanoGPT)."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.c_attn = nn.Linear(config.d_model, 3 * config.d_model)
        self.c_proj = nn.Linear(config.d_model, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.n_heads, -1).transpose(1, 2) for part in self.c_attn(x).split(d, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        projected: Tensor = self.c_proj(y.transpose(1, 2).contiguous().view(b, t, d))
        return projected


class NanoBlock(nn.Module):
    """A layer of nanoGPT."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        d = config.d_model
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = NanoAttention(config)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(d, config.d_ff), "c_proj": nn.Linear(config.d_ff, d)})

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        x = x + self.attn(self.ln_1(x))
        y: Tensor = x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x))))
        return y


class NanoGPT(nn.Module):
    """The architecture of nanoGPT's model, of PyTorch's modules, without dropout."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.d_model)
        self.wpe = nn.Embedding(config.context_length, config.d_model)
        self.h = nn.ModuleList(NanoBlock(config) for _ in range(config.n_layers))
        self.ln_f = nn.LayerNorm(config.d_model)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the loss."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


@dataclass(frozen=True)
class Side:
    """One of those that are compared: name with version, model, and how it makes a loss of ids and targets."""

    name: str
    model: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]


def make_sides(config: GPT2Config, device: torch.device, compiled: bool) -> tuple[list[Side], list[Side]]:
    """Return the sides with exact GELU, ours first, and those with GPT-2's, ours first; same weights in all."""
    torch.manual_seed(0)
    exact = build(config.model_copy(update={"activation": "gelu"})).to(device)
    weights = exact.state_dict()

    def ours(activation: str, ops: str) -> LanguageModel:
        model = build(config.model_copy(update={"activation": activation}), ops).to(device)
        model.load_state_dict(weights)
        return model

    nano = NanoGPT(config).to(device)
    theirs = to_gpt2(exact)
    named = {name.removeprefix("transformer."): value for name, value in theirs.items()}
    linear = {name: v.T if v.ndim == 2 and name.startswith("h.") else v for name, v in named.items()}
    nano.load_state_dict(linear | {"lm_head.weight": linear["wte.weight"]})
    reference, tanh = ours("gelu", "reference"), ours("gelu_tanh", "fused")
    first = [_side("ours", exact, compiled), _side("nanoGPT", nano, compiled)]
    first += [_side("ours, reference", reference, compiled)]
    second = [_side("ours", tanh, compiled)]
    try:
        second.append(_transformers(config, theirs, device, compiled))
    except ImportError:
        print("transformers is not installed and does not take part: pip install transformers", file=sys.stderr)
    return first, second


def _side(name: str, model: nn.Module, compiled: bool) -> Side:
    return Side(name, model, torch.compile(model) if compiled else model)


def _transformers(config: GPT2Config, weights: dict[str, Tensor], device: torch.device, compiled: bool) -> Side:
    transformers: Any = import_module("transformers")
    shape = transformers.GPT2Config(
        vocab_size=config.vocab_size,
        n_positions=config.context_length,
        n_embd=config.d_model,
        n_layer=config.n_layers,
        n_head=config.n_heads,
        n_inner=config.d_ff,
        **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), 0.0),
        **dict.fromkeys(("bos_token_id", "eos_token_id")),
    )
    model = transformers.GPT2LMHeadModel(shape)
    model.load_state_dict(weights, strict=False)
    model.tie_weights()
    forward: Any = model.to(device)
    if compiled:
        forward = torch.compile(forward)

    def loss(ids: Tensor, targets: Tensor) -> Tensor:
        logits = forward(ids, use_cache=False).logits
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    return Side(f"transformers {transformers.__version__}", model, loss)


def batch_of(config: GPT2Config, batch: int, block: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return random ids and the same shifted by one, int64[batch, block]."""
    ids = torch.randint(config.vocab_size, (batch, block + 1), generator=torch.Generator().manual_seed(1)).to(device)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def verify(sides: Sequence[Side], x: Tensor, y: Tensor) -> list[float]:
    """Check that all sides find the same loss; return the loss of each.

    Raises:
        MergelabError: they do not; there is no time for a model that computes something else.
    """
    losses = [side.loss(x, y).item() for side in sides]
    for side, loss in zip(sides, losses, strict=True):
        if not math.isclose(loss, losses[0], rel_tol=1e-4):
            raise MergelabError(f"{side.name}: the loss is {loss}, of {sides[0].name} {losses[0]}; not timed")
    return losses


def stepper(side: Side, x: Tensor, y: Tensor, precision: str) -> Callable[[], float]:
    """Return what takes one step and says how many seconds it took."""
    ops = pick("fused")
    parameters = list(side.model.parameters())
    optimizer = ops.adamw(parameters, 1e-4, (0.9, 0.95), 1e-8, 0.1)
    cuda = x.device.type == "cuda"

    def step() -> float:
        started = time.perf_counter()
        with torch.autocast(x.device.type, torch.bfloat16) if precision == "bf16" else nullcontext():
            loss = side.loss(x, y)
        torch.autograd.backward(loss)
        ops.clip_gradients(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - started

    return step


def take_turns(steps: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return seconds by name: each round every side once, in random order, so that the machine's moods hit all."""
    for step in steps.values():
        for _ in range(3):
            step()
    samples: dict[str, list[float]] = {name: [] for name in steps}
    order = list(steps)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            samples[name].append(steps[name]())
    return samples


def ratio(slow: Sequence[float], fast: Sequence[float]) -> tuple[float, float, float]:
    """Return the ratio of medians, and of the unfavourable and the favourable quartiles."""
    (low_a, _, high_a), (low_b, _, high_b) = quartiles(slow), quartiles(fast)
    return median(slow) / median(fast), low_a / high_b, high_a / low_b


def quartiles(samples: Sequence[float]) -> list[float]:
    """Return the quartiles as the report computes them too."""
    return quantiles(samples, n=4, method="inclusive")


def report(samples: dict[str, list[float]], n_tokens: int) -> Iterator[str]:
    """Yield a line a side: tokens a second, and how much faster the first one is."""
    first = next(iter(samples))
    for name, seconds in samples.items():
        high, _, low = (n_tokens / value for value in quartiles(seconds))
        line = f"{name:<24}{n_tokens / median(seconds):10,.0f} tokens/s, quartiles {low:,.0f} .. {high:,.0f}"
        if name != first:
            line += "; {} is {:.2f}x as fast ({:.2f}x .. {:.2f}x)".format(first, *ratio(seconds, samples[first]))
        yield line


def chosen_model(options: argparse.Namespace) -> GPT2Config:
    """Return the model to time.

    Raises:
        UsageError: there is none of that name, or it is no GPT-2, or its context is too short.
    """
    config = SMALL
    if options.model:
        loaded = load("model", MODELS / f"{options.model}.yaml")
        if not isinstance(loaded, GPT2Config):
            raise UsageError(f"--model {options.model}: nanoGPT and transformers' GPT-2 have no such architecture")
        config = loaded.model_copy(update={"qkv_bias": True})
    if options.block > config.context_length:
        raise UsageError(f"--block: {options.block} is above the model's context length {config.context_length}")
    return config


def bench_steps(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Verify and time the models; print the table; return what the record keeps of each kind of GELU."""
    config, device = chosen_model(options), find_device(options.device)
    torch.set_float32_matmul_precision("high")
    x, y = batch_of(config, options.batch, options.block, device)
    n_tokens = x.numel()
    bars = BARS if (config, device.type, options.precision) == (SMALL, "cpu", "fp32") else {}
    results: list[dict[str, Any]] = []
    for kind, sides in zip(("exact GELU", "tanh GELU"), make_sides(config, device, options.compile), strict=True):
        losses = verify(sides, x, y)
        steps = {side.name: stepper(side, x, y, options.precision) for side in sides}
        samples = take_turns(steps, options.rounds)
        results.append({
            "model": config.name,
            "gelu": kind,
            "batch": options.batch,
            "block": options.block,
            "precision": options.precision,
            "compiled": options.compile,
            "parameters": count_parameters(config),
            "ids_sha256": hashlib.sha256(x.cpu().numpy().tobytes()).hexdigest(),
            "sides": [
                {"name": name, "loss": loss, "bar": bars.get(name.split()[0]), "samples": samples[name]}
                for name, loss in zip(samples, losses, strict=True)
            ],
        })  # fmt: skip
        print(f"{config.name}, {kind}, {options.batch} x {options.block} ids, {options.precision}, {device}")
        for line in report(samples, n_tokens):
            print("  " + line)
        peak = peak_flops(device, options.precision)
        if peak:
            speed = n_tokens / median(samples["ours"])
            share = speed * training_flops_per_token(config, options.block) / peak
            print(f"  ours: {share:.1%} of the peak; {torch.cuda.max_memory_allocated() / 1e9:.1f} GB, all sides")
    print(f"{count_parameters(config):,} parameters, {torch.get_num_threads()} threads, torch {torch.__version__}")
    return results


def bench_ops(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time forward and backward of each operation in the shapes of a step; print reference beside fused."""
    b, t, d, f, v, h = options.batch, options.block, SMALL.d_model, SMALL.d_ff, SMALL.vocab_size, SMALL.n_heads
    generator, device = torch.Generator().manual_seed(0), find_device(options.device)

    def randn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device).requires_grad_()

    ids = torch.randint(v, (b, t), generator=generator).to(device)
    x, hidden, logits, gain = randn(b, t, d), randn(b, t, f), randn(b, t, v), randn(d)
    heads = [randn(b, h, t, d // h) for _ in range(3)]
    cases: dict[str, Callable[..., Tensor]] = {
        "linear": partial(_call, "linear", x, randn(f, d), randn(f)),
        "embedding": partial(_call, "embedding", ids, randn(v, d)),
        "layer_norm": partial(_call, "layer_norm", x, gain, randn(d), 1e-5),
        "rms_norm": partial(_call, "rms_norm", x, gain, 1e-5),
        "gelu": partial(_call, "gelu", hidden, "tanh"),
        "silu": partial(_call, "silu", hidden),
        "softmax": partial(_call, "softmax", randn(b, h, t, t), -1),
        "attention": partial(_call, "attention", *heads, causal=True),
        "cross_entropy": partial(_call, "cross_entropy", logits, ids),
        "linear_cross_entropy": partial(_call, "linear_cross_entropy", x, randn(v, d), ids),
    }
    results: list[dict[str, Any]] = []
    for name, case in cases.items():
        values = [case(ops=ops).detach() for ops in OPS.values()]
        torch.testing.assert_close(values[0], values[1], rtol=1e-4, atol=1e-5)
        samples = take_turns({ops: _timed(case, OPS[ops], device) for ops in ("fused", "reference")}, options.rounds)
        results.append({"name": name, "samples": samples})
        middle, low, high = ratio(samples["reference"], samples["fused"])
        milliseconds = {ops: median(seconds) * 1e3 for ops, seconds in samples.items()}
        print(
            f"{name:<22}reference {milliseconds['reference']:8.2f} ms, fused {milliseconds['fused']:8.2f} ms: "
            f"{middle:.2f}x as fast ({low:.2f}x .. {high:.2f}x)"
        )
    return results


def _call(name: str, *arguments: object, ops: Ops, **options: object) -> Tensor:
    value: Tensor = getattr(ops, name)(*arguments, **options)
    return value


def _timed(case: Callable[..., Tensor], ops: Ops, device: torch.device) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        torch.autograd.backward(case(ops=ops).sum())
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    return run


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = OneLineParser(prog="python -m bench.bench_lm_step", description="Time a training step.")
    parser.add_argument("--model", help="a GPT-2 of lm/configs/models; 4 layers x 128 by default")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--block", type=int, default=256)
    parser.add_argument("--device", default="cpu", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--ops", action="store_true", help="time the operations of 4 layers x 128 as well")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--records", type=Path, help="folder for the record; that of this machine by default")
    return parser


def run(options: argparse.Namespace, arguments: Sequence[str]) -> Path:
    """Measure, print and record; returns the path of the record."""
    check_count("--rounds", options.rounds, 2)
    check_count("--batch", options.batch, 1)
    check_count("--block", options.block, 1)
    device = find_device(options.device)
    head = proof.head("lm", arguments, PACKAGES, {MODEL: proof.module_digest(MODEL)})
    content = {
        **head,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "models": bench_steps(options),
        "operations": bench_ops(options) if options.ops else [],
    }
    return proof.write_record(options.records or RECORDS / machine_name() / "lm", content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = build_parser()
    options = parser.parse_args(arguments)
    try:
        print(run(options, arguments))
    except (MergelabError, OSError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return getattr(error, "exit_status", 1)
    except ModuleNotFoundError as error:
        print(f"{parser.prog}: error: {error.name} is not installed; run nox -s step", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: error: interrupted; there is no record", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

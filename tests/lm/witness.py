"""The weights, data order and schedule of a run of `lm`, in torch.nn and torch.optim: what it should reach.

python tests/lm/witness.py --config lm/configs/stories-small.yaml
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from lm.batches import TrainBatches, open_data
from lm.config import RunConfig
from lm.config_files import load_run
from lm.metrics import read_metrics
from lm.models import build
from lm.shards import tokenize
from lm.train import train


class Witness(torch.nn.Module):
    """GPT-2 of PyTorch's own parts."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.tokens = torch.nn.Embedding(config.vocab_size, d)
        self.positions = torch.nn.Embedding(config.context_length, d)
        self.blocks = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(
                d, config.n_heads, config.d_ff, 0.0, lambda x: F.gelu(x, approximate="tanh"), 1e-5, True, True
            )
            for _ in range(config.n_layers)
        )
        self.norm = torch.nn.LayerNorm(d)

    def take_weights(self, ours: dict[str, torch.Tensor]) -> None:
        """Start from the same numbers."""
        theirs = {
            "tokens.weight": ours["token_embeddings.weight"],
            "positions.weight": ours["position_embeddings.weight"],
            "norm.weight": ours["ln_final.weight"],
            "norm.bias": ours["ln_final.bias"],
        }
        names = {"norm1": "ln1", "norm2": "ln2", "linear1": "ffn.w1", "linear2": "ffn.w2"}
        names["self_attn.out_proj"] = "attn.output_proj"
        for number in range(self.config.n_layers):
            for kind in ("weight", "bias"):
                for their, our in names.items():
                    theirs[f"blocks.{number}.{their}.{kind}"] = ours[f"layers.{number}.{our}.{kind}"]
                parts = [ours[f"layers.{number}.attn.{part}_proj.{kind}"] for part in "qkv"]
                theirs[f"blocks.{number}.self_attn.in_proj_{kind}"] = torch.cat(parts)
        self.load_state_dict(theirs)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        h = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h, mask, is_causal=True)
        logits = F.linear(self.norm(h), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())


def witness_loss(config: RunConfig) -> float:
    """Train the witness as the config says; return its loss on all validation ids."""
    training = config.training
    data = open_data(config.data, config.model.vocab_size)
    batches = TrainBatches(data.train, config.data, training.seed)
    torch.manual_seed(training.seed)
    model = Witness(config.model)
    torch.manual_seed(training.seed)
    model.take_weights(build(config.model).state_dict())
    groups = [
        {"params": [p for p in model.parameters() if (p.ndim > 1) == matrix], "weight_decay": decay}
        for matrix, decay in ((True, training.weight_decay), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(groups, betas=(training.beta1, training.beta2), eps=training.eps)
    warmup = round(training.warmup_ratio * training.max_steps)
    for step in range(training.max_steps):
        progress = max(0.0, (step + 1 - warmup) / (training.max_steps - warmup))
        cosine = training.min_learning_rate + 0.5 * (1 + math.cos(math.pi * progress)) * (
            training.learning_rate - training.min_learning_rate
        )
        for group in optimizer.param_groups:
            group["lr"] = min(training.learning_rate * (step + 1) / warmup, cosine)
        model(*batches[step]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.grad_clip)
        optimizer.step()
        optimizer.zero_grad()
    block = config.data.block_size
    ids = torch.from_numpy(np.asarray(data.val, dtype=np.int64))
    starts = range(0, len(ids) - block - 1, block)
    with torch.no_grad():
        losses = [model.train()(ids[None, s : s + block], ids[None, s + 1 : s + block + 1]).item() for s in starts]
    return float(np.mean(losses))


def main() -> int:
    """Train both; exit status 0 if our loss on all validation ids is within 2 % of the witness's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/witnessed"))
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    changes = [*options.set, "training.eval_batches=null", "training.sample_interval=null"]
    config = load_run(options.config, changes=[*changes, "model.qkv_bias=true", "training.device=cpu"])
    tokenize(config)
    train(config, options.out)
    ours, theirs = read_metrics(options.out)[-1]["val_loss"], witness_loss(config)
    print(f"ours {ours:.4f}, torch.nn {theirs:.4f}: {ours / theirs - 1:+.2%}")
    return 0 if abs(ours / theirs - 1) < 0.02 else 1


if __name__ == "__main__":
    sys.exit(main())

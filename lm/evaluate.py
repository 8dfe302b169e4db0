"""Scores of a model on a text: loss, perplexity, bits per byte."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impls import Tokenizer
from impls.errors import FileFormatError
from lm.batches import Ids, bytes_of_tokens, validation_batches
from lm.config import DataConfig
from lm.ops import IGNORE_INDEX
from lm.transformer import LanguageModel


@dataclass(frozen=True)
class TextScore:
    """Sums of log-likelihoods and bytes over the targets that are not ignored.

    Attributes:
        nats: negative log-likelihood of all targets.
        n_targets: number of targets.
        text_nats: negative log-likelihood of the targets that stand for text; special tokens do not.
        text_bytes: bytes of text that the targets stand for.
    """

    nats: float
    n_targets: int
    text_nats: float
    text_bytes: int

    @property
    def loss(self) -> float:
        """The mean over all targets, in nats. Every target has the same weight, even if batches differ in size."""
        return self.nats / self.n_targets if self.n_targets else math.nan

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of text.

        Unlike the loss, this score can be compared between models with different tokenizers.
        """
        return self.text_nats / (math.log(2) * self.text_bytes) if self.text_bytes else math.nan


@torch.no_grad()
def score_text(
    model: LanguageModel,
    batches: Iterable[tuple[Tensor, Tensor]],
    token_bytes: NDArray[np.int64],
    device: torch.device | str = "cpu",
    max_batches: int | None = None,
) -> TextScore:
    """Score the targets of batches of x and y, int64[B, T].

    Args:
        model: the model to score; the model is put into evaluation mode during the scoring.
        batches: x and y; targets that are `IGNORE_INDEX` are ignored.
        token_bytes: int64[V], how many bytes of text each id stands for.
        device: where the model is.
        max_batches: number of batches to score, from the first; all by default.
    """
    was_training = model.training
    model.eval()
    lengths = torch.from_numpy(token_bytes)
    nats, text_nats, n_targets, text_bytes = 0.0, 0.0, 0, 0
    for x, y in islice(batches, max_batches):
        losses = token_losses(model(x.to(device)), y.to(device)).double().cpu()
        counts = y != IGNORE_INDEX
        sizes = lengths[y.where(counts, 0)] * counts
        nats += float(losses.sum())
        n_targets += int(counts.sum())
        text_nats += float(losses[sizes > 0].sum())
        text_bytes += int(sizes.sum())
    model.train(was_training)
    return TextScore(nats, n_targets, text_nats, text_bytes)


def score_file(
    model: LanguageModel, tokenizer: Tokenizer, text: Path, device: torch.device | str = "cpu", batch_size: int = 8
) -> TextScore:
    """Score a text file in windows of the context length; every token but the first is predicted once.

    Raises:
        FileFormatError: the file is missing, empty or not UTF-8, or has a single token.
    """
    context = model.config.context_length
    config = DataConfig(folder="-", block_size=context, batch_size=batch_size)
    token_bytes = bytes_of_tokens(tokenizer, model.config.vocab_size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ids.bin"
        if tokenizer.encode_file(text, path) < 2:
            raise FileFormatError(f"{text}: is a single token, which leaves nothing to predict; give a longer text")
        ids: Ids = np.fromfile(path, tokenizer.id_dtype)
    return score_text(model, validation_batches(ids, config), token_bytes, device)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-likelihood of each target in nats, or 0 if the target is ignored.

    Args:
        logits: [B, T, V].
        targets: int64[B, T].

    Returns:
        float32[B, T].
    """
    counts = targets != IGNORE_INDEX
    logits = logits.float()
    chosen = logits.gather(-1, targets.where(counts, 0)[..., None])[..., 0]
    return (logits.logsumexp(-1) - chosen) * counts

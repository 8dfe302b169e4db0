"""What a model is worth: loss, perplexity and bits per byte of a text, accuracy on HellaSwag."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impls import Tokenizer
from impls.errors import FileFormatError, UsageError
from lm.batches import Ids, bytes_of_tokens, validation_batches
from lm.config import DataConfig
from lm.ops import IGNORE_INDEX
from lm.transformer import LanguageModel


@dataclass(frozen=True)
class TextScore:
    """Sums over the targets that counted.

    Attributes:
        nats: negative log-likelihood of all of them.
        n_targets: how many.
        text_nats: the same, special tokens left out, as no text stands for them.
        text_bytes: bytes of text that they stand for.
    """

    nats: float
    n_targets: int
    text_nats: float
    text_bytes: int

    @property
    def loss(self) -> float:
        """Mean nats a target: every target weighs the same, whatever batch it was in."""
        return self.nats / self.n_targets if self.n_targets else math.nan

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_byte(self) -> float:
        """Nats of the text in bits, over its bytes; unlike the loss comparable between tokenizers."""
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
        model: is put into evaluation mode, and back.
        batches: targets that are `IGNORE_INDEX` are left out.
        token_bytes: int64[V], bytes that each id stands for.
        device: where the model is.
        max_batches: only the first so many.
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
        FileFormatError: the file is missing, empty or not UTF-8, or of a single token.
    """
    context = model.config.context_length
    config = DataConfig(folder="-", block_size=context, batch_size=batch_size)
    token_bytes = bytes_of_tokens(tokenizer, model.config.vocab_size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ids.bin"
        if tokenizer.encode_file(text, path) < 2:
            raise FileFormatError(f"{text}: is a single token, which leaves nothing to predict")
        ids: Ids = np.fromfile(path, tokenizer.id_dtype)
    return score_text(model, validation_batches(ids, config), token_bytes, device)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the nats of each target, 0 where it is ignored: logits [B, T, V], targets int64[B, T], [B, T]."""
    counts = targets != IGNORE_INDEX
    logits = logits.float()
    chosen = logits.gather(-1, targets.where(counts, 0)[..., None])[..., 0]
    return (logits.logsumexp(-1) - chosen) * counts


# --- HellaSwag (Zellers et al. 2019, https://arxiv.org/abs/1905.07830), by the rules of lm-evaluation-harness


@dataclass(frozen=True)
class Item:
    """A context, its possible endings, and which of them is right."""

    context: str
    endings: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class HellaSwagScore:
    """Shares of items answered rightly, by the log-likelihood of an ending, plain, by character or by token.

    The last is not comparable between tokenizers.
    """

    n_items: int
    accuracy: float
    accuracy_by_characters: float
    accuracy_by_tokens: float


def clean(text: str) -> str:
    """Remove the markup of WikiHow that the items carry."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def read_items(path: Path) -> Iterator[Item]:
    """Read items, one JSON object a line: `activity_label`, `ctx`, `endings`, `label`.

    Raises:
        FileFormatError: the file is missing, or a line is not an item; the message has its number.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line)
                    endings = tuple(clean(ending) for ending in row["endings"])
                    label = int(row["label"])
                    if not 0 <= label < len(endings):
                        raise ValueError
                    yield Item(clean(f"{row['activity_label']}: {row['ctx']}"), endings, label)
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise FileFormatError(f"{path}: line {number}: is not a HellaSwag item") from None
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give a file of HellaSwag items") from None


@torch.no_grad()
def score_hellaswag(
    model: LanguageModel, tokenizer: Tokenizer, items: Iterable[Item], device: torch.device | str = "cpu"
) -> HellaSwagScore:
    """Let the model choose the ending that it finds most likely.

    Raises:
        UsageError: there are no items.
    """
    was_training = model.training
    model.eval()
    right: list[list[bool]] = []
    for item in items:
        logs, n_tokens = ending_log_likelihoods(model, tokenizer, item, device)
        n_characters = torch.tensor([len(ending) for ending in item.endings])
        scores = (logs, logs / n_characters, logs / n_tokens)
        right.append([int(score.argmax()) == item.label for score in scores])
    model.train(was_training)
    if not right:
        raise UsageError("hellaswag: there are no items to score")
    shares = np.mean(right, axis=0)
    return HellaSwagScore(len(right), *(float(share) for share in shares))


def ending_log_likelihoods(
    model: LanguageModel, tokenizer: Tokenizer, item: Item, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return log-likelihood, float64[n], and number of tokens, int64[n], of each ending behind the context.

    Context and ending are encoded together, the ending is what lies behind the tokens of the context; what is too
    long for the model loses its beginning.
    """
    n_context = len(tokenizer.encode(item.context))
    rows = [tokenizer.encode(f"{item.context} {ending}") for ending in item.endings]
    n_tokens = [max(len(row) - n_context, 1) for row in rows]
    rows = [row[-(model.config.context_length + 1) :] for row in rows]
    width = max(map(len, rows)) - 1
    x = torch.zeros(len(rows), width, dtype=torch.int64)
    y = torch.full((len(rows), width), IGNORE_INDEX)
    for place, (row, n) in enumerate(zip(rows, n_tokens, strict=True)):
        x[place, : len(row) - 1] = torch.tensor(row[:-1])
        y[place, max(len(row) - 1 - n, 0) : len(row) - 1] = torch.tensor(row[-min(n, len(row) - 1) :])
    losses = token_losses(model(x.to(device)), y.to(device))
    return -losses.double().sum(-1).cpu(), torch.tensor(n_tokens)

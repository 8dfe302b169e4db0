"""HellaSwag (Zellers et al. 2019, https://arxiv.org/abs/1905.07830), by the rules of lm-evaluation-harness."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from impls import Tokenizer
from impls.errors import FileFormatError, UsageError
from lm.evaluate import token_losses
from lm.ops import IGNORE_INDEX
from lm.transformer import LanguageModel


@dataclass(frozen=True)
class Item:
    """A context, its possible endings, and the number of the right one."""

    context: str
    endings: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class HellaSwagScore:
    """Shares of items with the right answer, where the answer is the ending with the largest log-likelihood.

    Attributes:
        accuracy: the share by the log-likelihood of the whole ending.
        accuracy_by_characters: the share by the log-likelihood per character.
        accuracy_by_tokens: the share by the log-likelihood per token; not comparable between tokenizers.
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
    """Read items, one JSON object per line: `activity_label`, `ctx`, `endings`, `label`.

    Raises:
        FileFormatError: the file is missing, or a line is not an item; the message has the number of the line.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if (item := _parse(line)) is None:
                    raise FileFormatError(
                        f"{path}: line {number}: is not a HellaSwag item; repair or remove the line"
                    )
                yield item
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give a file of HellaSwag items") from None


def _parse(line: bytes) -> Item | None:
    """Return the item of a line; None if the line is not an item."""
    try:
        row = json.loads(line)
        endings = tuple(clean(ending) for ending in row["endings"])
        item = Item(clean(f"{row['activity_label']}: {row['ctx']}"), endings, int(row["label"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return item if 0 <= item.label < len(endings) else None


@torch.no_grad()
def score_hellaswag(
    model: LanguageModel, tokenizer: Tokenizer, items: Iterable[Item], device: torch.device | str = "cpu"
) -> HellaSwagScore:
    """Let the model choose the most likely ending of each item.

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
        raise UsageError("hellaswag: there are no items to score; give a file with items")
    shares = np.mean(right, axis=0)
    return HellaSwagScore(len(right), *(float(share) for share in shares))


def ending_log_likelihoods(
    model: LanguageModel, tokenizer: Tokenizer, item: Item, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return log-likelihood, float64[n], and number of tokens, int64[n], of each of n endings.

    Context and ending are encoded together; the tokens after the tokens of the context are the ending. Text that is
    too long for the model loses its beginning.
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

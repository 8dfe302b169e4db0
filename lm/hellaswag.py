"""HellaSwag (Zellers et al. 2019, https://arxiv.org/abs/1905.07830), by the rules of lm-evaluation-harness."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

from impls import Tokenizer
from impls.errors import FileFormatError, UsageError
from lm.documents import Broken
from lm.evaluate import padded, token_losses
from lm.transformer import LanguageModel

GROUP = 64
"""Items whose endings are sorted by length together, so that a batch is padded little."""


@dataclass(frozen=True)
class Item:
    """A context, its possible endings, and the number of the right one.

    Attributes:
        number: the line in the file, from 0; broken lines count.
    """

    context: str
    endings: tuple[str, ...]
    label: int
    number: int = 0


@dataclass(frozen=True)
class ItemScore:
    """How likely a model finds the endings of an item.

    Attributes:
        number, label: those of the item.
        log_likelihoods: of each ending, in nats.
        n_characters, n_tokens: of each ending.
    """

    number: int
    label: int
    log_likelihoods: tuple[float, ...]
    n_characters: tuple[int, ...]
    n_tokens: tuple[int, ...]

    def right(self) -> tuple[bool, bool, bool]:
        """Tell whether the right ending is the likeliest: as a whole, per character, and per token."""
        logs = np.array(self.log_likelihoods)
        ways = (logs, logs / np.array(self.n_characters), logs / np.array(self.n_tokens))
        whole, by_characters, by_tokens = (int(way.argmax()) == self.label for way in ways)
        return whole, by_characters, by_tokens


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

    @classmethod
    def of(cls, scores: Iterable[ItemScore]) -> HellaSwagScore:
        """Count the right answers.

        Raises:
            UsageError: there are no items.
        """
        right = [score.right() for score in scores]
        if not right:
            raise UsageError("hellaswag: there are no items to score; give a file with items")
        shares = np.mean(right, axis=0)
        return cls(len(right), *(float(share) for share in shares))


def clean(text: str) -> str:
    """Remove the markup of WikiHow that the items carry."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def read_items(path: Path) -> Iterator[Item]:
    """Read items, one JSON object per line: `activity_label`, `endings`, `label`, and `ctx_a` and `ctx_b`, or `ctx`.

    A file whose name ends in `.xz` is decompressed. Lines that hold no item are left out with a warning that names
    them.

    Raises:
        FileFormatError: the file is missing or damaged.
    """
    broken = Broken(path, "a HellaSwag item")
    try:
        with _open(path) as file:
            for number, line in enumerate(file):
                if (item := _parse(line, number)) is None:
                    broken.add(number + 1)
                else:
                    yield item
    except (lzma.LZMAError, EOFError):
        raise FileFormatError(f"{path}: is damaged, or not compressed by xz; restore the file") from None
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; give a file of HellaSwag items") from None
    finally:
        broken.tell()


def _open(path: Path) -> IO[bytes]:
    return lzma.open(path) if path.suffix == ".xz" else path.open("rb")


def _parse(line: bytes, number: int) -> Item | None:
    """Return the item of a line; None if the line is not an item."""
    try:
        row = json.loads(line)
        endings = tuple(clean(ending) for ending in row["endings"])
        item = Item(clean(f"{row['activity_label']}: {_context(row)}"), endings, int(row["label"]), number)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return item if 0 <= item.label < len(endings) and all(endings) else None


def _context(row: dict[str, Any]) -> str:
    if "ctx_a" in row and "ctx_b" in row:
        return f"{row['ctx_a']} {row['ctx_b'].capitalize()}"
    return str(row["ctx"])


@torch.no_grad()
def score_items(
    model: LanguageModel,
    tokenizer: Tokenizer,
    items: Iterable[Item],
    device: torch.device | str = "cpu",
    batch_size: int = 32,
) -> Iterator[ItemScore]:
    """Score the endings of items, `batch_size` endings at a time; the size changes no score by more than rounding.

    Context and ending are encoded together; the tokens after the tokens of the context are the ending. Text that is
    too long for the model loses its beginning.
    """
    was_training = model.training
    model.eval()
    try:
        left = iter(items)
        while group := list(islice(left, GROUP)):
            yield from _score_group(model, tokenizer, group, device, batch_size)
    finally:
        model.train(was_training)


def _score_group(
    model: LanguageModel, tokenizer: Tokenizer, group: list[Item], device: torch.device | str, batch_size: int
) -> Iterator[ItemScore]:
    longest = model.config.context_length + 1
    encoded = [row for item in group for row in encode_endings(tokenizer, item)]
    rows = [ids[-longest:] for ids, _ in encoded]
    counts = [n for _, n in encoded]
    logs: NDArray[np.float64] = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]), reverse=True)
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        x, y = padded([rows[place] for place in chosen])
        losses = token_losses(model(x.to(device)), y.to(device)).double().cpu().numpy()
        for place, row in zip(chosen, losses, strict=True):
            n_targets = len(rows[place]) - 1
            logs[place] = -row[max(n_targets - counts[place], 0) : n_targets].sum()
    start = 0
    for item in group:
        stop = start + len(item.endings)
        lengths = tuple(map(len, item.endings))
        yield ItemScore(item.number, item.label, tuple(logs[start:stop].tolist()), lengths, tuple(counts[start:stop]))
        start = stop


def encode_endings(tokenizer: Tokenizer, item: Item) -> list[tuple[list[int], int]]:
    """Return, for each ending, the ids of context and ending, and how many of them, from the end, are the ending.

    Spaces at the end of the context belong to the ending, as in lm-evaluation-harness (`_encode_pair`).
    """
    n_context = len(tokenizer.encode(item.context.rstrip()))
    rows = [tokenizer.encode(f"{item.context} {ending}") for ending in item.endings]
    return [(row, max(len(row) - n_context, 1)) for row in rows]

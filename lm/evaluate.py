"""Scores of a model: the loss of windows of ids, and bits per byte of documents.

Every document is scored by itself, and every byte of it counts, whatever the tokenizer. The document before it is
not seen: the model starts from the end of a document, as it did in training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impls import Tokenizer
from impls.errors import UsageError
from lm.documents import Document
from lm.ops import IGNORE_INDEX
from lm.transformer import LanguageModel

GROUP = 256
"""Documents whose windows are sorted by length together, so that a batch is padded little."""


@dataclass(frozen=True)
class Windows:
    """How a document that is longer than the model's view is cut.

    Attributes:
        block: ids that the model sees at once; the block size of the run.
        stride: ids from the start of a window to the start of the next one. Every id is predicted once; with a
            stride below the block size, it is predicted from at least `block - stride` ids, where there are so many.
        batch: windows in a batch; it changes no score by more than rounding.
    """

    block: int
    stride: int
    batch: int = 8

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"batch: {self.batch} is below 1; give at least 1")
        if not 1 <= self.stride <= self.block:
            raise UsageError(f"stride: {self.stride} is not between 1 and the block size {self.block}; change stride")

    def __str__(self) -> str:
        return f"windows of {self.block} tokens, {self.stride} from one to the next"


@dataclass(frozen=True)
class DocumentScore:
    """The negative log-likelihood of a document.

    Attributes:
        number: the number of the document.
        n_bytes: bytes of its text, the same for every tokenizer.
        n_tokens: tokens that the model predicted: those of the text and of the end of the document.
        nats: negative log-likelihood of all of them.
        special_nats: the part of `nats` that special tokens and the end of the document cost.
    """

    number: int
    n_bytes: int
    n_tokens: int
    nats: float
    special_nats: float


@dataclass(frozen=True)
class TextScore:
    """The sums over the documents of a text; see `DocumentScore`."""

    n_documents: int
    n_bytes: int
    n_tokens: int
    nats: float
    special_nats: float

    @classmethod
    def of(cls, scores: Sequence[DocumentScore]) -> TextScore:
        """Add up scores."""
        n_bytes, n_tokens = sum(score.n_bytes for score in scores), sum(score.n_tokens for score in scores)
        nats, special = math.fsum(s.nats for s in scores), math.fsum(s.special_nats for s in scores)
        return cls(len(scores), n_bytes, n_tokens, nats, special)

    @property
    def loss(self) -> float:
        """Mean nats per token; not comparable between tokenizers."""
        return self.nats / self.n_tokens if self.n_tokens else math.nan

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_byte(self) -> float:
        """All nats in bits per byte of the original text; comparable between tokenizers."""
        return bits_per_byte(self.nats, self.n_bytes)

    @property
    def special_bits_per_byte(self) -> float:
        """The part of `bits_per_byte` that special tokens and the ends of documents cost."""
        return bits_per_byte(self.special_nats, self.n_bytes)


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """Return nats in bits per byte: nats / (ln 2 * bytes); nan without bytes."""
    return nats / (math.log(2) * n_bytes) if n_bytes else math.nan


@dataclass(frozen=True)
class _Window:
    """A piece of the ids of a document: int64[n + 1]; the first target is at place `first` of its n targets."""

    document: int
    ids: NDArray[np.int64]
    special: NDArray[np.bool_]
    first: int


@torch.no_grad()
def score_documents(
    model: LanguageModel,
    tokenizer: Tokenizer,
    documents: Iterable[Document],
    windows: Windows,
    device: torch.device | str = "cpu",
) -> Iterator[DocumentScore]:
    """Score documents, each by itself; the scores come in the order of the documents.

    The first token of a document is predicted from the text before it, so that all bytes are predicted. Memory holds
    a few hundred documents at a time.

    Raises:
        UsageError: the block size is above the model's context length, or the tokenizer cannot encode a document.
    """
    if windows.block > model.config.context_length:
        raise UsageError(
            f"block size: {windows.block} is above the context length {model.config.context_length} of the model; "
            "give a smaller block"
        )
    was_training = model.training
    model.eval()
    try:
        left = iter(documents)
        while group := list(islice(left, GROUP)):
            yield from _score_group(model, tokenizer, group, windows, device)
    finally:
        model.train(was_training)


def _score_group(
    model: LanguageModel,
    tokenizer: Tokenizer,
    group: list[Document],
    windows: Windows,
    device: torch.device | str,
) -> Iterator[DocumentScore]:
    specials = np.array(list(tokenizer.special_tokens.values()), np.int64)
    cut = [
        window
        for place, document in enumerate(group)
        for window in _cut(place, document, tokenizer, specials, windows)
    ]
    nats, special = np.zeros(len(group)), np.zeros(len(group))
    n_tokens = np.zeros(len(group), np.int64)
    for batch in _batches(cut, windows.batch):
        for window, losses in zip(batch, _losses(model, batch, device), strict=True):
            wanted = losses[window.first : len(window.ids) - 1]
            nats[window.document] += wanted.sum()
            special[window.document] += wanted[window.special[window.first + 1 :]].sum()
            n_tokens[window.document] += len(wanted)
    for place, document in enumerate(group):
        counts = document.number, document.n_bytes, int(n_tokens[place])
        yield DocumentScore(*counts, float(nats[place]), float(special[place]))


def _cut(
    place: int, document: Document, tokenizer: Tokenizer, specials: NDArray[np.int64], windows: Windows
) -> Iterator[_Window]:
    """Yield the windows of a document; every token after the text before it is a target once."""
    before = tokenizer.encode(document.before)[-windows.block :]
    text, after = tokenizer.encode(document.text), tokenizer.encode(document.after) if document.after else []
    ids = np.array([*before, *text, *after], np.int64)
    special = np.isin(ids, specials)
    special[len(before) + len(text) :] = True
    done = max(len(before), 1)  # Ids that were predicted, or need not be.
    for start in range(0, max(len(ids) - 1, 0), windows.stride):
        stop = min(start + windows.block + 1, len(ids))
        if stop > done:
            yield _Window(place, ids[start:stop], special[start:stop], done - start - 1)
            done = stop


def _batches(windows: list[_Window], size: int) -> Iterator[list[_Window]]:
    ordered = sorted(windows, key=lambda window: len(window.ids), reverse=True)
    return (ordered[first : first + size] for first in range(0, len(ordered), size))


def _losses(model: LanguageModel, batch: list[_Window], device: torch.device | str) -> NDArray[np.float64]:
    """Return the nats of all targets, float64[B, T]; rows are padded at their ends, which no earlier place sees."""
    x, y = padded([window.ids for window in batch])
    losses: NDArray[np.float64] = token_losses(model(x.to(device)), y.to(device)).double().cpu().numpy()
    return losses


def padded(rows: Sequence[NDArray[np.int64] | Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, int64[B, T] each, of rows of ids; T is the length of the longest row less one.

    Inputs are padded with id 0, targets with `IGNORE_INDEX`.
    """
    width = max(map(len, rows)) - 1
    x = torch.zeros(len(rows), width, dtype=torch.int64)
    y = torch.full((len(rows), width), IGNORE_INDEX)
    for place, row in enumerate(rows):
        ids = torch.as_tensor(np.asarray(row, np.int64))
        x[place, : len(row) - 1], y[place, : len(row) - 1] = ids[:-1], ids[1:]
    return x, y


@dataclass(frozen=True)
class WindowScore:
    """The sum over the targets of windows.

    Attributes:
        nats: negative log-likelihood of the targets that are not ignored.
        n_targets: number of these targets.
    """

    nats: float
    n_targets: int

    @property
    def loss(self) -> float:
        """The mean over all targets, in nats. Every target has the same weight, even if batches differ in size."""
        return self.nats / self.n_targets if self.n_targets else math.nan

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return math.exp(min(self.loss, 700.0))


@torch.no_grad()
def score_windows(
    model: LanguageModel,
    batches: Iterable[tuple[Tensor, Tensor]],
    device: torch.device | str = "cpu",
    max_batches: int | None = None,
) -> WindowScore:
    """Score the targets of batches of x and y, int64[B, T], as training reads them.

    Args:
        model: the model to score; the model is put into evaluation mode during the scoring.
        batches: x and y; targets that are `IGNORE_INDEX` are ignored.
        device: where the model is.
        max_batches: number of batches to score, from the first; all by default.
    """
    was_training = model.training
    model.eval()
    nats, n_targets = 0.0, 0
    for x, y in islice(batches, max_batches):
        nats += float(token_losses(model(x.to(device)), y.to(device)).double().sum())
        n_targets += int((y != IGNORE_INDEX).sum())
    model.train(was_training)
    return WindowScore(nats, n_targets)


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

"""From a prompt to samples: temperature, top-k, top-p, seeds. A cache saves time and does not change the tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impls import Tokenizer
from impls.errors import UsageError
from lm.transformer import LanguageModel


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn.

    Attributes:
        temperature: divides the logits; 0 takes the most likely token.
        top_k: number of the most likely tokens that can be drawn; all by default.
        top_p: the smallest set of the most likely tokens with at least this probability can be drawn (Holtzman et
            al. 2020, https://arxiv.org/abs/1904.09751); all by default.
        max_new_tokens: largest number of tokens in a sample.
        n_samples: number of samples; sample i is drawn with seed + i, so it does not depend on the number of samples.
        seed: the seed of the first sample.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    max_new_tokens: int = 200
    n_samples: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise UsageError(f"temperature: {self.temperature} is out of range; give a finite number of at least 0")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top-k: {self.top_k} is below 1; give at least 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"top-p: {self.top_p} is out of range; give a number above 0 and at most 1")
        if self.max_new_tokens < 1 or self.n_samples < 1:
            raise UsageError(
                f"tokens: {self.max_new_tokens}, samples: {self.n_samples}: give two numbers, each at least 1"
            )
        if self.seed < 0:
            raise UsageError(f"seed: {self.seed} is below 0; give at least 0")


def distribution(logits: Tensor, sampling: Sampling) -> Tensor:
    """Return the probability of each id to be drawn, float32[..., V] with sum 1, from the logits, [..., V].

    Temperature acts first, then top-k, then top-p. Of equally likely tokens, the one with the smaller id comes first.
    """
    logits = logits.float()
    order = logits.sort(dim=-1, descending=True, stable=True).indices
    if sampling.temperature == 0:
        return torch.zeros_like(logits).scatter_(-1, order[..., :1], 1.0)
    probabilities = (logits / sampling.temperature).softmax(-1).gather(-1, order)
    if sampling.top_k is not None:
        probabilities[..., sampling.top_k :] = 0.0
        probabilities /= probabilities.sum(-1, keepdim=True)
    if sampling.top_p is not None:
        mass_before = probabilities.cumsum(-1) - probabilities
        probabilities = probabilities.where(mass_before < sampling.top_p, 0.0)
    probabilities = probabilities / probabilities.sum(-1, keepdim=True)
    return torch.zeros_like(logits).scatter_(-1, order, probabilities)


@torch.no_grad()
def steps(
    model: LanguageModel,
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    use_cache: bool = True,
    known: Iterable[int] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw the next token of all samples, then the token after it, and so on.

    Beyond the context length, the model sees the last `context_length` tokens.

    Args:
        model: the model.
        prompt: the ids to continue.
        sampling: how tokens are drawn.
        use_cache: whether keys and values of earlier positions are kept.
        known: the ids that may be drawn, such as the ids of a tokenizer whose vocabulary is smaller than the model's;
            all by default.

    Yields:
        The token of each sample, int64[n_samples], and the distribution it was drawn from, float32[n_samples, V].

    Raises:
        UsageError: the prompt is empty or holds an id that the model lacks.
    """
    if not prompt:
        raise UsageError("prompt: is empty; give at least one token")
    if max(prompt) >= model.config.vocab_size:
        raise UsageError(
            f"prompt: id {max(prompt)} is not below the model's vocabulary size {model.config.vocab_size}; use the "
            "tokenizer of the model"
        )
    was_training = model.training
    model.eval()
    device = model.token_embeddings.weight.device
    generators = [torch.Generator(device).manual_seed(sampling.seed + i) for i in range(sampling.n_samples)]
    ids = torch.tensor([prompt], device=device).repeat(sampling.n_samples, 1)
    unknown = _unknown(known, model.config.vocab_size, device)
    context = model.config.context_length
    caches = model.new_caches() if use_cache and ids.shape[1] <= context else None
    fresh = ids
    try:
        for _ in range(sampling.max_new_tokens):
            if caches is not None and caches[0].length + fresh.shape[1] > context:
                caches = None
            logits = model(fresh if caches is not None else ids[:, -context:], None, caches)[:, -1]
            probabilities = distribution(logits.masked_fill(unknown, -torch.inf), sampling)
            if sampling.temperature == 0:
                fresh = probabilities.argmax(-1, keepdim=True)
            else:
                rows = zip(probabilities, generators, strict=True)
                fresh = torch.stack([torch.multinomial(row, 1, generator=generator) for row, generator in rows])
            ids = torch.cat([ids, fresh], dim=1)
            yield fresh[:, 0], probabilities
    finally:
        model.train(was_training)


def _unknown(known: Iterable[int] | None, vocab_size: int, device: torch.device) -> Tensor:
    """Return which ids are never drawn, bool[V]."""
    unknown = torch.full((vocab_size,), known is not None, device=device)
    unknown[[token_id for token_id in known or () if token_id < vocab_size]] = False
    return unknown


def generate(
    model: LanguageModel,
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    eos_id: int | None = None,
    use_cache: bool = True,
    known: Iterable[int] | None = None,
) -> list[list[int]]:
    """Return the new ids of each sample; a sample ends before `eos_id`, or after `max_new_tokens`.

    Raises:
        UsageError: see `steps`.
    """
    samples: list[list[int]] = [[] for _ in range(sampling.n_samples)]
    ended = [False] * sampling.n_samples
    for tokens, _ in steps(model, prompt, sampling, use_cache=use_cache, known=known):
        for place, token in enumerate(tokens.tolist()):
            ended[place] |= token == eos_id
            if not ended[place]:
                samples[place].append(token)
        if all(ended):
            break
    return samples


def generate_text(
    model: LanguageModel, tokenizer: Tokenizer, prompt: str, sampling: Sampling, **options: Any
) -> list[str]:
    """Return the text of each sample, the prompt included; see `generate` for the options."""
    ids = tokenizer.encode(prompt)
    return [
        tokenizer.decode(ids + sample) for sample in generate(model, ids, sampling, known=tokenizer.vocab, **options)
    ]

"""Peers that train on a text file: each uses its fastest public call, and returns merges that can be compared.

Like our trainers, all peers count overlapping occurrences and merge the pair with the highest count. The peers differ
from our trainers in three ways:

- Ties. HF tokenizers takes the smallest pair of ids, with bytes numbered in the order of GPT-2's byte alphabet (our
  `tie_break="huggingface"`). rustbpe takes the smallest pair of ids, where the id of byte b is b ("smallest_ids"
  below). gigatoken can break ties in both ways. No peer takes the greatest pair of tokens, as our default
  `tie_break="greatest"` does.
- The end. When no pair is left, our trainers and two of the peers stop. gigatoken goes on with pairs of count 0 until
  the vocabulary is full. So its merges begin with the merges of our trainers, and more merges follow.
- Special tokens. gigatoken cuts the text itself, at one separator. The other two peers are given the pieces of text
  between special tokens.

This module imports neither NumPy nor `regex`, so a process that trains with a peer spends its time and memory on the
peer.
"""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Generic, NamedTuple, TypeVar

from impls.errors import MergelabError, UsageError
from impls.peers.output import with_output
from impls.peers.texts import pieces

Learned = TypeVar("Learned")

Pairs = list[tuple[bytes, bytes]]

N_BYTES = 256

_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}


class Request(NamedTuple):
    """What to train: the arguments of `PeerTrainer.__call__`, checked."""

    path: str | os.PathLike[str]
    vocab_size: int
    special_tokens: Sequence[str]
    pattern: str
    tie_break: str


class PeerTrainer(ABC, Generic[Learned]):
    """Trains on a file in two steps: `learn` is the work of the peer, and `merges` reads the merges from its result.

    Attributes:
        ties: the tie-breaks that the peer knows, its default first.
        patterns: the split patterns that the peer knows; empty if it accepts any expression.
    """

    ties: ClassVar[tuple[str, ...]]
    patterns: ClassVar[tuple[str, ...]] = ("gpt2",)

    @abstractmethod
    def learn(self, request: Request) -> Learned:
        """Train, and return the result as the peer gives it; benchmarks time only this call."""

    @abstractmethod
    def merges(self, learned: Learned) -> Pairs:
        """Return the merges in order of creation, each a pair of tokens."""

    def __call__(
        self,
        input_path: str | os.PathLike[str],
        vocab_size: int,
        special_tokens: Sequence[str],
        *,
        pattern: str = "gpt2",
        tie_break: str | None = None,
    ) -> tuple[dict[int, bytes], Pairs]:
        """Train a vocabulary; arguments, result and numbering of ids are as in `pipeline.train_bpe`.

        Raises:
            UsageError: the peer does not have the pattern or the tie-break.
        """
        merges = self.merges(self.learn(self.request(input_path, vocab_size, special_tokens, pattern, tie_break)))
        tokens = [bytes([byte]) for byte in range(N_BYTES)] + [left + right for left, right in merges]
        return dict(enumerate(tokens + [token.encode() for token in special_tokens])), merges

    def request(
        self,
        input_path: str | os.PathLike[str],
        vocab_size: int,
        special_tokens: Sequence[str],
        pattern: str = "gpt2",
        tie_break: str | None = None,
    ) -> Request:
        """Check and return the arguments of `__call__`; a `tie_break` of None is the peer's default.

        Raises:
            UsageError: see `__call__`.
        """
        if self.patterns and pattern not in self.patterns:
            raise UsageError(
                f"pattern: this peer does not know {pattern!r}; choose one of {', '.join(self.patterns)}"
            )
        if tie_break not in (None, *self.ties):
            raise UsageError(
                f"tie_break: this peer does not know {tie_break!r}; choose one of {', '.join(self.ties)}"
            )
        return Request(input_path, vocab_size, special_tokens, pattern, tie_break or self.ties[0])


class GigatokenLearned(NamedTuple):
    """The merges that gigatoken returned, and the text that it printed."""

    merges: Pairs
    printed: str

    def counting_seconds(self) -> float:
        """Return how long gigatoken counted pretokens, in seconds, as gigatoken itself measured it.

        Raises:
            MergelabError: gigatoken did not print the time.
        """
        found = re.search(r"Pretokenization took ([0-9.]+)(ns|µs|ms|s)\b", self.printed)
        if not found:
            raise MergelabError(
                "gigatoken: the output lacks the time of pretokenization; adapt GigatokenLearned.counting_seconds"
            )
        return float(found[1]) * _SECONDS[found[2]]


class GigatokenTrainer(PeerTrainer[GigatokenLearned]):
    """Trains with `gigatoken.train_bpe`, which reads and counts in all threads; the text that it prints is caught."""

    ties = ("huggingface", "smallest_ids")

    def learn(self, request: Request) -> GigatokenLearned:
        """Train on a text file with at most one special token."""
        import gigatoken

        if len(request.special_tokens) > 1:
            raise UsageError(
                f"special tokens: gigatoken takes at most one, but {len(request.special_tokens)} are given; "
                "give at most one"
            )
        source = gigatoken.TextFileSource(
            [request.path], separator=request.special_tokens[0] if request.special_tokens else None
        )
        rule = "raw_token_ids" if request.tie_break == "smallest_ids" else request.tie_break
        result, printed = with_output(
            lambda: gigatoken.train_bpe(source, request.vocab_size, list(request.special_tokens), tie_breaking=rule)
        )
        return GigatokenLearned(result[1], printed)

    def merges(self, learned: GigatokenLearned) -> Pairs:
        """Return the merges of gigatoken, which are pairs of tokens already."""
        return learned.merges


class RustbpeTrainer(PeerTrainer[list[tuple[bytes, int]]]):
    """Trains with `rustbpe.Tokenizer.train_from_iterator`; the result is its list of tokens with ranks."""

    ties = ("smallest_ids",)
    patterns = ()

    def learn(self, request: Request) -> list[tuple[bytes, int]]:
        """Train on the pieces of a text file."""
        import rustbpe

        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(
            pieces(request.path, request.special_tokens),
            request.vocab_size - len(request.special_tokens),
            pattern=_expression(request.pattern),
        )
        ranks: list[tuple[bytes, int]] = tokenizer.get_mergeable_ranks()
        return ranks

    def merges(self, learned: list[tuple[bytes, int]]) -> Pairs:
        """Find the pair of each token: when the merges before it are applied to its bytes, exactly this pair is left.

        Where the pair was found in the text, no earlier merge had crossed the ends of the pair. So the bytes of the
        token, taken alone, are merged in the same way as in the text.
        """
        ranks: dict[tuple[bytes, bytes], int] = {}
        for token, _ in sorted(learned, key=lambda row: row[1])[N_BYTES:]:
            left, right = _merge_to_two([bytes([byte]) for byte in bytes(token)], ranks)
            ranks[left, right] = len(ranks)
        return list(ranks)


def _merge_to_two(parts: list[bytes], ranks: dict[tuple[bytes, bytes], int]) -> tuple[bytes, bytes]:
    while len(parts) > 2:
        known = [(ranks[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in ranks]
        if not known:
            break
        _, place = min(known)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    if len(parts) != 2:
        token = b"".join(parts)
        raise MergelabError(f"rustbpe: {token!r} is not made of two earlier tokens; install another version of it")
    return parts[0], parts[1]


class HuggingFaceTrainer(PeerTrainer[str]):
    """Trains with HF tokenizers' `BpeTrainer` after its own GPT-2 split; the result is its tokenizer.json."""

    ties = ("huggingface",)

    def learn(self, request: Request) -> str:
        """Train on the pieces of a text file."""
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=request.vocab_size,
            special_tokens=list(request.special_tokens),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(pieces(request.path, request.special_tokens), trainer)
        return tokenizer.to_str()

    def merges(self, learned: str) -> Pairs:
        """Read the merges from the tokenizer.json."""
        from impls.formats.alphabet import from_text

        rows: list[list[str]] = json.loads(learned)["model"]["merges"]
        return [(from_text(left), from_text(right)) for left, right in rows]


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern, which may be given as `regex:EXPRESSION`."""
    if pattern.startswith("regex:"):
        return pattern.removeprefix("regex:")
    from impls.patterns import PATTERNS, compile_pattern

    compile_pattern(pattern)
    return PATTERNS[pattern]

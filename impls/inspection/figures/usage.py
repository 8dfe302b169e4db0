"""A tokenizer on a file: how many tokens the text takes, and how evenly they are used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from impls.contract import Array64
from impls.errors import FileFormatError, UsageError
from impls.inputs.file import TextFile
from impls.inspection.figures.kinds import KINDS, SPACE, kinds_of, kinds_of_tokens
from impls.inspection.figures.vocabulary import text_tokens
from impls.tokenizer import Tokenizer

ORDER = 2.5
"""The order of the Renyi entropy; see `renyi_efficiency`."""


@dataclass(frozen=True)
class KindUsage:
    """The tokens of one kind, see `kinds.KINDS`.

    Attributes:
        kind: its name.
        n_tokens, n_bytes, n_characters: numbers of tokens, of their bytes, and of characters that begin in them.
        bytes_per_token, characters_per_token: quotients of these numbers.
    """

    kind: str
    n_tokens: int
    n_bytes: int
    n_characters: int
    bytes_per_token: float
    characters_per_token: float


@dataclass(frozen=True)
class UsageFigures:
    """A tokenizer on a text.

    Attributes:
        source: the file.
        n_bytes, n_characters, n_words, n_tokens: sizes of the text; a word is a run of characters that are no white
            space.
        bytes_per_token, characters_per_token: quotients of these sizes.
        fertility: tokens per word (Rust et al. 2021, https://aclanthology.org/2021.acl-long.243); None without words.
        renyi_efficiency: see `renyi_efficiency`.
        n_used: number of tokens of the vocabulary that occur.
        n_unused: number of tokens of text, thus not special ones, that do not occur.
        unused: their ids.
        most_used: pairs of an id and a count, highest counts first.
        kinds: the tokens by kind of their characters, most tokens first.
    """

    source: str
    n_bytes: int
    n_characters: int
    n_words: int
    n_tokens: int
    bytes_per_token: float
    characters_per_token: float
    fertility: float | None
    renyi_efficiency: float | None
    n_used: int
    n_unused: int
    unused: tuple[int, ...]
    most_used: tuple[tuple[int, int], ...]
    kinds: tuple[KindUsage, ...]


class _Tally:
    """What is summed over the parts of a text."""

    def __init__(self, n_ids: int) -> None:
        self.counts: Array64 = np.zeros(n_ids, np.int64)
        self.by_kind: Array64 = np.zeros((3, len(KINDS)), np.int64)
        self.n_words = 0
        self._after_space = True

    def add(self, tokenizer: Tokenizer, text: str) -> None:
        """Add a part of the text."""
        ids, byte_spans, character_spans = tokenizer.encode_with_offsets(text)
        kinds = kinds_of(text)
        of_tokens = kinds_of_tokens(kinds, character_spans)
        self.counts += np.bincount(ids, minlength=len(self.counts))
        n_bytes = byte_spans[:, 1] - byte_spans[:, 0]
        # Each character counts for the token that holds its first byte.
        ends = character_spans[:, 1]
        begun = np.diff(ends, prepend=0)
        for row, numbers in enumerate((np.ones_like(n_bytes), n_bytes, begun)):
            self.by_kind[row] += np.bincount(of_tokens, numbers, len(KINDS)).astype(np.int64)
        self._add_words(kinds == SPACE)

    def _add_words(self, is_space: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        before = np.concatenate([[self._after_space], is_space[:-1]])
        self.n_words += int(np.count_nonzero(before & ~is_space))
        self._after_space = bool(is_space[-1])


def usage_figures(tokenizer: Tokenizer, text: TextFile, name: str = "") -> UsageFigures:
    """Return the figures of a tokenizer on a file, which is read in parts.

    Args:
        tokenizer: the tokenizer.
        text: the file.
        name: the name of the tokenizer in errors.

    Raises:
        FileFormatError: the file cannot be read, is not UTF-8, or cannot be encoded.
    """
    tally = _Tally(tokenizer.definition.n_ids)
    for part in text_parts(tokenizer, text):
        try:
            tally.add(tokenizer, part)
        except UsageError as error:
            raise cannot_encode(name, text, error) from None
    text.check_unchanged()
    return _figures(tokenizer, text.name, tally)


def text_parts(tokenizer: Tokenizer, text: TextFile) -> Iterator[str]:
    """Yield a file in parts that can be encoded one by one."""
    for start, stop in text.ranges(tokenizer.pattern, list(tokenizer.special_tokens)):
        yield text.text(start, stop)


def cannot_encode(name: str, text: TextFile, error: UsageError) -> FileFormatError:
    """Return the error for a text that a tokenizer cannot encode."""
    return FileFormatError(f"{name}: {text.name}: {error}" if name else f"{text.name}: {error}")


def _figures(tokenizer: Tokenizer, source: str, tally: _Tally) -> UsageFigures:
    (n_tokens, n_bytes, n_characters), counts = tally.by_kind.sum(axis=1).tolist(), tally.counts
    unused = [token_id for token_id in sorted(text_tokens(tokenizer.definition)) if not counts[token_id]]
    most = np.argsort(-counts, kind="stable")[:10]
    kinds = [
        KindUsage(kind, tokens, size, characters, size / tokens, characters / tokens)
        for kind, (tokens, size, characters) in zip(KINDS, tally.by_kind.T.tolist(), strict=True)
        if tokens
    ]
    return UsageFigures(
        source=source,
        n_bytes=n_bytes,
        n_characters=n_characters,
        n_words=tally.n_words,
        n_tokens=n_tokens,
        bytes_per_token=n_bytes / n_tokens,
        characters_per_token=n_characters / n_tokens,
        fertility=n_tokens / tally.n_words if tally.n_words else None,
        renyi_efficiency=renyi_efficiency(counts, tokenizer.vocab_size),
        n_used=int(np.count_nonzero(counts)),
        n_unused=len(unused),
        unused=tuple(unused),
        most_used=tuple((int(token_id), int(counts[token_id])) for token_id in most if counts[token_id]),
        kinds=tuple(sorted(kinds, key=lambda kind: -kind.n_tokens)),
    )


def renyi_efficiency(counts: Array64, vocab_size: int) -> float | None:
    """Return the Renyi entropy of the tokens of a text, divided by its largest value; None if there is one token.

    With p the frequencies of the tokens, this is log(sum p**2.5) / (1 - 2.5) / log(vocab_size). It is 1 if all tokens
    of the vocabulary are used equally often. Source: Zouhar et al. 2023, Tokenization and the Noiseless Channel,
    https://aclanthology.org/2023.acl-long.284. Cognetta et al. 2024, https://arxiv.org/abs/2402.14614, show
    tokenizers with a higher value that are worse.

    Args:
        counts: int64[n], how often each token occurs.
        vocab_size: number of tokens of the vocabulary.
    """
    if vocab_size < 2 or not counts.any():
        return None
    frequencies = counts[counts > 0] / counts.sum()
    return float(np.log((frequencies**ORDER).sum()) / (1 - ORDER) / np.log(vocab_size)) + 0.0

"""What is to be learned from the pretokens of a text: checked before the text is counted, and then learned.

A `Goal` may go on from a tokenizer. Then the merges of this tokenizer are applied to every pretoken first, in order
of rank, and training goes on with the tokens that result. All tokens keep their ids, special tokens included. New
tokens get the ids after the largest id, in order of their merges. New special tokens come after the new tokens. The
tokenizer to continue may have a token that none of its texts gives. If a new merge makes this token, the token keeps
its id, and the old merges with this token, which never applied to any text, are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from impls.arguments import check_count
from impls.continuing import Known, Names, Renamer, merges_without
from impls.contract import N_BYTES, TIE_BREAKS, MergeListener, Merges, Pretokens, Start, TieBreak, Trainer
from impls.definition import Definition
from impls.errors import UsageError, shown
from impls.patterns import check_special_tokens, compile_pattern
from impls.pretoken_ids import pretoken_ids


class Goal:
    """The tokenizer that is to be learned, apart from the text.

    Attributes:
        special_tokens: all special tokens, the special tokens of the tokenizer to continue first.
        pattern: the split pattern.
        n_new: number of tokens that merges are to make.
    """

    def __init__(
        self,
        vocab_size: int,
        special_tokens: Sequence[str] = (),
        pattern: str | None = None,
        tie_break: TieBreak = "greatest",
        min_frequency: int = 1,
        max_token_bytes: int | None = None,
        base: Definition | None = None,
    ) -> None:
        """Check what is asked for.

        Args:
            vocab_size: number of tokens, special tokens included; fewer are made if no pair may be merged.
            special_tokens: special tokens that `base` has already stay as they are.
            pattern: by default the pattern of `base`, or "gpt2" without `base`.
            tie_break: see `contract.Trainer`.
            min_frequency: see `contract.Trainer`.
            max_token_bytes: see `contract.Trainer`.
            base: the tokenizer to continue; by default, training begins with single bytes.

        Raises:
            UsageError: an argument is wrong, or does not fit `base`.
        """
        if base is not None and not isinstance(base, Definition):
            raise UsageError(f"base: {shown(base)} is not a Definition; give Tokenizer.load(...).definition")
        specials = _check_specials(special_tokens)
        self._base, self.pattern = base, _check_pattern(pattern, base)
        if not isinstance(tie_break, str) or tie_break not in TIE_BREAKS:
            raise UsageError(f"tie_break: unknown value {shown(tie_break)}; choose one of {', '.join(TIE_BREAKS)}")
        min_frequency = check_count("min_frequency", min_frequency, 1)
        if max_token_bytes is not None:
            max_token_bytes = check_count("max_token_bytes", max_token_bytes, 1)
        self.special_tokens = list(dict.fromkeys([*(base.special_tokens if base else ()), *specials]))
        self.n_new = _n_new_tokens(vocab_size, self.special_tokens, base)
        self._options: dict[str, Any] = {
            "tie_break": tie_break,
            "min_frequency": min_frequency,
            "max_token_bytes": max_token_bytes,
        }

    def learn(self, trainer: Trainer, pretokens: Pretokens, on_merge: MergeListener | None = None) -> Definition:
        """Learn the merges of pretokens; `on_merge` gets the ids that the tokens have in the result.

        Raises:
            MissingByteError: a pretoken has a byte that the tokenizer to continue lacks.
        """
        train = partial(trainer, pretokens, **self._options)
        if self._base is None:
            merges = train(n_merges=self.n_new, on_merge=on_merge)
            return Definition.of_training(merges, self.special_tokens, self.pattern)
        known = Known(self._base)
        start = Start(known.tokens, *pretoken_ids(known.vocabulary, pretokens))
        listener = Renamer(known, self.n_new, on_merge) if on_merge else None
        # A merge that makes an idle token needs no new id.
        merges = train(n_merges=self.n_new + known.n_idle, start=start, on_merge=listener)
        return self._continued(self._base, Names(known, self.n_new), merges)

    def _continued(self, base: Definition, names: Names, merges: Merges) -> Definition:
        vocab, pairs = dict(base.vocab), []
        for left, right in zip(merges.left.tolist(), merges.right.tolist(), strict=True):
            token_id = names.add(left, right)
            if token_id is None:
                break
            pairs.append((names.tokens[left], names.tokens[right]))
            vocab[token_id] = names.tokens[-1]
        made = {left + right for left, right in pairs}
        return Definition(vocab, [*merges_without(made, base.merges), *pairs], self.special_tokens, self.pattern)


def _check_specials(special_tokens: Sequence[str]) -> list[str]:
    specials = check_special_tokens(special_tokens)
    for special in specials:
        if len(special.encode()) == 1:
            raise UsageError(
                f"special tokens: {special!r} is a single byte, which has an id already; give a longer token"
            )
    return specials


def _check_pattern(pattern: str | None, base: Definition | None) -> str:
    if base is not None and pattern not in (None, base.pattern):
        raise UsageError(
            f"pattern: {shown(pattern)} is not {shown(base.pattern)}, by which the tokenizer to continue splits; "
            "leave the pattern out"
        )
    pattern = pattern if pattern is not None else base.pattern if base else "gpt2"
    compile_pattern(pattern)
    return pattern


def _n_new_tokens(vocab_size: int, special_tokens: Sequence[str], base: Definition | None) -> int:
    """Return how many tokens of a vocabulary of `vocab_size` are to be made by merges.

    Raises:
        UsageError: `vocab_size` is not a whole number, or is too small.
    """
    size, n_old_specials = check_count("vocab_size", vocab_size, 1), len(base.special_tokens) if base else 0
    n_old = len(base.vocab) if base else N_BYTES
    n_new_specials = len(special_tokens) - n_old_specials
    if size < n_old + n_new_specials:
        old, new = (f"the {n_old} tokens to continue", "new ") if base else ("256 bytes", "")
        raise UsageError(
            f"vocab_size: {size} is too small for {old} and {n_new_specials} {new}special tokens; "
            f"give at least {n_old + n_new_specials}"
        )
    return size - n_old - n_new_specials

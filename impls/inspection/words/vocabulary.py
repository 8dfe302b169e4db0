"""Words about a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from impls.inspection.blocks import Block, Column, Heading, Sentences, Table
from impls.inspection.figures.vocabulary import NamedToken, Unreached, VocabularyFigures, VocabularySizes
from impls.inspection.words.forms import KIND_NOTE, quoted, share, shortened

N_SHOWN = 10
"""Rows of a long table that are shown; JSON has all."""

REASONS = {
    "bytes": "its bytes occur in no valid UTF-8",
    "merges": "merging its own bytes gives other tokens",
    "pattern": "the split pattern cuts it",
}


def size_lines(sizes: VocabularySizes) -> Iterator[str]:
    """Yield sentences about the sizes of a vocabulary."""
    yield f"{sizes.n_tokens} tokens: {sizes.n_text} of text, {sizes.n_special} special"
    yield f"{sizes.n_merges} merges, split pattern {sizes.pattern}"
    yield f"{sizes.n_spaced} begin with a space, {sizes.n_partial} are no whole characters"
    for longest in sizes.longest[:1]:
        told = f"the longest is {shortened(quoted(longest.content))}: {len(longest.content)}"
        yield f"{sizes.mean_bytes:.2f} bytes per token; {told}"


def vocabulary_blocks(figures: VocabularyFigures) -> list[Block]:
    """Return what is said about a vocabulary."""
    sizes = figures.sizes
    sentences = [*size_lines(sizes), f"ids are below {sizes.n_ids} and take {sizes.id_dtype} on disk"]
    return [
        Heading("Vocabulary"),
        Sentences(sentences),
        _named("Longest tokens:", sizes.longest),
        *_lengths(figures),
        *_unreached(figures.unreached),
        *_kinds(figures),
        *_special(figures),
        *_duplicates(figures),
    ]


def _named(title: str, tokens: Iterable[NamedToken]) -> Table:
    rows = [(str(token.id), str(len(token.content)), shortened(quoted(token.content))) for token in tokens]
    return Table(title, (Column("Token ID", True), Column("Bytes", True), Column("Token")), rows)


def _lengths(figures: VocabularyFigures) -> Iterator[Block]:
    total = figures.sizes.n_text
    rows = [(f"{size}", f"{n:,}", share(n / total)) for size, n in figures.lengths.items() if size <= 2 * N_SHOWN]
    if longer := sum(n for size, n in figures.lengths.items() if size > 2 * N_SHOWN):
        rows.append(("more", f"{longer:,}", share(longer / total)))
    yield Table("Tokens by length:", (Column("Bytes", True), Column("Tokens", True), Column("Share", True)), rows)


def _unreached(tokens: tuple[Unreached, ...]) -> Iterator[Block]:
    if not tokens:
        yield Sentences(["every token of text is reached: some text gives it"])
        return
    columns = (Column("Token ID", True), Column("Token"), Column("Bytes"), Column("Reason"))
    rows = [
        (str(token.id), shortened(quoted(token.content)), shortened(token.content.hex(" ")), REASONS[token.reason])
        for token in tokens[: 2 * N_SHOWN]
    ]
    yield Table(f"Tokens that no text gives ({_of(len(rows), len(tokens))}):", columns, rows)


def _kinds(figures: VocabularyFigures) -> Iterator[Block]:
    rows = [(kind, f"{n:,}", share(n / figures.sizes.n_text)) for kind, n in figures.kinds.items()]
    yield Table("Tokens by script:", (Column("Kind"), Column("Tokens", True), Column("Share", True)), rows)
    yield Sentences([KIND_NOTE])


def _special(figures: VocabularyFigures) -> Iterator[Block]:
    if figures.special_tokens:
        listed = list(figures.special_tokens.items())[: 2 * N_SHOWN]
        rows = [(str(token_id), quoted(token.encode())) for token, token_id in listed]
        title = f"Special tokens ({_of(len(rows), len(figures.special_tokens))}):"
        yield Table(title, (Column("Token ID", True), Column("Token")), rows)


def _duplicates(figures: VocabularyFigures) -> Iterator[Block]:
    if not figures.duplicates:
        yield Sentences(["no two tokens differ only in case or in one leading space"])
        return
    told = f"{figures.n_repeats:,} tokens repeat another one, up to case or one leading space"
    yield Sentences([f"{told}: {share(figures.n_repeats / figures.sizes.n_text)} of the tokens of text"])
    rows = [
        (str(len(group)), shortened(" ".join(quoted(token.content) for token in group), 100))
        for group in figures.duplicates[:N_SHOWN]
    ]
    title = f"Tokens that differ only in case or in one leading space ({_of(len(rows), len(figures.duplicates))}):"
    yield Table(title, (Column("Tokens", True), Column("Group")), rows)


def _of(n_shown: int, n: int) -> str:
    return f"{n:,}" if n_shown == n else f"{n_shown} of {n:,}"

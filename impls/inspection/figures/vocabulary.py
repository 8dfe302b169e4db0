"""A vocabulary: sizes, longest tokens, tokens that no text gives, scripts, and tokens that are almost equal."""

from __future__ import annotations

from codecs import utf_8_decode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from impls.definition import Definition
from impls.inspection.figures.kinds import kinds_of_texts
from impls.inspection.figures.token import merge_tree
from impls.tokenizer import Tokenizer

N_LONGEST = 10

PARTS = "parts of characters"
"""The kind of the tokens that are not UTF-8 by themselves."""

_CONTINUATIONS = bytes(range(0x80, 0xC0))

_LEADS = (b"", b"\xc3", b"\xe1", b"\xf1")
"""First bytes after which any one, two or three continuation bytes are valid."""

_ENDINGS = [byte * n for n in range(4) for byte in (b"\x80", b"\xbf")]
"""One of them ends any character that can be ended."""

Reason = Literal["bytes", "merges", "pattern"]


@dataclass(frozen=True)
class NamedToken:
    """A token with its id."""

    id: int
    content: bytes


@dataclass(frozen=True)
class VocabularySizes:
    """The sizes of a vocabulary. A token of text is a token that is not special.

    Attributes:
        n_tokens, n_text, n_special, n_merges: numbers of all tokens, tokens of text, special tokens and merges.
        n_ids: the largest id, plus 1.
        id_dtype: type of the ids on disk.
        pattern: name of the split pattern.
        n_spaced: tokens of text that begin with a space.
        n_partial: tokens of text that are not UTF-8 by themselves, since they hold parts of characters.
        mean_bytes: bytes per token of text.
        longest: the tokens of text with the most bytes, longest first.
    """

    n_tokens: int
    n_text: int
    n_special: int
    n_merges: int
    n_ids: int
    id_dtype: str
    pattern: str
    n_spaced: int
    n_partial: int
    mean_bytes: float
    longest: tuple[NamedToken, ...]


@dataclass(frozen=True)
class Unreached:
    """A token that no text gives.

    Attributes:
        id, content: the token.
        reason: "bytes": its bytes occur in no valid UTF-8. "merges": merging its own bytes gives other tokens.
            "pattern": the split pattern cuts it, when it stands alone.
    """

    id: int
    content: bytes
    reason: Reason


@dataclass(frozen=True)
class VocabularyFigures:
    """A vocabulary.

    Attributes:
        sizes: its sizes.
        lengths: number of tokens of text by number of bytes.
        unreached: tokens of text that no text gives, by id.
        kinds: number of tokens of text by kind of their characters, most tokens first. See `kinds.KINDS`.
        special_tokens: special tokens with their ids.
        duplicates: groups of tokens that differ only in case or in one leading space, largest groups first.
        n_repeats: tokens that such a group has beyond its first, summed over all groups.
    """

    sizes: VocabularySizes
    lengths: Mapping[int, int]
    unreached: tuple[Unreached, ...]
    kinds: Mapping[str, int]
    special_tokens: Mapping[str, int]
    duplicates: tuple[tuple[NamedToken, ...], ...]
    n_repeats: int


def vocabulary_sizes(definition: Definition) -> VocabularySizes:
    """Return the sizes of a vocabulary."""
    tokens = text_tokens(definition)
    longest = sorted(tokens.items(), key=lambda item: (-len(item[1]), item[0]))[:N_LONGEST]
    return VocabularySizes(
        n_tokens=len(definition.vocab),
        n_text=len(tokens),
        n_special=len(definition.special_tokens),
        n_merges=len(definition.merges),
        n_ids=definition.n_ids,
        id_dtype=str(definition.id_dtype),
        pattern=definition.pattern,
        n_spaced=sum(token.startswith(b" ") for token in tokens.values()),
        n_partial=len(tokens) - len(whole_texts(tokens)),
        mean_bytes=sum(map(len, tokens.values())) / max(len(tokens), 1),
        longest=tuple(NamedToken(*item) for item in longest),
    )


def vocabulary_figures(tokenizer: Tokenizer) -> VocabularyFigures:
    """Return the figures of a vocabulary."""
    sizes, tokens = vocabulary_sizes(tokenizer.definition), text_tokens(tokenizer.definition)
    texts = whole_texts(tokens)
    groups = duplicates(texts)
    kinds = Counter(kinds_of_texts(list(texts.values()))) + Counter({PARTS: sizes.n_partial})
    return VocabularyFigures(
        sizes=sizes,
        lengths=dict(sorted(Counter(map(len, tokens.values())).items())),
        unreached=tuple(unreached(tokenizer, tokens, texts)),
        kinds=dict(kinds.most_common()),
        special_tokens=dict(tokenizer.special_tokens),
        duplicates=groups,
        n_repeats=sum(len(group) - 1 for group in groups),
    )


def text_tokens(definition: Definition) -> dict[int, bytes]:
    """Return the tokens that are not special: id -> bytes."""
    special = set(definition.special_tokens.values())
    return {token_id: token for token_id, token in definition.vocab.items() if token_id not in special}


def whole_texts(tokens: Mapping[int, bytes]) -> dict[int, str]:
    """Return the tokens that are whole characters as text, by id: id -> text."""
    texts = {}
    for token_id, token in sorted(tokens.items()):
        with suppress(UnicodeDecodeError):
            texts[token_id] = token.decode()
    return texts


def occurs_in_utf8(token: bytes) -> bool:
    """Tell whether some valid UTF-8 holds these bytes, perhaps with parts of characters at both ends."""
    n_tail = len(token) - len(token.lstrip(_CONTINUATIONS))
    if n_tail >= len(_LEADS):
        return False
    content = _LEADS[n_tail] + token
    try:
        _, used = utf_8_decode(content, "strict", False)
    except UnicodeDecodeError:
        return False
    return any(is_utf8(content[used:] + ending) for ending in _ENDINGS)


def is_utf8(content: bytes) -> bool:
    """Tell whether bytes are whole characters."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def unreached(tokenizer: Tokenizer, tokens: Mapping[int, bytes], texts: Mapping[int, str]) -> Iterator[Unreached]:
    """Yield tokens that no text gives, by id; `texts` has the tokens that are whole characters.

    Each of these tokens is certain. A part of a character is not found if all characters that hold it are merged in
    another way. Source: Land and Bartolo 2024, Fishing for Magikarp, https://arxiv.org/abs/2405.05417, section 3.1.
    """
    arrays = tokenizer.definition.vocabulary
    byte_ids, ranks = arrays.byte_ids.tolist(), arrays.ranks()
    known = {byte for byte in range(256) if byte_ids[byte] >= 0}
    whole = [token_id for token_id in texts if known.issuperset(tokens[token_id])]
    encoded = tokenizer.encode_batch([tokens[token_id] for token_id in whole], special="none")
    reached = {token_id for token_id, ids in zip(whole, encoded, strict=True) if ids == [token_id]}
    for token_id, token in sorted(tokens.items()):
        if token_id in reached:
            continue
        if not occurs_in_utf8(token):
            yield Unreached(token_id, token, "bytes")
        elif [node.id for node in merge_tree(token, ranks, byte_ids)] != [token_id]:
            yield Unreached(token_id, token, "merges")
        elif token_id in texts:
            yield Unreached(token_id, token, "pattern")


def duplicates(texts: Mapping[int, str]) -> tuple[tuple[NamedToken, ...], ...]:
    """Return the groups of tokens that differ only in case or in one leading space, largest groups first."""
    groups: dict[str, list[NamedToken]] = defaultdict(list)
    for token_id, text in texts.items():
        groups[text.removeprefix(" ").casefold()].append(NamedToken(token_id, text.encode()))
    found = [tuple(group) for group in groups.values() if len(group) > 1]
    return tuple(sorted(found, key=lambda group: (-len(group), group[0].id)))

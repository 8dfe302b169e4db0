"""The steps of a tokenizer.json that split a text, called pre-tokenizers, and the split pattern that equals them.

Their regular expressions are Oniguruma's, with Unicode 16. A character that is newer than Unicode 16, or that a newer
version of Unicode puts in another class, may be split differently. All other text is split in the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import regex

from impls.errors import FileFormatError, UsageError, shown
from impls.patterns import CUSTOM, MOST_SPLITS, PATTERNS, SEVERAL, compile_pattern

EXPRESSIONS = {**PATTERNS, "gpt4": PATTERNS["gpt4"].replace("{1,3}+", "{1,3}")}
"""Named patterns in Oniguruma's syntax. In this syntax, `{1,3}+` is not possessive but repeats `{1,3}`. `{1,3}`
without the plus matches the same text, since nothing follows it in its alternative."""

_WORDS_AND_NUMBERS = r"[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"

NAMES = {
    **{expression: name for name, expression in EXPRESSIONS.items()},
    # Other ways to write the same patterns, which transformers and tiktoken have used.
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": "gpt2",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": "gpt2",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s": "gpt2",
    rf"'(?i:[sdmt]|ll|ve|re)|{_WORDS_AND_NUMBERS}": "llama3",
    rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|{_WORDS_AND_NUMBERS}": "llama3",
}
"""Expressions of Oniguruma that are known, and the named pattern that each one equals."""

_MEANS_ANOTHER = re.compile(
    r"\\[\\\[\]^$]|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<other>\}\+|[$^]|\\[bBhHwWGKRXZ])", re.DOTALL
)
"""Finds what Oniguruma and `regex` read differently outside a set of characters: possessive intervals, ends of lines,
and some classes."""


def byte_level(use_regex: bool) -> dict[str, Any]:
    """Return the step that writes bytes in GPT-2's alphabet; with `use_regex`, it first splits as GPT-2 does."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def split_by(*expressions: str) -> dict[str, Any]:
    """Return the steps that split by expressions, one after the other, and then write bytes in GPT-2's alphabet."""
    splits = [
        {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
        for expression in expressions
    ]
    return {"type": "Sequence", "pretokenizers": [*splits, byte_level(use_regex=False)]}


def pattern_of(pre_tokenizer: object, place: str) -> str:
    """Return the split pattern that equals the steps of a tokenizer.json.

    Raises:
        FileFormatError: no pattern equals a step; the message names the step. `place` begins the message.
    """
    steps = list(_steps(pre_tokenizer, place))
    if not steps or steps[-1].get("type") != "ByteLevel":
        raise FileFormatError(f"{place}: 'pre_tokenizer' does not end with ByteLevel; give a byte-level tokenizer")
    expressions = [expression for step in steps for expression in _expressions_of(step, step is steps[-1], place)]
    if len(expressions) > MOST_SPLITS:
        raise FileFormatError(f"{place}: 'pre_tokenizer' has {len(expressions)} splits; give at most {MOST_SPLITS}")
    if len(expressions) == 1 and expressions[0] in NAMES:
        return NAMES[expressions[0]]
    for expression in expressions:
        if expression not in NAMES:
            _check_means_the_same(expression, place)
    ours = [PATTERNS[NAMES[expression]] if expression in NAMES else expression for expression in expressions]
    pattern = SEVERAL + json.dumps(ours) if len(ours) > 1 else CUSTOM + "".join(ours)
    try:
        matches_nothing = any(compiled.fullmatch("") for compiled in compile_pattern(pattern) if compiled.pattern)
    except UsageError as error:
        raise FileFormatError(f"{place}: {error}") from None
    if matches_nothing:
        raise FileFormatError(f"{place}: {shown(pattern)} matches the empty text; give an expression that does not")
    return pattern


def _steps(pre_tokenizer: object, place: str, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the steps of nested sequences in their order."""
    if not isinstance(pre_tokenizer, Mapping):
        raise FileFormatError(f"{place}: 'pre_tokenizer' holds {shown(pre_tokenizer)}, not a step; restore the file")
    if pre_tokenizer.get("type") != "Sequence":
        yield pre_tokenizer
        return
    inner = pre_tokenizer.get("pretokenizers")
    if not isinstance(inner, list) or depth > 8:
        raise FileFormatError(f"{place}: 'pretokenizers' holds {shown(inner)}, not a list of steps; restore the file")
    for step in inner:
        yield from _steps(step, place, depth + 1)


def _expressions_of(step: Mapping[str, Any], is_last: bool, place: str) -> list[str]:
    """Return the expressions by which a step splits: none or one."""
    kind = step.get("type")
    if kind == "ByteLevel" and is_last:
        if step.get("add_prefix_space", True) is not False:
            told = "add_prefix_space puts a space before each text"
            raise FileFormatError(f"{place}: ByteLevel: {told}, which mergelab cannot do; make it false")
        return [EXPRESSIONS["gpt2"]] if step.get("use_regex", True) else []
    if kind == "Digits":
        return [r"\p{N}" if step.get("individual_digits") else r"\p{N}+"]
    if kind == "Split":
        return [_split_expression(step, place)]
    raise FileFormatError(f"{place}: mergelab has no pattern for the pre-tokenizer {shown(kind)} at this place")


def _split_expression(step: Mapping[str, Any], place: str) -> str:
    """Return the expression of a `Split` that keeps all text and cuts before and after each match."""
    pattern = step.get("pattern")
    if not isinstance(pattern, Mapping) or [*map(type, pattern.values())] != [str]:
        raise FileFormatError(f"{place}: Split has the pattern {shown(pattern)}, not an expression; restore the file")
    ((kind, text),) = pattern.items()
    expression = str(regex.escape(text, special_only=True)) if kind == "String" else str(text)
    behavior, invert = step.get("behavior"), bool(step.get("invert", False))
    # If the matches are kept and all else is removed, nothing is lost if the expression matches everything.
    if behavior != "Isolated" and not (behavior == "Removed" and invert and expression in NAMES):
        told = f"Split with the behavior {shown(behavior)}{' and invert' if invert else ''}"
        raise FileFormatError(f"{place}: mergelab has no pattern for a {told}; give a tokenizer with 'Isolated'")
    return expression


def _check_means_the_same(expression: str, place: str) -> None:
    for match in _MEANS_ANOTHER.finditer(expression):
        if match["other"]:
            told = f"in the expression {shown(expression)}, {match['other']!r} means something else to mergelab"
            raise FileFormatError(f"{place}: {told}; give a tokenizer without it")

"""Named split patterns, and the one place that turns text into special tokens and pretokens.

A pattern is named by a string: a name in `PATTERNS`, or `regex:EXPRESSION` with an expression of your own in the
syntax of the `regex` package. The pretokens of a text, joined, always give the text again: where your expression
matches nothing, the unmatched text becomes a pretoken.

Some imported tokenizers split a text several times. Their pattern is `splits:LIST`, where LIST is a JSON list of
expressions. The first expression splits the text into pieces. Each further expression splits each piece by itself, as
if the piece were a whole text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

from impls.errors import MergelabError, UsageError, shown

_OF_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

PATTERNS = {
    # Radford et al. 2019, https://github.com/openai/gpt-2, encoder.py.
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    # cl100k_base and o200k_base, https://github.com/openai/tiktoken.
    "gpt4": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
    "o200k": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    # Llama 3, https://github.com/meta-llama/llama3, tokenizer.py. Older versions of tiktoken had it as cl100k_base.
    "llama3": _OF_WORDS.format(r"\p{N}{1,3}"),
    # Qwen and Qwen 2, https://github.com/QwenLM/Qwen, tokenization_qwen.py.
    "qwen2": _OF_WORDS.format(r"\p{N}"),
}
"""Expressions of the named patterns. `llama3` differs from `gpt4` only in whitespace at the end of a text."""

CUSTOM = "regex:"

SEVERAL = "splits:"
MOST_SPLITS = 32

SECONDS_PER_TEXT, SECONDS_PER_CHARACTER = 10.0, 20e-6
"""Time limit for an expression of the user's own: a hundred times the time that an ordinary expression takes. With
some expressions, the time doubles with each further character, and a downloaded tokenizer may contain such an
expression.
"""


def compile_pattern(pattern: str) -> tuple[regex.Pattern[str], ...]:
    """Compile a named pattern, `regex:EXPRESSION` or `splits:LIST`; only the last one gives several expressions.

    Raises:
        UsageError: the name is unknown, or an expression is invalid, has no UTF-8 form, or searches from right to
            left, or LIST is not a JSON list of 1 to 32 strings.
    """
    if not isinstance(pattern, str) or not (pattern in PATTERNS or pattern.startswith((CUSTOM, SEVERAL))):
        known = ", ".join(PATTERNS)
        raise UsageError(f"pattern: unknown pattern {shown(pattern)}; choose one of {known}, {CUSTOM}EXPRESSION")
    return _compile(pattern)


@lru_cache(maxsize=64)
def _compile(pattern: str) -> tuple[regex.Pattern[str], ...]:
    if pattern in PATTERNS:
        return (regex.compile(PATTERNS[pattern]),)
    try:
        pattern.encode()
    except UnicodeEncodeError as error:
        where = f"{pattern[error.start]!r} at character {error.start}"
        raise UsageError(f"pattern: lone surrogate {where}, which has no UTF-8 form; remove it") from None
    return tuple(_compiled(expression, pattern) for expression in expressions(pattern))


def expressions(pattern: str) -> list[str]:
    """Return the expressions of a pattern, in the order in which they split a text.

    Raises:
        UsageError: the list of a `splits:LIST` is not a JSON list of 1 to 32 strings.
    """
    if not pattern.startswith(SEVERAL):
        return [PATTERNS.get(pattern, pattern.removeprefix(CUSTOM))]
    try:
        listed = json.loads(pattern.removeprefix(SEVERAL))
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_SPLITS or set(map(type, listed)) != {str}:
        raise UsageError(
            f"pattern: {shown(pattern)} is not {SEVERAL} with a JSON list of 1 to {MOST_SPLITS} strings; correct it"
        )
    return listed


def _compiled(expression: str, pattern: str) -> regex.Pattern[str]:
    try:
        compiled = regex.compile(expression)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"pattern: {pattern!r} is not a regular expression: {error}; correct it") from None
    if compiled.flags & regex.REVERSE:
        raise UsageError(f"pattern: {pattern!r} searches from right to left; remove the flag (?r)")
    return compiled


def check_special_tokens(special_tokens: Sequence[str]) -> list[str]:
    """Return the special tokens as a list.

    Raises:
        UsageError: a special token is not a string, is empty, is given twice, has no UTF-8 form, or holds U+FFFD.
    """
    if isinstance(special_tokens, str):
        raise UsageError(f"special tokens: {special_tokens!r} is one string; give a list of strings")
    if not isinstance(special_tokens, Sequence):
        raise UsageError(f"special tokens: {type(special_tokens).__name__} is not a list; give a list of strings")
    for index, token in enumerate(special_tokens):
        if not isinstance(token, str):
            raise UsageError(f"special tokens: number {index} is {token!r}, not a string; give a list of strings")
        if not token:
            raise UsageError(f"special tokens: number {index} is empty and would match everywhere; remove it")
        # U+FFFD stands for invalid bytes; a token holding it could match text that the file does not contain.
        if "\ufffd" in token or any("\ud800" <= character <= "\udfff" for character in token):
            raise UsageError(f"special tokens: {token!r} holds U+FFFD or a lone surrogate; choose another token")
    seen: set[str] = set()
    for token in special_tokens:
        if token in seen:
            raise UsageError(f"special tokens: {token!r} is given twice; give it once")
        seen.add(token)
    return list(special_tokens)


class Splitter:
    """Cuts special tokens out of a text (the longest, if several match) and splits the rest into pretokens."""

    def __init__(self, pattern: str, special_tokens: Sequence[str] = ()) -> None:
        """Compile the expressions for pretokens and for special tokens.

        Raises:
            UsageError: an unknown pattern or a bad special token.
        """
        self._name, self._patterns = pattern, compile_pattern(pattern)
        self._covers_everything = pattern in PATTERNS
        longest_first = sorted(check_special_tokens(special_tokens), key=len, reverse=True)
        alternatives = "|".join(map(regex.escape, longest_first))
        self._special = regex.compile(f"({alternatives})") if longest_first else None

    def segments(self, text: str) -> list[str]:
        """Cut at special tokens: items at even indices are ordinary text, which may be empty.

        Odd items are special tokens.
        """
        return self._special.split(text) if self._special else [text]

    def pretokens(self, text: str) -> Iterator[str]:
        """Yield the pretokens of a text without special tokens; they concatenate to the text.

        Raises:
            MergelabError: an expression of your own takes too long on the text.
        """
        if self._covers_everything:
            return (match.group() for match in self._patterns[0].finditer(text))
        pieces = iter((text,))
        for pattern in self._patterns:
            pieces = self._split_pieces(pattern, pieces)
        return pieces

    def _split_pieces(self, pattern: regex.Pattern[str], pieces: Iterator[str]) -> Iterator[str]:
        for piece in pieces:
            yield from self._pretokens_and_gaps(pattern, piece)

    def _matches(self, pattern: regex.Pattern[str], text: str) -> Iterator[regex.Match[str]]:
        limit = SECONDS_PER_TEXT + len(text) * SECONDS_PER_CHARACTER
        try:
            yield from pattern.finditer(text, timeout=limit)
        except TimeoutError:
            raise MergelabError(
                f"pattern: {self._name!r} takes more than {limit:.0f} s on a text of {len(text)} characters; "
                "give an expression that needs less backtracking"
            ) from None

    def _pretokens_and_gaps(self, pattern: regex.Pattern[str], text: str) -> Iterator[str]:
        end = 0
        for match in self._matches(pattern, text):
            if match.end() == match.start():
                continue
            if match.start() > end:
                yield text[end : match.start()]
            yield match.group()
            end = match.end()
        if end < len(text):
            yield text[end:]

    def corpus_pretokens(self, text: str) -> Iterator[str]:
        """Yield the pretokens between the special tokens of `text`."""
        for segment in self.segments(text)[::2]:
            yield from self.pretokens(segment)

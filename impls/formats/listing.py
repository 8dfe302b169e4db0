"""A vocabulary for people to read: one line per token, with the two tokens that it is made of.

A token is shown as its text. Bytes that are not UTF-8 are shown as `\\xff`, and characters that cannot be printed as
`\\n` or `\\u200b`. No program reads this file.
"""

from __future__ import annotations

from impls.definition import Definition


def readable(token: bytes) -> str:
    """Return a token as text that can be printed in one line."""
    text = token.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def content(definition: Definition) -> str:
    """Return the lines of all tokens in order of id.

    A line is `[token] id` for a single byte, `[left][right] -> [token] id` for a token that a merge makes, and
    `[token] id special` for a special token.
    """
    shown = {token_id: readable(token) for token_id, token in definition.vocab.items()}
    arrays, special = definition.vocabulary, set(definition.special_tokens.values())
    columns = (arrays.merged.tolist(), arrays.left.tolist(), arrays.right.tolist())
    parts = {made: f"[{shown[left]}][{shown[right]}] -> " for made, left, right in zip(*columns, strict=True)}
    lines = (
        f"{parts.get(token_id, '')}[{shown[token_id]}] {token_id}{' special' if token_id in special else ''}\n"
        for token_id in sorted(shown)
    )
    return "".join(lines)

"""How tokens and numbers are written."""

from __future__ import annotations

from impls.inspection.figures.kinds import KINDS


def token_text(token: bytes) -> str:
    """Return a token as text; bytes that are not UTF-8 and characters that are not printable are escaped."""
    text = token.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def quoted(token: bytes) -> str:
    """Return a token as text between quotes, so that spaces at its ends are seen."""
    return f"'{token_text(token)}'"


def decimal(number: float | None) -> str:
    """Write a number with two decimals; a dash for None."""
    return "-" if number is None else f"{number:,.2f}"


def share(number: float) -> str:
    """Write a share of 1 in percent."""
    return f"{100 * number:.1f} %"


def shortened(text: str, most: int = 60) -> str:
    """Return a text of at most `most` characters; the middle of a longer text is left out."""
    return text if len(text) <= most else f"{text[: most - 20]} ... {text[-15:]}"


KIND_NOTE = f"if a token holds characters of several kinds, the last of these counts: {', '.join(KINDS[:3])}, letters"

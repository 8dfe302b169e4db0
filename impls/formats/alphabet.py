"""GPT-2's byte alphabet, in which every byte is a printable character: bytes to text and back.

Radford et al. 2019, https://github.com/openai/gpt-2, encoder.py. A space is written `Ġ`, a line end `Ċ`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from impls.contract import N_BYTES, huggingface_byte_order


def _byte_alphabet() -> dict[int, str]:
    """Map each byte to its character: printable bytes to the same character, others to U+0100 and up."""
    by_rank = sorted(range(N_BYTES), key=huggingface_byte_order().tolist().__getitem__)
    n_printable = 188
    return {
        byte: chr(byte) if rank < n_printable else chr(rank - n_printable + 256) for rank, byte in enumerate(by_rank)
    }


_CHARACTERS = _byte_alphabet()
_BYTES = {ord(character): byte for byte, character in _CHARACTERS.items()}

_NO_BYTE = 0xFFFF

# A character outside the alphabet must be an error, not the byte with the number of the character.
_TO_LATIN_1 = dict.fromkeys(range(N_BYTES), _NO_BYTE) | _BYTES


def to_text(token: bytes) -> str:
    """Write a token in GPT-2's byte alphabet."""
    return "".join(map(_CHARACTERS.__getitem__, token))


def from_text(text: str) -> bytes:
    """Read a token in GPT-2's byte alphabet.

    Raises:
        ValueError: a character is not of the alphabet.
    """
    try:
        return text.translate(_TO_LATIN_1).encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(f"character {text[error.start]!r} is not in GPT-2's byte alphabet") from None


_BYTE_OF = np.full(1 << 16, _NO_BYTE, np.uint16)
_BYTE_OF[list(_BYTES)] = list(_BYTES.values())


def from_texts(texts: Sequence[str]) -> list[bytes]:
    """Read many tokens in GPT-2's byte alphabet, all at once, which is four times as fast as one by one.

    Raises:
        ValueError: a character is not of the alphabet.
    """
    data = _BYTE_OF[np.frombuffer("".join(texts).encode("utf-16-le", "surrogatepass"), np.uint16)]
    if (data == _NO_BYTE).any():
        return list(map(from_text, texts))
    joined = data.astype(np.uint8).tobytes()
    return [joined[start:stop] for start, stop in pairwise(accumulate(map(len, texts), initial=0))]

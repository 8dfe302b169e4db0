"""Encoding a text range by range, in threads: the one loop of all work that encodes a whole text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from impls.arguments import SpecialMode, check_special, check_workers
from impls.contract import Encoder, Ids
from impls.definition import Definition
from impls.encoder_choice import EncoderChoice
from impls.errors import FileFormatError, InvalidUtf8Error, UsageError
from impls.inputs.text import Text
from impls.parallel import in_order
from impls.registry import find

NO_IDS: Ids = np.empty(0, np.uint16)


class Part(NamedTuple):
    """A range of a text, encoded.

    Attributes:
        start: offset of the range in the text, in bytes.
        content: the bytes of the range, as they were read.
        ids: their ids, `id_dtype`[n].
    """

    start: int
    content: bytes
    ids: Ids

    def valid(self, text: Text) -> bytes:
        """Return the content as it was encoded: on request of the text, invalid bytes became U+FFFD."""
        return self.content.decode(errors="replace").encode() if text.errors == "replace" else self.content


def encoded(
    text: Text, definition: Definition, encoders: EncoderChoice, special: SpecialMode, workers: int | None
) -> Iterator[Part]:
    """Encode a text range by range; return the parts in order, each computed when it is soon needed.

    Args:
        text: the text.
        definition: the tokenizer.
        encoders: its encoders.
        special: how special tokens in the text are treated.
        workers: threads, all cores by default. Only a compiled encoder uses more than one.

    Raises:
        FileFormatError: while parts are taken: see `encoded_range`; or the text was rewritten in the meantime.
        UsageError: an argument is wrong; or, while parts are taken, `special` is "none_raise" and the text holds a
            special token.
    """
    specials = [] if check_special(special) == "none" else list(definition.special_tokens)
    impl = find("encode", encoders.name_for(text.n_bytes))
    job = partial(encoded_range, text, encoders.named(impl.name, special != "none"))
    n_workers = check_workers(workers)
    # Threads help only an encoder that releases the interpreter lock.
    ids = in_order(job, text.ranges(definition.pattern, specials), n_workers if impl.parallel else 1)
    parts = _checked(ids, text)
    return _without_special(parts, text, definition) if special == "none_raise" else parts


def _checked(parts: Iterator[Part], text: Text) -> Iterator[Part]:
    yield from parts
    text.check_unchanged()


def encoded_range(text: Text, encoder: Encoder, byte_range: tuple[int, int], workers: int = 1) -> Part:
    """Read and encode one range.

    Raises:
        FileFormatError: the text cannot be read, is not UTF-8, or has a byte that the vocabulary lacks; the message
            names the text and, for invalid UTF-8, the byte offset in it.
    """
    part = Part(byte_range[0], text.read(*byte_range), NO_IDS)
    try:
        return part._replace(ids=encoder.encode(part.valid(text), workers=workers))
    except InvalidUtf8Error as error:
        raise InvalidUtf8Error(text.name, byte_range[0] + error.offset) from None
    except UsageError as error:
        raise FileFormatError(f"{text.name}: {error}") from None


def _without_special(parts: Iterator[Part], text: Text, definition: Definition) -> Iterator[Part]:
    """Yield the parts; at a special token, raise an error with its byte offset."""
    forbidden = np.array(list(definition.special_tokens.values()), np.int64)
    for part in parts:
        found = np.isin(part.ids, forbidden)
        if found.any():
            *before, special = part.ids[: found.argmax() + 1].tolist()
            offset = part.start + sum(len(definition.vocab[token_id]) for token_id in before)
            raise UsageError(
                f"{text.name}: holds the special token {definition.vocab[special].decode()!r} at byte {offset}; "
                "encode with special='all' or 'none' (--special)"
            )
        yield part

"""The encoders of a tokenizer: each is built when it is first needed, and `impl="auto"` chooses one of them."""

from __future__ import annotations

from dataclasses import replace

from impls.contract import Encoder, ShortText
from impls.definition import Definition
from impls.errors import UsageError, shown
from impls.fastest import pick
from impls.id_lists import IdLists
from impls.registry import Impl, find

SHORT_BYTES = 4000
"""Texts of up to this many bytes are worth a function that encodes only short strings."""


def never(_text: object) -> None:
    """Send every text the usual way."""


class EncoderChoice:
    """Hands out encoders; "auto" chooses an encoder by the number of bytes encoded so far.

    Attributes:
        impl: a name of the registry, or "auto".
        short_text: encodes short strings with all special tokens, once compiled code is loaded.
    """

    def __init__(self, definition: Definition, impl: str, lists: IdLists) -> None:
        """Build the encoder that `impl` names; for "auto", build none yet.

        Raises:
            UsageError: there is no such encoder.
        """
        if not isinstance(impl, str):
            raise UsageError(
                f"impl: {shown(impl)} is not the name of an encoder; give 'auto' or a name such as 'jit'"
            )
        self.impl = impl
        self._definition, self._lists = definition, lists
        self.short_text: ShortText = never
        self._encoders: dict[tuple[str, bool], Encoder] = {}
        self._auto, self._asked_bytes, self._seen_bytes = "", -1.0, 0
        self._is_settled = impl != "auto"
        if self._is_settled:
            self._auto = impl
            self.named(impl)

    @property
    def is_compiled(self) -> bool:
        """Whether compiled code encodes the next text."""
        return self._is_settled and find("encode", self._auto).compiled

    def named(self, name: str, special: bool = True) -> Encoder:
        """Return an encoder by name, with or without special tokens."""
        if (name, special) not in self._encoders:
            vocabulary = self._definition.vocabulary
            if not special:
                vocabulary = replace(vocabulary, special_tokens={})
            self._encoders[name, special] = find("encode", name).load()(vocabulary, self._definition.pattern)
        return self._encoders[name, special]

    def name_for(self, n_bytes: int) -> str:
        """Return the name of the encoder to use for a text of `n_bytes`."""
        if not self._is_settled and n_bytes > self._asked_bytes:
            chosen = pick("encode", n_bytes, self._definition.pattern)
            # `pick` is called again after twice as much text, but once compiled code is chosen, it is kept.
            self._auto, self._asked_bytes, self._is_settled = chosen.name, 2 * n_bytes, chosen.compiled
        return self._auto

    @property
    def chosen(self) -> Impl:
        """The implementation of the encoder that `take` returned last."""
        return find("encode", self._auto)

    def take(self, n_bytes: int, special: bool) -> Encoder:
        """Return the encoder for the next text, which has `n_bytes`."""
        if not self._is_settled:
            self._seen_bytes += n_bytes  # Many small texts are worth compiled code, as one large text is.
            self.name_for(self._seen_bytes)
        encoder = self.named(self._auto, special)
        if special and self._is_settled and n_bytes <= SHORT_BYTES and (make := getattr(encoder, "short_text", None)):
            self.short_text = make(self._lists) or never
        return encoder

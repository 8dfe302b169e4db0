"""The tokenizer that users call: an encoder with special tokens, streams, files and decoding around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from impls.arguments import SpecialMode, check_count, check_path, check_texts, check_workers
from impls.contract import Array64, Ids
from impls.cuts import SafeCuts
from impls.decoder import Decoder
from impls.definition import Definition
from impls.described import Described
from impls.encoder_choice import EncoderChoice
from impls.folders import refuse_same_file
from impls.formats import mergelab, recognise
from impls.formats.gpt2 import read_merges, read_vocab
from impls.id_lists import IdLists
from impls.inputs.file import TextFile
from impls.inputs.text import Text
from impls.offsets import LocatedIds, TokenWidths
from impls.parts import Part, encoded, encoded_range
from impls.patterns import Splitter, check_special_tokens
from impls.registry import find
from impls.special_modes import ALL, checked_text, utf8
from impls.storage import atomic_writer
from impls.stream_decoder import StreamDecoder
from impls.streams import STREAM_CHARACTERS, cut_stream
from impls.token_count import count_up_to

if TYPE_CHECKING:
    import tiktoken

    from impls.ids.layout import Layout


class Tokenizer(Described):
    """Byte-level BPE: text to ids and back.

    Attributes:
        definition: its ids, merges, special tokens and split pattern.
        origin: the name of the format from which `load` read it, such as "tiktoken"; empty if it was not loaded.
    """

    origin: str = ""

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Sequence[str] | None = None,
        *,
        pattern: str = "gpt2",
        impl: str = "auto",
    ) -> None:
        """Build from ids and merges, as `train_bpe` returns them.

        Args:
            vocab: id to bytes. Ids are kept as they are.
            merges: pairs of tokens in order of rank.
            special_tokens: matched before the pattern, longest first. Special tokens missing in `vocab` get the
                next ids.
            pattern: "gpt2", "gpt4", "o200k", "llama3", "qwen2", or "regex:EXPRESSION".
            impl: an encoder of the registry; or "auto": pure Python for small texts, compiled code for large ones.

        Raises:
            UsageError: an argument is wrong.
        """
        self._set_up(Definition(vocab, merges, () if special_tokens is None else special_tokens, pattern), impl)

    def _set_up(self, definition: Definition, impl: str) -> None:
        self.definition = definition
        self._decoder = Decoder(definition.vocab)
        self._splitter = Splitter(self.pattern, list(self.special_tokens))
        self._lists = IdLists(definition.n_ids)
        self._encoders = EncoderChoice(definition, impl, self._lists)

    @classmethod
    def from_definition(cls, definition: Definition, *, impl: str = "auto") -> Tokenizer:
        """Build from a definition, which training and the formats return.

        Raises:
            UsageError: there is no such encoder.
        """
        made = cls.__new__(cls)
        made._set_up(definition, impl)
        return made

    @classmethod
    def from_files(
        cls,
        vocab_filepath: str | os.PathLike[str],
        merges_filepath: str | os.PathLike[str],
        special_tokens: Sequence[str] | None = None,
        *,
        pattern: str = "gpt2",
        impl: str = "auto",
    ) -> Tokenizer:
        """Build from `vocab.json` and `merges.txt` in GPT-2's byte alphabet.

        Raises:
            FileFormatError: a file is missing or damaged.
            UsageError: the files do not fit together, or an argument is wrong.
        """
        specials = check_special_tokens([] if special_tokens is None else special_tokens)
        vocab = read_vocab(vocab_filepath, specials)
        return cls(vocab, read_merges(merges_filepath), specials, pattern=pattern, impl=impl)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, impl: str = "auto") -> Tokenizer:
        """Build from a file or folder in any format that `impls.formats` reads, such as a folder of `save`.

        Warns:
            FormatNote: something was left out or added, such as a pattern that the file does not hold.

        Raises:
            FileFormatError: a file is missing or damaged, or the files do not belong together.
            UsageError: there is no such encoder.
        """
        if not isinstance(impl, str) or impl != "auto":
            find("encode", impl)
        path = check_path(path)
        found = recognise(path)
        made = cls.from_definition(found.load().read(path), impl=impl)
        made.origin = found.name
        return made

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder that `load` and transformers' `AutoTokenizer` read, and `vocabulary.txt` for people.

        Raises:
            FileFormatError: the folder cannot be made or written.
        """
        mergelab.write(folder, self.definition)

    def to_tiktoken(self, name: str = "mergelab") -> tiktoken.Encoding:
        """Make a `tiktoken.Encoding` that gives the same ids; raises UsageError if tiktoken cannot give them."""
        from impls.formats.tiktoken import encoding_of

        return encoding_of(self.definition, name)

    def __eq__(self, other: object) -> bool:
        """Tell whether both tokenizers have equal definitions; their encoders may differ."""
        return isinstance(other, Tokenizer) and self.definition == other.definition

    def __hash__(self) -> int:
        """Hash the definition."""
        return hash(self.definition)

    def __repr__(self) -> str:
        """Return the definition and the encoder as one line."""
        return f"Tokenizer({self.definition!r}, impl={self._encoders.impl!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy the definition; a copy makes caches, threads and compiled code when it needs them."""
        return _restored, (type(self), self.definition, self._encoders.impl)

    def encode(self, text: str | bytes, *, special: SpecialMode = ALL, workers: int | None = None) -> list[int]:
        """Encode text to ids.

        Args:
            text: a string without lone surrogates; or UTF-8 as bytes, which need no conversion.
            special: how special tokens in the text are treated: "all" gives their ids, "none" encodes them as
                ordinary text, "none_raise" raises an error.
            workers: threads for a text of several MB; all cores by default. Only a compiled encoder uses more than
                one.

        Raises:
            InvalidUtf8Error: the text is bytes that are not UTF-8.
            UsageError: the text holds a special token and `special` is "none_raise", `special` is unknown, or the
                text has a lone surrogate or a byte that the vocabulary lacks.
        """
        if workers is None and special is ALL and (ids := self._encoders.short_text(text)) is not None:
            return ids
        return self._lists.of(self.encode_to_array(text, special=special, workers=workers))

    def encode_to_array(self, text: str | bytes, *, special: SpecialMode = ALL, workers: int | None = None) -> Ids:
        """Encode text to ids, `id_dtype`[n]. See `encode`."""
        if workers is not None:
            check_workers(workers)
        content = self._checked(text, special)
        return self._encoders.take(len(content), special != "none").encode(content, workers=workers)

    def encode_with_offsets(
        self, text: str | bytes, *, special: SpecialMode = "all", workers: int | None = None
    ) -> LocatedIds:
        """Encode text to ids with the place of each token, in bytes and in characters. See `encode`, `LocatedIds`."""
        content = self._checked(text, special)
        ids = self.encode_to_array(content, special="none" if special == "none" else "all", workers=workers)
        return self._widths.locate(ids, len(content), compiled=self._encoders.chosen.compiled, workers=workers)

    def count_tokens(self, text: str | bytes, limit: int | None = None, *, special: SpecialMode = "all") -> int:
        """Return the number of tokens; if there are more than `limit`, stop early and return `limit` + 1.

        Text after the place at which the count stops is not looked at, so errors in it are not found. See `encode`.
        """
        if limit is None:
            return len(self.encode_to_array(text, special=special))
        n = check_count("limit", limit, 0)
        is_beyond = isinstance(text, str | bytes) and len(text) > n * self._widths.longest
        content = self._checked(text[:0] if is_beyond else text, special)
        encoder = self._encoders.take(len(content), special != "none")
        cuts = SafeCuts(self.pattern, [] if special == "none" else list(self.special_tokens))
        return n + 1 if is_beyond else count_up_to(n, content, cuts, encoder.encode)

    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder that takes one id at a time."""
        return StreamDecoder(self)

    @cached_property
    def _widths(self) -> TokenWidths:
        return TokenWidths(self.vocab)

    def encode_batch(
        self, texts: Iterable[str | bytes], *, special: SpecialMode = ALL, workers: int | None = None
    ) -> list[list[int]]:
        """Encode each of many texts by itself. See `encode`."""
        ids, offsets = self.encode_batch_to_arrays(texts, special=special, workers=workers)
        return self._lists.parts(ids, offsets, compiled=self._encoders.is_compiled)

    def encode_batch_to_arrays(
        self, texts: Iterable[str | bytes], *, special: SpecialMode = ALL, workers: int | None = None
    ) -> tuple[Ids, Array64]:
        """Encode n texts, each by itself, to all ids, `id_dtype`[total], and offsets, int64[n + 1]. See `encode`.

        The ids of text i are `ids[offsets[i]:offsets[i + 1]]`.
        """
        check_workers(workers)
        contents = [self._checked(text, special) for text in check_texts(texts)]
        encoder = self._encoders.take(sum(map(len, contents)), special != "none")
        return encoder.encode_batch(contents, workers=workers)

    def _checked(self, text: str | bytes, special: SpecialMode) -> bytes:
        return checked_text(text, special, self._splitter)

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        """Encode a stream of strings lazily, in constant memory; the ids equal the ids of the joined text.

        Text is gathered until there is a place at which a cut does not change the ids, see `cuts.SafeCuts`.

        Raises:
            UsageError: see `encode`.
        """
        # Pieces are small: they are not worth the time and the memory that loading compiled code takes.
        encoder = self._encoders.named(self._encoders.name_for(STREAM_CHARACTERS))
        cuts = SafeCuts(self.pattern, list(self.special_tokens))
        for text in cut_stream(iterable, cuts):
            yield from encoder.encode(utf8(text)).tolist()

    def encode_file(
        self,
        input_path: str | os.PathLike[str],
        output_path: str | os.PathLike[str],
        *,
        errors: Literal["strict", "replace"] = "strict",
        workers: int | None = None,
    ) -> int:
        """Encode a text file to a file of bare ids in `id_dtype`, in constant memory; returns the number of ids.

        `workers`: threads, all cores by default. Only a compiled encoder uses more than one.

        Raises:
            FileFormatError: the input is missing, empty, not UTF-8 or has a byte that the vocabulary lacks, or the
                output is the input or cannot be written.
        """
        text = TextFile.open(input_path, errors)
        refuse_same_file(check_path(output_path), text.path)
        n_ids = 0
        with atomic_writer(check_path(output_path)) as output:
            for part in self.encode_parts(text, workers=workers):
                output.write(part.ids.data)
                n_ids += len(part.ids)
        return n_ids

    def encode_parts(self, text: Text, *, special: SpecialMode = "all", workers: int | None = None) -> Iterator[Part]:
        """Encode a text lazily, in constant memory, and yield its parts with their ids. See `parts.encoded`."""
        return encoded(text, self.definition, self._encoders, special, workers)

    def encode_range(self, text: Text, start: int, stop: int, *, workers: int | None = None) -> Ids:
        """Encode bytes [start, stop) of a text to ids, `id_dtype`[n]; `Text.ranges` must have made both cuts.

        Raises:
            FileFormatError: the text cannot be read, is not UTF-8, or has a byte that the vocabulary lacks; the
                message names the text and, for invalid UTF-8, the byte offset in it.
        """
        start = check_count("start", start, text.start, text.stop)
        stop = check_count("stop", stop, start, text.stop)
        encoder = self._encoders.take(stop - start, True)
        return encoded_range(text, encoder, (start, stop), check_workers(workers)).ids

    def read_ids(self, path: str | os.PathLike[str]) -> Ids:
        """Map a file of ids in any format of `impls.ids`, read-only; the file must not shrink while it is mapped.

        Raises:
            FileFormatError: the file is missing, empty or damaged, or its sidecar names another tokenizer.
        """
        return self._open_ids(path).map()

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids to text; bytes that are not UTF-8 become U+FFFD.

        Raises:
            UsageError: the vocabulary lacks an id; the message has the id and its place.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Decode ids, a list or an array of any integer type, to bytes. See `decode`."""
        return self._decoder.decode(ids)

    def decode_file(self, path: str | os.PathLike[str]) -> Iterator[bytes]:
        """Decode a file of ids lazily, in constant memory, and yield the bytes in parts. See `read_ids`.

        Raises:
            FileFormatError: see `read_ids`; or the vocabulary lacks an id.
        """
        return self._decoder.decode_file(self._open_ids(path))

    def _open_ids(self, path: str | os.PathLike[str]) -> Layout:
        from impls.ids.files import open_ids  # Imported here: few programs read files of ids.

        return open_ids(path, self.id_dtype, self.fingerprint)


def _restored(cls: type[Tokenizer], definition: Definition, impl: str) -> Tokenizer:
    return cls.from_definition(definition, impl=impl)

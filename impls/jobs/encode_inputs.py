"""Encode all sources of a text, block by block, in threads; the ids come in the order of the sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np

from impls.arguments import SpecialMode, check_special, check_workers
from impls.contract import Encoder, Ids
from impls.counting import size_of
from impls.definition import Definition
from impls.encoder_choice import EncoderChoice
from impls.errors import FileFormatError, InvalidUtf8Error, UsageError
from impls.id_lists import IdLists
from impls.inputs.block import Loaded
from impls.inputs.collection import Inputs, Step
from impls.parallel import in_order
from impls.progress import Meter, ProgressListener
from impls.registry import find


class Encoded(NamedTuple):
    """A block, encoded.

    Attributes:
        content: the bytes that were encoded, with the boundaries between documents.
        ids: their ids, `id_dtype`[n].
        n_documents: how many documents begin in the block.
    """

    content: bytes
    ids: Ids
    n_documents: int


class _Block(NamedTuple):
    """The documents of a block with their ids, before the boundaries are put between them."""

    step: Step
    loaded: Loaded
    documents: Sequence[bytes]
    ids: Sequence[Ids]


def encode_inputs(
    definition: Definition,
    inputs: Inputs,
    *,
    impl: str = "auto",
    special: SpecialMode = "all",
    workers: int | None = None,
    on_progress: ProgressListener | None = None,
) -> Iterator[Encoded]:
    """Encode the documents, each by itself; the boundary of the inputs is put between two documents.

    Args:
        definition: the tokenizer.
        inputs: the sources.
        impl: an encoder of the registry; by default, the size of the text decides.
        special: how special tokens in documents are treated: "all" gives their ids, "none" encodes them as ordinary
            text, "none_raise" raises an error. A boundary that is a special token always becomes its id.
        workers: threads, all cores by default; only a compiled encoder uses more than one.
        on_progress: called while the work goes on.

    Yields:
        The blocks in their order.

    Raises:
        FileFormatError: a source cannot be read, holds no text, is not UTF-8, or has a byte that no token has.
        UsageError: an argument is wrong; or a document holds a special token and `special` is "none_raise".
    """
    special = check_special(special)
    encoders, workers = EncoderChoice(definition, impl, IdLists(definition.n_ids)), check_workers(workers)
    specials = [] if special == "none" else list(definition.special_tokens)
    n_bytes, steps = size_of(inputs, inputs.steps(definition.pattern, specials))
    encoder = encoders.take(n_bytes, special != "none")
    is_parallel = find("encode", encoders.name_for(n_bytes)).parallel
    forbidden = np.array(list(definition.special_tokens.values()) if special == "none_raise" else [], np.int64)
    job = partial(_encode_step, encoder=encoder, forbidden=forbidden)
    # Threads help only an encoder that releases the interpreter lock.
    blocks = in_order(job, steps, workers if is_parallel else 1)
    boundary = inputs.boundary.encode()
    return _told(blocks, inputs, boundary, _boundary_ids(encoders, boundary), on_progress)


def _boundary_ids(encoders: EncoderChoice, boundary: bytes) -> Ids:
    try:
        return encoders.take(len(boundary), True).encode(boundary)
    except UsageError as error:
        raise UsageError(f"boundary: {error}") from None


def _encode_step(step: Step, encoder: Encoder, forbidden: np.ndarray) -> _Block:
    loaded = step.block.load([])
    documents = loaded.documents()
    if loaded.text.errors == "replace":
        documents = [document.decode(errors="replace").encode() for document in documents]
    try:
        flat, offsets = encoder.encode_batch(documents, workers=1)
    except InvalidUtf8Error as error:
        if loaded.explain:
            loaded.explain()
        raise InvalidUtf8Error(loaded.text.name, loaded.text.start + error.offset) from None
    except UsageError as error:
        raise FileFormatError(f"{loaded.text.name}: {error}") from None
    if len(forbidden) and np.isin(flat, forbidden).any():
        raise UsageError(f"{loaded.text.name}: holds a special token; encode with --special all or none (special=)")
    return _Block(step, loaded, documents, np.split(flat, offsets[1:-1]) if documents else [])


def _told(
    blocks: Iterator[_Block], inputs: Inputs, boundary: bytes, boundary_ids: Ids, listener: ProgressListener | None
) -> Iterator[Encoded]:
    n_documents = n_bytes = 0
    with Meter(listener, "encode", inputs.n_bytes, "bytes") as meter:
        for block in blocks:
            for line in block.loaded.left_out:
                inputs.tell(f"left out: {line}")
            # A block that goes on with the document of the block before begins no document.
            first = boundary if n_documents and block.loaded.n_documents else b""
            content = first + boundary.join(block.documents)
            first_ids = [boundary_ids] if first else []
            between = list(chain.from_iterable(zip(block.ids, repeat(boundary_ids), strict=False)))[:-1]
            ids = [*first_ids, *(between if boundary else block.ids)]
            if ids:
                yield Encoded(content, np.concatenate(ids), block.loaded.n_documents)
            n_documents += block.loaded.n_documents
            n_bytes += len(content)
            meter.tell(block.step.done)
        inputs.check_unchanged()
        if not n_bytes:
            raise inputs.no_text()

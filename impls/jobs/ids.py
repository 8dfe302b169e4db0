"""Encode a text to files of ids: one file or shards, whole or split into training and validation, with sidecars.

Memory is constant, except for the index of a Megatron data set, which takes about 50 bytes per document. All files of
a job appear together at its end; a job that fails leaves none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impls.arguments import SpecialMode, check_count
from impls.contract import Ids
from impls.errors import FileFormatError, UsageError, shown
from impls.folders import refuse_same_file
from impls.ids import format_for
from impls.ids.writer import NOWHERE, Output
from impls.inputs.collection import Inputs
from impls.inputs.held_out import HeldOut
from impls.inputs.text import Text
from impls.jobs.encode_inputs import encode_inputs
from impls.jobs.split import Split
from impls.progress import ProgressListener
from impls.tokenizer import Tokenizer
from impls.version import version

USUAL_END = "<|endoftext|>"

Written = tuple[Path, dict[str, Any]]
"""A file of ids, and the fields of its sidecar."""


@dataclass(frozen=True)
class Order:
    """What to make of a text.

    Attributes:
        out: the file of ids; for a split or for shards, names are made from its name.
        format: a name of `impls.ids.NAMES`; by default, the suffix of `out` decides.
        special: how special tokens in the text are treated.
        workers: threads; all cores by default.
        document_end: the special token after which a document ends; by default `<|endoftext|>`, or else the first
            special token of the tokenizer.
        held_out: which documents go to validation; with a share of 0, there is no split.
        shard_ids: ids per file; None for one file.
        force: whether ids that we wrote before may be replaced.
        command: the words of the command line, for the sidecar.
    """

    out: Path
    format: str | None = None
    special: SpecialMode = "all"
    workers: int | None = None
    document_end: str | None = None
    held_out: HeldOut = field(default_factory=lambda: HeldOut(0.0))
    shard_ids: int | None = None
    force: bool = False
    command: Sequence[str] = ()


class Piece(NamedTuple):
    """The next piece of the text, encoded.

    Attributes:
        source: the bytes as they were read, for the digest.
        content: the bytes as they were encoded.
        ids: their ids, `id_dtype`[n].
    """

    source: bytes
    content: bytes
    ids: Ids


def encode_to_ids(tokenizer: Tokenizer, text: Text, order: Order) -> list[Written]:
    """Encode a text to files of ids. See `write_ids`.

    Raises:
        FileFormatError: see `write_ids`; or the text cannot be read or encoded.
        UsageError: see `write_ids`.
    """
    parts = tokenizer.encode_parts(text, special=order.special, workers=order.workers)
    pieces = (Piece(part.content, part.valid(text), part.ids) for part in parts)
    return write_ids(tokenizer, pieces, [text.name], order)


def encode_sources(
    tokenizer: Tokenizer,
    inputs: Inputs,
    order: Order,
    *,
    impl: str = "auto",
    on_progress: ProgressListener | None = None,
) -> list[Written]:
    """Encode sources of any kind to files of ids; one plain text file is read in ranges. See `write_ids`.

    Args:
        tokenizer: the tokenizer.
        inputs: the sources.
        order: what to make.
        impl: the encoder for sources that are not one plain text file.
        listener: called while such sources are encoded.

    Raises:
        FileFormatError: see `write_ids`; or a source cannot be read or encoded.
        UsageError: see `write_ids`.
    """
    if text := inputs.text_file():
        return encode_to_ids(tokenizer, text, order)
    blocks = encode_inputs(
        tokenizer.definition,
        inputs,
        impl=impl,
        special=order.special,
        workers=order.workers,
        on_progress=on_progress,
    )
    pieces = (Piece(block.content, block.content, block.ids) for block in blocks)
    return write_ids(tokenizer, pieces, [place.name for place in inputs.places], order)


def write_ids(tokenizer: Tokenizer, pieces: Iterable[Piece], sources: Sequence[str], order: Order) -> list[Written]:
    """Write encoded text to files of ids; return the files.

    Args:
        tokenizer: the tokenizer that encoded the text.
        pieces: the text, piece by piece; no document ends inside a token.
        sources: the inputs as the user named them.
        order: what to make.

    Raises:
        FileFormatError: an output exists, is an input, or cannot be written; or no document is left for one side of
            the split.
        UsageError: a value of the order is wrong, or does not fit the tokenizer.
    """
    end = _document_end(tokenizer, order)
    outputs = _outputs(tokenizer, order)
    for output in outputs.values():
        refuse_same_file(output.path, *sources)
        output.check_replaceable(order.force)
    with ExitStack() as stack:
        for output in outputs.values():
            output.begin(stack)
        source = _stream(tokenizer, pieces, order, end, list(outputs.values()), stack)
        facts = _facts(tokenizer, order, end) | {"source": {"names": list(sources), **source}}
        written = [file for side, output in outputs.items() for file in output.finish(facts | {"split": side})]
    for output in outputs.values():
        output.remove_stale()
    return written


def _outputs(tokenizer: Tokenizer, order: Order) -> dict[str | None, Output]:
    """Return a dict: side of the split -> output; without a split, the one side is None."""
    row, out, sizes = format_for(order.out, order.format), order.out, _sizes(tokenizer)
    if out.is_dir():
        raise FileFormatError(f"{out}: Is a directory; give the name of a file")
    if order.shard_ids is not None:
        check_count("--shard-tokens", order.shard_ids, 1)
        if row.index:
            raise UsageError(f"--shard-tokens: the format {row.name} makes one file; leave out --shard-tokens")
    if row.index:
        out = out.with_suffix(".bin") if out.suffix in (row.index, ".bin") else out.with_name(f"{out.name}.bin")
    if not order.held_out.share:
        return {None: Output(out, row, sizes, tokenizer.id_dtype, order.shard_ids)}
    return {
        side: Output(out.with_name(f"{out.stem}-{side}{out.suffix}"), row, sizes, tokenizer.id_dtype, order.shard_ids)
        for side in ("train", "val")
    }


def _stream(
    tokenizer: Tokenizer,
    pieces: Iterable[Piece],
    order: Order,
    end: int | None,
    outputs: list[Output],
    stack: ExitStack,
) -> dict[str, Any]:
    """Send the pieces to the outputs; return the facts about the text."""
    digest, n_bytes, split = hashlib.sha256(), 0, None
    if len(outputs) > 1 and end is not None:
        end_bytes = len(tokenizer.vocab[end])
        split = Split(outputs[0], outputs[1], order.held_out, _sizes(tokenizer), end_bytes, stack)
    for piece in pieces:
        digest.update(piece.source)
        n_bytes += len(piece.source)
        ends = NOWHERE if end is None else np.flatnonzero(piece.ids == end) + 1
        if split is None:
            outputs[0].write(piece.ids, ends, len(piece.content))
        else:
            split.write(piece.content, piece.ids, ends)
    if split is not None:
        split.finish()
        _check_sides(outputs)
    return {"bytes": n_bytes, "sha256": digest.hexdigest()}


def _check_sides(outputs: list[Output]) -> None:
    for side, output in zip(("training", "validation"), outputs, strict=True):
        if not output.n_ids:
            raise FileFormatError(
                f"{output.path}: no document is left for {side}; give another --validation or --seed"
            )


def _document_end(tokenizer: Tokenizer, order: Order) -> int | None:
    """Return the id that ends a document; None if the whole text is one document."""
    known, name = tokenizer.special_tokens, order.document_end
    if order.special != "all":
        if name is not None or order.held_out.share:
            raise UsageError(
                f"--special: with {order.special}, no special token ends a document; give --special all, or leave "
                "out --document-end and --validation"
            )
        return None
    if name is None:
        name = USUAL_END if USUAL_END in known else next(iter(known), None)
    if name is None and order.held_out.share:
        raise UsageError("--validation: the tokenizer has no special token that ends a document; train it with one")
    if name is not None and name not in known:
        told = f"choose one of {', '.join(map(repr, known))}" if known else "the tokenizer has none; leave this out"
        raise UsageError(f"--document-end: {shown(name)} is not a special token of the tokenizer; {told}")
    return None if name is None else known[name]


def _facts(tokenizer: Tokenizer, order: Order, end: int | None) -> dict[str, Any]:
    share = order.held_out.share
    return {
        "tokenizer": tokenizer.fingerprint(),
        "vocab_size": tokenizer.definition.n_ids,
        "document_end": None if end is None else tokenizer.vocab[end].decode(),
        "special": order.special,
        "validation": share or None,
        "seed": order.held_out.seed if share else None,
        "command": list(order.command),
        "mergelab": version(),
    }


def _sizes(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return int64[vocabulary]: how many bytes of text each id stands for."""
    sizes = np.zeros(tokenizer.definition.n_ids, np.int64)
    for token_id, token in tokenizer.vocab.items():
        sizes[token_id] = len(token)
    return sizes

"""The model of a tokenizer.json: its vocabulary and merges, read as the definition of a tokenizer."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from impls.contract import N_BYTES, Array32
from impls.definition import Definition
from impls.errors import FileFormatError, UsageError, shown
from impls.formats.alphabet import to_text
from impls.formats.gpt2 import ids_of_merges, vocab_of
from impls.formats.ranks import may_be_pretoken, merges_of_ranks, out_of_reach

AsIds = tuple[Array32, Array32, Array32]
"""Left ids, right ids and merged ids of merges, int32[m] each."""


def check_model(model: Mapping[str, Any], place: str) -> None:
    """Check that the model is byte-level BPE without settings that change ids.

    Raises:
        FileFormatError: it is another model; the message names the setting.
    """
    if model.get("type", "BPE") != "BPE":
        raise FileFormatError(f"{place}: the model is {shown(model['type'])}; mergelab reads only BPE")
    for setting in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        if model.get(setting):
            told = f"the model has {setting!r} {shown(model[setting])}, which mergelab cannot carry"
            raise FileFormatError(f"{place}: {told}; give a byte-level tokenizer without it")
    for part, kind in (("vocab", dict), ("merges", list)):
        if not isinstance(model.get(part), kind):
            raise FileFormatError(
                f"{place}: {part!r} of the model is {shown(model.get(part))}, not a {kind.__name__}; restore the file"
            )


def definition_of(model: Mapping[str, Any], added: Mapping[str, int], pattern: str, place: str) -> Definition:
    """Return the definition of a model that `check_model` has checked, and of its added tokens.

    Raises:
        FileFormatError: the vocabulary or the merges are damaged, or other programs and mergelab would give different
            ids.
    """
    content: dict[str, Any] = model["vocab"]
    columns = _columns(model["merges"], place)
    ordinary = {*map(to_text, map(bytes, zip(range(N_BYTES), strict=True))), *columns[0], *columns[1]}
    for token in added:
        if not token.isascii() and (token in ordinary or token in map(operator.add, *columns)):
            raise FileFormatError(f"{place}: added token {shown(token)} is written like another token; rename it")
    vocab = vocab_of(content, added, place)
    try:
        merges = ids_of_merges(*columns, content)
    except KeyError as error:
        raise FileFormatError(f"{place}: merges: {error} is not in the vocabulary; restore the file") from None
    except OverflowError:
        raise FileFormatError(f"{place}: 'vocab' has an id that is too large; restore the file") from None
    if model.get("ignore_merges"):
        merges = _merges_of_whole_pretokens(vocab, added, merges, pattern, place)
    elif len(np.unique(merges[2])) < len(merges[2]):
        merges = _merges_that_happen(vocab, added, merges, place) or merges
    for token, token_id in added.items():
        if vocab.setdefault(token_id, token.encode()) != token.encode():
            told = f"added token {shown(token)} is written like token {vocab[token_id]!r}"
            raise FileFormatError(f"{place}: {told}; rename the added token")
    try:
        return Definition.of_ids(vocab, merges, list(added), pattern)
    except UsageError as error:
        raise FileFormatError(f"{place}: {error}") from None


def _columns(merges: list[Any], place: str) -> tuple[list[str], list[str]]:
    """Return the left tokens and the right tokens of merges: strings "a b", or lists of two strings."""
    pairs = [merge.split(" ") for merge in merges] if set(map(type, merges)) == {str} else merges
    if not set(map(type, pairs)) <= {list} or not set(map(len, pairs)) <= {2}:
        number, wrong = next((n, pair) for n, pair in enumerate(pairs) if type(pair) is not list or len(pair) != 2)
        raise FileFormatError(f"{place}: merges: number {number} is {shown(wrong)}, not two tokens; restore the file")
    columns = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if {*map(type, columns[0]), *map(type, columns[1])} - {str}:
        number = next(n for n, pair in enumerate(pairs) if [*map(type, pair)] != [str, str])
        raise FileFormatError(
            f"{place}: merges: number {number} is {shown(pairs[number])}, not two tokens; restore the file"
        )
    return columns


def _ranked(vocab: Mapping[int, bytes], added: Mapping[str, int]) -> tuple[list[int], list[bytes]]:
    """Return ids and bytes of the tokens that are no added tokens, in order of id."""
    special = {token_id for token, token_id in added.items() if len(token.encode()) > 1}
    ids = sorted(vocab.keys() - special)
    return ids, [vocab[token_id] for token_id in ids]


def _merges_that_happen(
    vocab: Mapping[int, bytes], added: Mapping[str, int], merges: AsIds, place: str
) -> AsIds | None:
    """Return the one merge of each token that ever happens, or None if this is not certain.

    Vocabularies made from tiktoken's ranks list each token once for each way to make it. It is certain which merge
    happens if the tokens are merged in order of their ids and all merges that these ranks give are listed.
    """
    ids, tokens = _ranked(vocab, added)
    by_place = np.array(ids, np.int32)
    left, right, merged = (by_place[column] for column in merges_of_ranks(tokens, place))
    keys, wanted = (one.astype(np.int64) << 32 | other for one, other in ((merges[0], merges[1]), (left, right)))
    is_certain = bool((np.diff(merges[2]) >= 0).all() and np.isin(wanted, keys).all())
    return (left, right, merged) if is_certain else None


def _merges_of_whole_pretokens(
    vocab: Mapping[int, bytes], added: Mapping[str, int], merges: AsIds, pattern: str, place: str
) -> AsIds:
    """Return merges that give the ids of a model with `ignore_merges`, in which a token may be a whole pretoken.

    Raises:
        FileFormatError: no merges give these ids: a token can be a whole pretoken although no merges make it.
    """
    found = _merges_that_happen(vocab, added, merges, place)
    if found is None:
        raise FileFormatError(
            f"{place}: the model has 'ignore_merges', but its merges are not in the order of the ids, so mergelab "
            "might give other ids; give a file without 'ignore_merges'"
        )
    ids, tokens = _ranked(vocab, added)
    for token in out_of_reach(tokens, np.searchsorted(np.array(ids), found[2]).astype(np.int32)):
        if may_be_pretoken(token, pattern):
            raise FileFormatError(
                f"{place}: the model has 'ignore_merges' and the token {shown(token)}, which no merges make, so "
                "mergelab would give other ids; give a file without this token"
            )
    return found

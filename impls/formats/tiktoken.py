"""tiktoken's rank files: one line per token, with its bytes in base64 and its rank, which is also its id.

The file holds neither the split pattern nor the special tokens. They come from a file beside it, `NAME.json`, which
`write` makes: an object with `name`, `pat_str` and `special_tokens`, the other arguments of `tiktoken.Encoding`. The
rank files of known vocabularies are known by their SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from binascii import a2b_base64
from collections.abc import Mapping
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from impls.arguments import check_path
from impls.contract import N_BYTES, Array32
from impls.definition import Definition
from impls.errors import FileFormatError, UsageError, shown
from impls.formats.files import begins_with, note, read_json, write_together
from impls.formats.pre_tokenizers import NAMES
from impls.formats.ranks import may_be_pretoken, merges_of_ranks, out_of_reach
from impls.patterns import CUSTOM, PATTERNS, SEVERAL, Splitter

if TYPE_CHECKING:
    import tiktoken

SUFFIX = ".tiktoken"

END = "<|endoftext|>"
_CODE = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")


class Known(NamedTuple):
    """What a rank file does not hold: its name, split pattern and special tokens."""

    name: str
    pattern: str
    special_tokens: Mapping[str, int]


KNOWN = {
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": Known("r50k_base", "gpt2", {END: 50256}),
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": Known("p50k_base", "gpt2", {END: 50256}),
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": Known(
        "cl100k_base",
        "gpt4",
        {END: 100257, **dict(zip(_CODE, range(100258, 100261), strict=True)), "<|endofprompt|>": 100276},
    ),
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": Known(
        "o200k_base", "o200k", {END: 199999, "<|endofprompt|>": 200018}
    ),
    "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186": Known(
        "qwen", "qwen2", {END: 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
    ),
}
"""Rank files by SHA-256, as https://github.com/openai/tiktoken and https://github.com/QwenLM/Qwen have them."""

_DIALECT = {**NAMES, **{expression: name for name, expression in PATTERNS.items()}}
"""Expressions of tiktoken that equal a named pattern."""


def file_of(path: Path) -> Path:
    """Return the file that a path stands for: the file itself, or the only rank file in a folder."""
    found = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    return found[0] if len(found) == 1 else path


def recognise(path: Path) -> bool:
    """Tell whether a path is a rank file, under any name, or a folder with one and no other tokenizer."""
    try:
        others = ("mergelab.json", "tokenizer.json", "merges.txt")
        if path.is_dir() and any((path / name).exists() for name in others):
            return False
        return begins_with(file_of(path), rb"[A-Za-z0-9+/]+=* \d+\r?\n")
    except OSError:  # A name that is too long.
        return False


def read(
    path: str | os.PathLike[str], pattern: str | None = None, special_tokens: Mapping[str, int] | None = None
) -> Definition:
    """Read a rank file.

    Args:
        path: the file, or a folder that holds it.
        pattern: the split pattern; by default, from the file beside it, or from the table of known files.
        special_tokens: a mapping: special token -> id; by default, from the same place as the pattern.

    Raises:
        FileFormatError: the file is damaged, its pattern is not known, or its ranks give ids that no merges give.
    """
    file = file_of(check_path(path))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{file}: {error.strerror}; give a rank file of tiktoken") from None
    known = _settings(file, data) if pattern is None else Known(file.stem, pattern, special_tokens or {})
    tokens, ranks = parsed(data, str(file))
    return definition_of(tokens, ranks, known, str(file))


def _settings(file: Path, data: bytes) -> Known:
    """Return the pattern and the special tokens of a rank file."""
    beside = file.with_name(f"{file.name}.json")
    if not beside.is_file():
        known = KNOWN.get(hashlib.sha256(data).hexdigest())
        if known is None:
            raise FileFormatError(
                f"{file}: a rank file does not hold its split pattern; name it: python -m impls import {file.name} "
                "--pattern llama3 --special-token '<|endoftext|>=128001'"
            )
        note(str(file), f"is {known.name}; its pattern and {len(known.special_tokens)} special tokens are added")
        return known
    content = read_json(beside)
    expression, specials = content.get("pat_str"), content.get("special_tokens")
    if not isinstance(expression, str) or not isinstance(specials, dict):
        raise FileFormatError(f"{beside}: 'pat_str' or 'special_tokens' is missing; restore the file")
    return Known(str(content.get("name")), _pattern_of(expression, str(beside)), specials)


def _pattern_of(expression: str, place: str) -> str:
    """Return the pattern that equals an expression of tiktoken."""
    if expression in _DIALECT:
        return _DIALECT[expression]
    own = expression[: (len(expression) - len(_with_gaps(""))) // 2]
    if expression == _with_gaps(own):
        return CUSTOM + own
    note(place, "tiktoken drops text that 'pat_str' does not match, and mergelab keeps it")
    return CUSTOM + expression


def _with_gaps(expression: str) -> str:
    """Return an expression that also matches the text between the matches, which tiktoken would drop."""
    return rf"{expression}|(?:(?!{expression})[\s\S])+"


def parsed(data: bytes, place: str) -> tuple[list[bytes], list[int]]:
    """Return the tokens and their ranks, in order of rank."""
    fields = data.split()
    try:
        tokens = list(map(partial(a2b_base64, strict_mode=True), fields[::2]))
        ranks = list(map(int, fields[1::2]))
        is_fine = len(tokens) == len(ranks) and all(map(bytes.isdigit, fields[1::2]))
    except ValueError:
        is_fine = False
    if not is_fine or data.count(b" ") != len(ranks) or not len(ranks) - 1 <= data.count(b"\n") <= len(ranks):
        raise _fault_in_lines(data, place)
    if any(first >= second for first, second in pairwise(ranks)):
        order = sorted(range(len(ranks)), key=ranks.__getitem__)
        tokens, ranks = [tokens[place] for place in order], [ranks[place] for place in order]
    if len(set(ranks)) < len(ranks) or len(set(tokens)) < len(tokens):
        raise FileFormatError(f"{place}: a token or a rank is given twice; restore the file")
    return tokens, ranks


def _fault_in_lines(data: bytes, place: str) -> FileFormatError:
    """Return the error for the first line that is wrong."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        fields = line.removesuffix(b"\r").split(b" ")
        try:
            if len(fields) == 2 and a2b_base64(fields[0], strict_mode=True) and fields[1].isdigit():
                continue
        except ValueError:
            pass
        told = shown(line[:80].decode(errors="replace"))
        return FileFormatError(f"{place}: line {number}: {told} is no base64 and a rank; restore the file")
    return FileFormatError(f"{place}: is not a rank file; restore the file")


def definition_of(tokens: list[bytes], ranks: list[int], known: Known, place: str) -> Definition:
    """Return the definition of ranks.

    Raises:
        FileFormatError: the ranks give ids that no merges give, or a special token has the id of another token.
    """
    ids = np.array(ranks, np.int64)
    if len(ids) and ids[-1] > np.iinfo(np.int32).max:
        raise FileFormatError(f"{place}: the rank {ids[-1]} is too large; restore the file")
    columns = merges_of_ranks(tokens, place)
    for token in out_of_reach(tokens, columns[2]):
        if may_be_pretoken(token, known.pattern):
            raise FileFormatError(
                f"{place}: no merges make the token {shown(token)}, but tiktoken gives its id to a whole pretoken; "
                "mergelab cannot"
            )
    vocab = dict(zip(ranks, tokens, strict=True))
    for special, token_id in known.special_tokens.items():
        if type(token_id) is not int or vocab.setdefault(token_id, special.encode()) != special.encode():
            raise FileFormatError(
                f"{place}: special token {special!r} has the id {shown(token_id)}, which is not free; give another id"
            )
    left, right, merged = (ids[column].astype(np.int32) for column in columns)
    try:
        return Definition.of_ids(vocab, (left, right, merged), list(known.special_tokens), known.pattern)
    except UsageError as error:
        raise FileFormatError(f"{place}: {error}") from None


def mergeable_ranks(definition: Definition) -> dict[bytes, int]:
    """Return a dict: token -> rank, without special tokens.

    Raises:
        UsageError: ranks cannot hold the tokenizer: tiktoken would give other ids.
    """
    special = {token_id for token, token_id in definition.special_tokens.items() if len(token.encode()) > 1}
    special -= set(definition.vocabulary.merged.tolist())
    ranks = {token: token_id for token_id, token in sorted(definition.vocab.items()) if token_id not in special}
    tokens = list(ranks)
    try:
        left, right, merged = merges_of_ranks(tokens, "tiktoken")
    except FileFormatError as error:
        raise UsageError(str(error)) from None
    wanted = [(tokens[one], tokens[other]) for one, other in zip(left.tolist(), right.tolist(), strict=True)]
    if not _follow_ranks(definition, wanted):
        raise UsageError(
            "tiktoken: the merges are not in the order of ids, and tiktoken merges by id; export to tokenizer.json"
        )
    for token in out_of_reach(tokens, merged):
        if may_be_pretoken(token, definition.pattern):
            raise UsageError(
                f"tiktoken: no merges make the token {shown(token)}, but tiktoken would give its id to a whole "
                "pretoken; export to tokenizer.json"
            )
    return ranks


def _follow_ranks(definition: Definition, wanted: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether the merges are in order of id, and hold all merges that the ranks give."""
    merged: Array32 = definition.vocabulary.merged
    return bool((np.diff(merged) >= 0).all()) and set(wanted) <= set(definition.merges)


def expression_of(pattern: str) -> str:
    """Return the expression of a pattern in tiktoken's syntax.

    Raises:
        UsageError: tiktoken has no form of the pattern.
    """
    if pattern in PATTERNS:
        return PATTERNS[pattern]
    if pattern.startswith(SEVERAL):
        raise UsageError("tiktoken: splits a text only once, by one expression; export to tokenizer.json")
    expression = pattern.removeprefix(CUSTOM)
    return _with_gaps(expression) if expression else r"[\s\S]+"


def encoding_of(definition: Definition, name: str = "mergelab") -> tiktoken.Encoding:
    """Make a `tiktoken.Encoding` that gives the same ids.

    Raises:
        UsageError: tiktoken is not installed, or would give other ids.
    """
    try:
        import tiktoken
    except ImportError:
        raise UsageError("tiktoken: the package is not installed; run pip install tiktoken") from None
    arguments: dict[str, Any] = {
        "pat_str": expression_of(definition.pattern),
        "mergeable_ranks": mergeable_ranks(definition),
        "special_tokens": dict(definition.special_tokens),
    }
    try:
        made = tiktoken.Encoding(name, **arguments)
    except Exception as error:  # tiktoken raises no class of its own.
        raise UsageError(f"tiktoken: {str(error).splitlines()[0]}; export to tokenizer.json") from None
    if definition.pattern not in PATTERNS:
        _check_split(definition, arguments)
    return made


def _check_split(definition: Definition, arguments: Mapping[str, Any]) -> None:
    """Check on made-up texts that tiktoken splits by an expression of the user's own as mergelab does."""
    import tiktoken

    from impls.formats.tokenizer_json import probes

    splitter = Splitter(definition.pattern)
    split = {
        text: [pretoken.encode() for pretoken in splitter.pretokens(text)]
        for text in probes(definition.pattern.removeprefix(CUSTOM))
    }
    # With every pretoken as a token, the ids show where tiktoken splits.
    tokens = dict.fromkeys([*(bytes([byte]) for byte in range(N_BYTES)), *chain.from_iterable(split.values())])
    ranks = {token: rank for rank, token in enumerate(tokens)}
    peer = tiktoken.Encoding("split", pat_str=arguments["pat_str"], mergeable_ranks=ranks, special_tokens={})
    for text, pretokens in split.items():
        if peer.encode_ordinary(text) != [ranks[pretoken] for pretoken in pretokens]:
            raise UsageError(
                f"tiktoken: with {definition.pattern!r}, tiktoken does not split {text!r} as mergelab does; "
                f"choose one of {', '.join(PATTERNS)}"
            )


def write(path: str | os.PathLike[str], definition: Definition) -> None:
    """Write a rank file, and the file `NAME.json` with the pattern and the special tokens beside it.

    Raises:
        UsageError: see `contents`.
        FileFormatError: a file cannot be written.
    """
    path = check_path(path)
    write_together(path.parent, contents(definition, path.name))


def contents(definition: Definition, name: str = f"tokenizer{SUFFIX}") -> dict[str, str]:
    """Return a dict: name of a file -> its content.

    Raises:
        UsageError: ranks cannot hold the tokenizer: tiktoken would give other ids.
    """
    if definition.pattern not in PATTERNS:
        encoding_of(definition)  # The expression must be tried.
    ranks = mergeable_ranks(definition)
    settings = {
        "name": name.removesuffix(SUFFIX),
        "pat_str": expression_of(definition.pattern),
        "special_tokens": dict(definition.special_tokens),
    }
    lines = (f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    return {f"{name}.json": json.dumps(settings, ensure_ascii=False, indent=2) + "\n", name: "".join(lines)}

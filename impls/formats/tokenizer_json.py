"""`tokenizer.json`: the file that the `tokenizers` package reads, and `transformers` through it.

Its regular expressions are Oniguruma's, with Unicode 16. A character that is newer than Unicode 16, or that a newer
version of Unicode puts in another class, may be split differently. All other text gets the same ids.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from impls.contract import N_BYTES
from impls.definition import Definition
from impls.errors import UsageError
from impls.formats.alphabet import to_text
from impls.patterns import CUSTOM, PATTERNS, Splitter
from impls.storage import atomic_writer

EXPRESSIONS = {**PATTERNS, "gpt4": PATTERNS["gpt4"].replace("{1,3}+", "{1,3}")}
"""Named patterns in Oniguruma's syntax. In this syntax, `{1,3}+` is not possessive but repeats `{1,3}`. `{1,3}`
without the plus matches the same text, since nothing follows it in its alternative."""

N_PROBES = 3000
"""Made-up texts on which our split and the split of `tokenizers` are compared."""

PROBE_CHARACTERS = "abzABZéßΣж中あ٣9012½_ \t\n\r\u00a0\u3000'sStTlLdD.,;:!?-+=/\\(){}[]<>\"#👍🏽\u0301\u200d"


def byte_level(use_regex: bool) -> dict[str, Any]:
    """Return the step that writes bytes in GPT-2's alphabet; with `use_regex`, it first splits as GPT-2 does."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def split_by(expression: str) -> dict[str, Any]:
    """Return the steps that split by an expression and then write bytes in GPT-2's alphabet."""
    split = {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, byte_level(use_regex=False)]}


def write(path: str | os.PathLike[str], definition: Definition) -> None:
    """Write the file.

    Raises:
        UsageError: see `content`.
        FileFormatError: the file cannot be written.
    """
    written = content(definition)
    with atomic_writer(path) as file:
        file.write(written.encode())


def compose(
    vocab: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    special_tokens: Mapping[str, int],
    pre_tokenizer: Mapping[str, Any],
) -> str:
    """Return the content of a tokenizer.json, as a dict.

    Args:
        vocab: a mapping: token in GPT-2's alphabet -> id.
        merges: pairs of tokens in order of rank.
        special_tokens: a mapping: special token, as it is written in a text -> id.
        pre_tokenizer: the steps before the merges.
    """
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [
        {"id": token_id, "content": token, "special": True, **flags} for token, token_id in special_tokens.items()
    ]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {**vocab, **special_tokens},
        "merges": [list(pair) for pair in merges],
    }
    whole = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": None,
        "decoder": byte_level(use_regex=True),
        "model": model,
    }
    return json.dumps(whole, ensure_ascii=False)


def content(definition: Definition) -> str:
    """Return the tokenizer.json of a tokenizer.

    Raises:
        UsageError: the format cannot hold the tokenizer: a byte has no token, and programs that read the file would
            drop this byte silently; a special token is written like another token; or programs that read the file
            would split texts by the pattern in another way.
    """
    ids = {token: token_id for token_id, token in definition.vocab.items()}
    missing = next((byte for byte in range(N_BYTES) if bytes([byte]) not in ids), None)
    if missing is not None:
        raise UsageError(f"tokenizer.json: byte {missing:#04x} has no token and would be dropped; give it a token")
    special_tokens = definition.special_tokens
    merged = {token for left, right in definition.merges for token in (left, right, left + right)}
    vocab = {
        to_text(token): token_id
        for token, token_id in ids.items()
        # A token that is only a special token is written as it is, not in the alphabet.
        if len(token) == 1 or token in merged or token_id not in special_tokens.values()
    }
    for token, token_id in special_tokens.items():
        if vocab.get(token, token_id) != token_id:
            other = definition.vocab[vocab[token]]
            told = f"special token {token!r} would be written like token {other!r}"
            raise UsageError(f"tokenizer.json: {told}; rename the special token")
    merges = [(to_text(left), to_text(right)) for left, right in definition.merges]
    return compose(vocab, merges, special_tokens, split_by(_expression(definition.pattern)))


def _expression(pattern: str) -> str:
    """Return the expression of a pattern.

    An expression of the user's own is first tried on made-up texts, the same ones each time.

    Raises:
        UsageError: the expression cannot be tried, or `tokenizers` refuses it or splits a text differently.
    """
    if pattern in EXPRESSIONS:
        return EXPRESSIONS[pattern]
    try:
        from tokenizers import Regex
        from tokenizers.pre_tokenizers import Split
    except ImportError:
        raise UsageError(
            f"tokenizer.json: mergelab must test whether tokenizers splits by {pattern!r} as mergelab does, but that "
            "package is not installed; run pip install tokenizers"
        ) from None
    expression = pattern.removeprefix(CUSTOM)
    try:
        theirs = Split(Regex(expression), "isolated")
    except Exception as error:  # `tokenizers` raises no class of its own.
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"tokenizer.json: {pattern!r} is refused by tokenizers: {reason}; choose one of {', '.join(EXPRESSIONS)}"
        ) from None
    ours = Splitter(pattern)
    for text in _probes(expression):
        if [piece for piece, _ in theirs.pre_tokenize_str(text)] != list(ours.pretokens(text)):
            raise UsageError(
                f"tokenizer.json: with {pattern!r}, tokenizers does not split {text!r} as mergelab does; "
                f"choose one of {', '.join(EXPRESSIONS)}"
            )
    return expression


def _probes(expression: str) -> Iterator[str]:
    """Yield made-up texts.

    Half of them use few characters, so that characters of the expression often stand side by side.
    """
    generator = random.Random(0)
    few, many = "a1 '\n" + expression, PROBE_CHARACTERS + expression
    for _ in range(N_PROBES):
        yield "".join(generator.choices(generator.choice((few, many)), k=generator.randint(1, 16)))

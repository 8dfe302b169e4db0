"""The proof of an import: the library that owns the format gives the same ids on texts made from the vocabulary.

Each format's library is asked only if it is installed. Reading a file never needs it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from impls.definition import Definition
from impls.errors import FileFormatError, shown
from impls.formats import Format
from impls.tokenizer import Tokenizer

Encode = Callable[[str], list[int]]

MOST_TOKENS = 4000
"""Tokens of the vocabulary of which texts are made."""

TEXT = (
    "It's what WE'LL say, don't they'VE I'D; naïve “quotes” — 12345 + 1,234.5 = ½ ٣٤٥ Ⅷ\r\n\r\n  def f(x):\n\t return"
    " x**2  # ² ok\n\n\n中文字 नमस्ते ไทย Ελλάδα Привет e\u0301 👍🏽👨\u200d👩\u200d👧 \u00a0\u2003\u3000x\x1c\x85 "
    "ÉCOLE ǅ ªº camelCaseWORD/a/b//\n "
)


class Proof(NamedTuple):
    """What was compared: the library and its version, and the number of texts; no library if none is installed."""

    library: str
    n_texts: int


def prove(row: Format, path: Path, definition: Definition) -> Proof:
    """Compare our ids with those of the library that owns the format.

    Raises:
        FileFormatError: a text gets other ids; the message has the text.
    """
    witness = WITNESSES.get(row.name)
    if witness is None:
        return Proof("", 0)
    library, make = witness
    try:
        theirs = make(path, definition)
    except ImportError:
        return Proof("", 0)
    ours, n_texts = Tokenizer.from_definition(definition), 0
    for text in texts(definition):
        expected, found = theirs(text), ours.encode(text)
        if expected != found:
            place = next((n for n, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), 0)
            raise FileFormatError(
                f"{path}: {library} gives {shown(text)} the ids {expected[place : place + 3]} at place {place}, and "
                f"mergelab {found[place : place + 3]}; please report this"
            )
        n_texts += 1
    return Proof(f"{library} {version(library)}", n_texts)


def texts(definition: Definition) -> Iterator[str]:
    """Yield the same texts each time: prose in many scripts, tokens alone and in random order, special tokens."""
    generator = random.Random(0)
    tokens = [token.decode("utf-8", "replace") for token in definition.vocab.values() if len(token) < 1000]
    chosen = generator.sample(tokens, min(MOST_TOKENS, len(tokens)))
    yield TEXT
    yield from chosen
    special = list(definition.special_tokens)
    for _ in range(MOST_TOKENS // 20):
        parts = generator.choices(chosen or [""], k=20) + generator.choices(special, k=2) * bool(special)
        generator.shuffle(parts)
        yield "".join(parts)
    yield from ("".join(map(chr, _characters(generator))) for _ in range(100))


def _characters(generator: random.Random) -> Iterator[int]:
    """Yield code points of all planes that Unicode 16 has and that stand for characters."""
    codes = iter(lambda: generator.choice((generator.randrange(0x3000), generator.randrange(0x20000))), None)
    return islice((code for code in codes if code is not None and chr(code).isprintable()), 40)


def _tokenizers(path: Path, definition: Definition) -> Encode:
    from tokenizers import Tokenizer as Theirs

    from impls.formats.tokenizer_json import file_of

    del definition
    theirs = Theirs.from_str(file_of(path).read_text("utf-8"))
    theirs.no_truncation()
    theirs.no_padding()
    return lambda text: list(theirs.encode(text, add_special_tokens=False).ids)


def _tiktoken(path: Path, definition: Definition) -> Encode:
    import tiktoken

    from impls.formats.tiktoken import expression_of, file_of
    from impls.formats.tiktoken import parsed as ranks_of

    tokens, ranks = ranks_of(file_of(path).read_bytes(), str(path))
    theirs = tiktoken.Encoding(
        path.stem,
        pat_str=expression_of(definition.pattern),
        mergeable_ranks=dict(zip(tokens, ranks, strict=True)),
        special_tokens=dict(definition.special_tokens),
    )
    return lambda text: theirs.encode(text, allowed_special="all")


def _gpt2(path: Path, definition: Definition) -> Encode:
    from tokenizers import AddedToken
    from tokenizers import Tokenizer as Theirs
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel

    from impls.formats.gpt2 import pair_of

    theirs = Theirs(BPE.from_file(*map(str, pair_of(path) or ())))
    theirs.pre_tokenizer = ByteLevel(add_prefix_space=False)
    theirs.add_special_tokens([AddedToken(token, normalized=False) for token in definition.special_tokens])
    return lambda text: list(theirs.encode(text, add_special_tokens=False).ids)


WITNESSES = {
    "tokenizer.json": ("tokenizers", _tokenizers),
    "tiktoken": ("tiktoken", _tiktoken),
    "gpt2": ("tokenizers", _gpt2),
}
"""For each format, the library that owns it, and a function that makes its encoder from the file."""

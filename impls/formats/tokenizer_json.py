"""`tokenizer.json`: the file that the `tokenizers` package reads, and `transformers` through it.

The file is read if `tokenizers` would give the ids that we give. Parts that we cannot carry are refused by name.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from impls.arguments import check_path
from impls.contract import N_BYTES
from impls.definition import Definition
from impls.errors import FileFormatError, UsageError, shown
from impls.formats.added_tokens import read_added_tokens
from impls.formats.alphabet import to_text
from impls.formats.bpe_model import check_model, definition_of
from impls.formats.files import begins_with, note, read_json
from impls.formats.gpt2 import pair_of, written_vocab
from impls.formats.pre_tokenizers import EXPRESSIONS, byte_level, pattern_of, split_by
from impls.patterns import Splitter, expressions
from impls.storage import atomic_writer

N_PROBES = 3000
"""Made-up texts on which our split and the split of `tokenizers` are compared."""

PROBE_CHARACTERS = "abzABZéßΣж中あ٣9012½_ \t\n\r\u00a0\u3000'sStTlLdD.,;:!?-+=/\\(){}[]<>\"#👍🏽\u0301\u200d"

FILE, CONFIG_FILE = "tokenizer.json", "tokenizer_config.json"

END = "<|endoftext|>"
"""The special token that transformers is told to put at the end of a text, if there is one of this name."""


def file_of(path: Path) -> Path:
    """Return the file that a path stands for: the file itself, or tokenizer.json in a folder."""
    return path / FILE if path.is_dir() else path


def recognise(path: Path) -> bool:
    """Tell whether a path is a tokenizer.json, under any name, or a folder with it that is not one of ours."""
    try:
        if path.is_dir():
            return (path / FILE).is_file() and not (path / "mergelab.json").exists()
        return path.is_file() and begins_with(path, rb"\s*\{") and pair_of(path) is None
    except OSError:  # A name that is too long.
        return False


def read(path: str | os.PathLike[str], without: Collection[str] = ()) -> Definition:
    """Read the file, or the file in a folder.

    Args:
        path: the file or folder.
        without: parts to leave out although texts then get other ids: "normalizer".

    Raises:
        FileFormatError: the file is damaged, or has a part that mergelab cannot carry; the message names the part.
    """
    file = file_of(check_path(path))
    place, content = str(file), read_json(file)
    model = content.get("model")
    if not isinstance(model, dict):
        raise FileFormatError(f"{place}: 'model' is {shown(model)}, not an object; give a tokenizer.json")
    check_model(model, place)
    if (
        content.get("normalizer") not in (None, {"type": "Sequence", "normalizers": []})
        and "normalizer" not in without
    ):
        told = f"the normalizer {shown(_type_of(content['normalizer']))} changes texts before they are split"
        raise FileFormatError(
            f"{place}: {told}, which mergelab cannot do; import it with --without normalizer if your texts are "
            "normalized already"
        )
    added = read_added_tokens(content.get("added_tokens", []), model["vocab"], place)
    pattern = pattern_of(content.get("pre_tokenizer"), place)
    _tell_what_is_left_out(content, place)
    return definition_of(model, added, pattern, place)


def _type_of(step: object) -> object:
    return step.get("type") if isinstance(step, Mapping) else step


def _tell_what_is_left_out(content: Mapping[str, Any], place: str) -> None:
    """Warn about parts that do not change the ids of a text, only what is put around them."""
    steps = content.get("post_processor") or {}
    steps = [steps, *(steps.get("processors") or [])] if isinstance(steps, Mapping) else []
    adding = [str(_type_of(step)) for step in steps if _type_of(step) not in (None, "ByteLevel", "Sequence")]
    if adding:
        note(
            place,
            f"the post-processor {shown(', '.join(adding))} is left out; ids are those without added tokens",
        )
    for part in ("truncation", "padding"):
        if content.get(part) is not None:
            note(place, f"{part!r} is left out; mergelab gives all ids of a text and no others")


def write(path: str | os.PathLike[str], definition: Definition) -> None:
    """Write the file.

    Raises:
        UsageError: see `content`.
        FileFormatError: the file cannot be written.
    """
    written = content(definition)
    with atomic_writer(path) as file:
        file.write(written.encode())


def contents(definition: Definition) -> dict[str, str]:
    """Return a dict: name of a file -> its content, for a folder that transformers loads. See `content`."""
    return {FILE: content(definition), CONFIG_FILE: config_content(definition)}


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
    vocab = written_vocab(definition)
    merges = [(to_text(left), to_text(right)) for left, right in definition.merges]
    return compose(vocab, merges, definition.special_tokens, split_by(*_expressions(definition.pattern)))


def _expressions(pattern: str) -> list[str]:
    """Return the expressions of a pattern.

    Expressions of the user's own are first tried on made-up texts, the same ones each time.

    Raises:
        UsageError: the expressions cannot be tried, or `tokenizers` refuses one or splits a text differently.
    """
    if pattern in EXPRESSIONS:
        return [EXPRESSIONS[pattern]]
    listed = [expression for expression in expressions(pattern) if expression]
    try:
        from tokenizers import Regex
        from tokenizers.pre_tokenizers import Sequence as Steps
        from tokenizers.pre_tokenizers import Split
    except ImportError:
        raise UsageError(
            f"tokenizer.json: mergelab must test whether tokenizers splits by {pattern!r} as mergelab does, but that "
            "package is not installed; run pip install tokenizers"
        ) from None
    try:
        theirs = Steps([Split(Regex(expression), "isolated") for expression in listed])
    except Exception as error:  # `tokenizers` raises no class of its own.
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"tokenizer.json: {pattern!r} is refused by tokenizers: {reason}; choose one of {', '.join(EXPRESSIONS)}"
        ) from None
    ours = Splitter(pattern)
    for text in probes("".join(listed)):
        if [piece for piece, _ in theirs.pre_tokenize_str(text)] != list(ours.pretokens(text)):
            raise UsageError(
                f"tokenizer.json: with {pattern!r}, tokenizers does not split {text!r} as mergelab does; "
                f"choose one of {', '.join(EXPRESSIONS)}"
            )
    return listed


def config_content(definition: Definition) -> str:
    """Return the tokenizer_config.json that belongs beside the file, so that transformers loads the folder.

    The class of GPT-2's tokenizer in transformers puts GPT-2's split in the place of any other. It cannot be built
    without `add_prefix_space`, which the general class does not need: so it fails where it would give wrong ids.
    """
    end = END if END in definition.special_tokens else None
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False if definition.pattern == "gpt2" else None,
        **dict.fromkeys(("bos_token", "eos_token", "unk_token"), end),
    }
    return json.dumps(settings, ensure_ascii=False, indent=2) + "\n"


def probes(expression: str) -> Iterator[str]:
    """Yield made-up texts.

    Half of them use few characters, so that characters of the expression often stand side by side.
    """
    generator = random.Random(0)
    few, many = "a1 '\n" + expression, PROBE_CHARACTERS + expression
    for _ in range(N_PROBES):
        yield "".join(generator.choices(generator.choice((few, many)), k=generator.randint(1, 16)))

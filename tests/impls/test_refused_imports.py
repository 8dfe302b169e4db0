"""Files of other programs that mergelab cannot carry or that are damaged: one line that names what is in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from impls import FileFormatError, Tokenizer
from impls.formats import FORMATS, gpt2, tiktoken, tokenizer_json
from impls.formats.alphabet import to_text
from tests.impls.test_format_table import SMALL

Change = Callable[[dict[str, Any]], object]


def small() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tokenizer_json.content(SMALL))
    return content


def add(**flags: Any) -> Change:
    row = {"id": 259, "content": "<t>", "special": True, **flags}
    return lambda content: content["added_tokens"].append(row)


def model(**settings: Any) -> Change:
    return lambda content: content["model"].update(settings)


def steps(*pre_tokenizers: Any) -> Change:
    sequence = {"type": "Sequence", "pretokenizers": [*pre_tokenizers, tokenizer_json.byte_level(False)]}
    return lambda content: content.update(pre_tokenizer=sequence)


def split(expression: str, behavior: str = "Isolated", invert: bool = False) -> Any:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": behavior, "invert": invert}


def vocab(**entries: Any) -> Change:
    return lambda content: content["model"]["vocab"].update(entries)


REFUSED: dict[str, tuple[Change, str]] = {
    "normalizer": (
        lambda content: content.update(normalizer={"type": "NFC"}),
        "normalizer 'NFC'.*--without normalizer",
    ),
    "model": (model(type="Unigram"), "the model is 'Unigram'"),
    "dropout": (model(dropout=0.1), "'dropout' 0.1"),
    "prefix": (model(continuing_subword_prefix="##"), "'continuing_subword_prefix' '##'"),
    "suffix": (model(end_of_word_suffix="</w>"), "'end_of_word_suffix' '</w>'"),
    "byte fallback": (model(byte_fallback=True), "'byte_fallback' True"),
    "no vocab": (model(vocab=None), "'vocab' of the model is None, not a dict"),
    "no merges": (model(merges={}), "'merges' of the model is {}, not a list"),
    "three tokens": (model(merges=[["t", "h"], ["t", "h", "e"]]), "merges: number 1 is .*, not two tokens"),
    "one word": (model(merges=["t h", "the"]), "merges: number 1 is .*, not two tokens"),
    "no token": (model(merges=[["t", 5]]), r"merges: number 0 is \['t', 5\], not two tokens"),
    "unknown token": (model(merges=[["t", "hx"]]), "merges: 'hx' is not in the vocabulary"),
    "unmade token": (model(merges=[["t", "x"]]), "merges: 'tx' is not in the vocabulary"),
    "twice": (model(merges=[["t", "h"], ["t", "h"]]), "number 1 .* was given already|not in the order"),
    "cycle": (model(merges=[["th", "e"], ["t", "h"]]), "number 0 .* uses b'th', which number 1 makes"),
    "float id": (vocab(th=1.5), "token 'th' has the id 1.5"),
    "text id": (vocab(th="7"), "token 'th' has the id '7'"),
    "negative id": (vocab(th=-1), "token 'th' has the id -1"),
    "huge id": (vocab(th=1 << 40), "is too large|not between"),
    "same id": (vocab(th=5), "two tokens have the id 5"),
    "no alphabet": (vocab(**{"a b": 300}), "'a b'.*alphabet"),
    "lstrip": (add(lstrip=True), "added token '<t>' has 'lstrip'"),
    "rstrip": (add(rstrip=True), "added token '<t>' has 'rstrip'"),
    "single word": (add(single_word=True), "added token '<t>' has 'single_word'"),
    "other id": (add(id=300), "added token '<t>' has the id 300, but tokenizers gives it the id 259"),
    "id of another": (add(content="th", id=4), "added token 'th' has the id 4, but .* 256"),
    "written like another": (add(content="\u00e9", id=0xE9), r"'é' is written like another token"),
    "added twice": (add(content="<s>", id=258), "added token '<s>' is given twice"),
    "overlap": (add(content="<s>x", normalized=True), "'<s>x' is 'normalized' and overlaps"),
    "overlap at the end": (add(content="x<", normalized=True), "'x<' is 'normalized' and overlaps"),
    "no content": (add(content=5), "'added_tokens' holds .*, not a token"),
    "added": (lambda content: content.update(added_tokens=5), "'added_tokens' is 5, not a list"),
    "no steps": (lambda content: content.update(pre_tokenizer=None), "'pre_tokenizer' holds None, not a step"),
    "steps": (lambda content: content.update(pre_tokenizer=[1]), "'pre_tokenizer' holds"),
    "no bytes": (lambda content: content.update(pre_tokenizer=split("a")), "does not end with ByteLevel"),
    "prefix space": (
        lambda content: content.update(pre_tokenizer=tokenizer_json.byte_level(True) | {"add_prefix_space": True}),
        "add_prefix_space",
    ),
    "metaspace": (steps({"type": "Metaspace"}), "'Metaspace'"),
    "bytes in between": (steps(tokenizer_json.byte_level(True)), "'ByteLevel' at this place"),
    "removed": (steps(split(r"\s+", "Removed")), "Split with the behavior 'Removed'"),
    "merged": (steps(split(r"\s+", "MergedWithNext")), "'MergedWithNext'"),
    "inverted": (steps(split(r"\S+", "Removed", True)), "'Removed' and invert"),
    "no expression": (steps({"type": "Split", "pattern": {"Regex": 5}}), "pattern {'Regex': 5}"),
    "damaged expression": (steps(split("(")), "is not a regular expression"),
    "empty matches": (steps(split("x*")), "matches the empty text"),
    "possessive": (steps(split(r"\p{N}{1,3}+|.")), r"'}\+' means something else"),
    "ends of lines": (steps(split("a$|.")), r"'\$' means something else"),
    "hexadecimal": (steps(split(r"\h+|.")), "means something else"),
    "too many": (steps(*[split("a")] * 40), "40 splits"),
    "whole": (lambda content: content.update(model=[]), r"'model' is \[\], not an object"),
    "nested": (
        lambda content: content.update(pre_tokenizer=nested(20)),
        "'pretokenizers' holds|does not end with ByteLevel",
    ),
    "ignored merges": (
        lambda content: (vocab(never=300)(content), model(ignore_merges=True)(content)),
        "'ignore_merges' and the token b'never', which no merges make",
    ),
    "ignored merges in another order": (
        lambda content: (
            model(ignore_merges=True)(content),
            content["model"]["vocab"].update(th=257, the=256),
        ),
        "'ignore_merges', but its merges are not in the order of the ids",
    ),
}


def nested(depth: int) -> Any:
    return {"type": "Sequence", "pretokenizers": [nested(depth - 1)]} if depth else tokenizer_json.byte_level(True)


def refused(path: Path) -> str:
    with pytest.raises(FileFormatError) as caught:
        Tokenizer.load(path)
    told = str(caught.value)
    assert told.startswith(str(path))
    assert "\n" not in told
    return told


@pytest.mark.kernel
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_carried_is_refused_by_name(name: str, tmp_path: Path) -> None:
    change, told = REFUSED[name]
    content = small()
    change(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=told) as caught:
        Tokenizer.load(tmp_path / "tokenizer.json")
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


JUNK = {
    "blank": b" ",
    "binary": bytes(range(256)) * 100,
    "nested": b'{"a":' * 200_000,
    "list": b"[1]",
    "open": b'{"model": {"vocab": {',
    "twice": b'{"model": {"vocab": {"a": 1, "a": 2}}}',
    "huge number": b'{"model": {"vocab": {"a": ' + b"9" * 10_000 + b"}}}",
    "no utf-8": b'{"model": "\xff"}',
    "long line": b"A" * 1_000_000,
    "prose": b"the cat 5\n",
    "one rank": b"IQ== 0\n",
    "ranks": b"IQ== 0\nIg==\n",
    "minus": b"IQ== 0\nIg== -1\n",
    "huge rank": b"IQ== 0\nIg== " + b"9" * 5000 + b"\n",
    "no base64": b"IQ== 0\nI\xff== 1\n",
    "rank twice": b"IQ== 0\nIg== 0\n",
    "token twice": b"IQ== 0\nIQ== 1\n",
    "simple": b"simple-bpe v1\n",
    "simple count": b"simple-bpe v1\n.\n99999999\n",
    "simple special": b"simple-bpe v1\n.\n1\n<s>\n",
    "simple merge": b"simple-bpe v1\n.\n0\n97\n",
    "simple cycle": b"simple-bpe v1\n.\n0\n256 97\n",
    "simple doubling": b"simple-bpe v1\n.\n0\n97 97\n" + b"".join(b"%d %d\n" % (n, n) for n in range(256, 320)),
    "simple twice": b"simple-bpe v1\n.\n0\n97 98\n97 98\n",
    "simple expression": b"simple-bpe v1\n(\n0\n97 98\n",
    "simple special id": b"simple-bpe v1\n.\n1\n<s> 97\n97 98\n",
}


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["tokenizer.json", "a.tiktoken", "vocab.json", "merges.txt"])
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.filterwarnings("ignore::impls.formats.files.FormatNote")
def test_junk_under_any_name_is_one_line(junk: str, name: str, tmp_path: Path) -> None:
    for other in ("vocab.json", "merges.txt"):
        (tmp_path / other).write_bytes(b"{}")
    (tmp_path / name).write_bytes(JUNK[junk])
    with pytest.raises(FileFormatError) as caught:
        Tokenizer.load(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_rank_file_that_nobody_knows_needs_a_pattern(tmp_path: Path) -> None:
    tiktoken.write(tmp_path / "my.tiktoken", SMALL)
    (tmp_path / "my.tiktoken.json").unlink()
    assert "--pattern llama3" in refused(tmp_path / "my.tiktoken")
    assert tiktoken.read(tmp_path / "my.tiktoken", "gpt2", {"<s>": 258}) == SMALL


def test_ranks_without_a_byte_or_with_unreachable_tokens_are_refused() -> None:
    known = tiktoken.Known("x", "gpt2", {})
    every = [bytes([byte]) for byte in range(256)]
    for tokens, told in (
        (every[1:], "byte 0x00 has no token"),
        ([*every, b"never"], "no merges make the token b'never'"),
        ([*every, b"xyz", b"xy"], "number 0 .*which number 1 makes"),
        ([*every, b"x" * 50_000], "tokens of up to 50000 bytes"),
    ):
        with pytest.raises(FileFormatError, match=told):
            tiktoken.definition_of(tokens, list(range(len(tokens))), known, "ranks")
    # Half a character is never a whole pretoken, so it does no harm that no merges make it.
    half = tiktoken.definition_of([*every, b"\xf0\x9f\x99"], list(range(257)), known, "ranks")
    assert half.merges == ()


def test_gpt2_files_of_another_pattern_are_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(SMALL.vocab, list(SMALL.merges), ["<s>"], pattern="gpt4")
    tokenizer.save(tmp_path)
    (tmp_path / "mergelab.json").unlink()
    (tmp_path / "tokenizer.json").unlink()
    assert "splits in another way than GPT-2" in refused(tmp_path)
    with pytest.raises(ValueError, match="gpt2: the files cannot hold the pattern 'gpt4'"):
        gpt2.contents(tokenizer.definition)


def test_nothing_at_all_lists_the_formats(tmp_path: Path) -> None:
    told = refused(tmp_path)
    assert all(row.what in told for row in FORMATS)
    assert to_text(b" ") not in told

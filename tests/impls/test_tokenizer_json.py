"""tokenizer.json: HF tokenizers gives our ids by it, or it is not written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data import get
from impls import MergelabError, Tokenizer, train_bpe
from impls.formats.pre_tokenizers import EXPRESSIONS
from impls.formats.tokenizer_json import content
from impls.patterns import PATTERNS, Splitter

tokenizers = pytest.importorskip("tokenizers")

SPECIALS = ["<|endoftext|>", "<|end", "of text", "\n\n<é>"]
OWN = [r"regex:[a-z]+", r"regex: ?[A-Za-z]+|\d{1,2}|.", r"regex: ?\p{L}+|\p{N}|[^\p{L}\p{N}]+"]
CORPORA = ["stories", "stdlib", "unicode-classes", "emoji", "crlf", "whitespace-runs", "one-letter", "no-spaces"]


def with_pattern(pattern: str, folder: Path) -> Tokenizer:
    path = folder / "corpus.txt"
    path.write_bytes(b"".join(get(name, 60_000).read_bytes() for name in ("stories", "stdlib", "unicode-classes")))
    vocab, merges = train_bpe(path, 900, SPECIALS, pattern=pattern, impl="incremental")
    return Tokenizer(vocab, merges, SPECIALS, pattern=pattern)


def content_of(tokenizer: Tokenizer) -> str:
    return content(tokenizer.definition)


@pytest.fixture(scope="module", params=[*PATTERNS, *OWN])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, Any]:
    """A tokenizer of ours, and one of theirs from its tokenizer.json."""
    ours = with_pattern(request.param, tmp_path_factory.mktemp("corpus"))
    return ours, tokenizers.Tokenizer.from_str(content_of(ours))


@pytest.mark.parametrize("corpus", CORPORA)
def test_corpora_get_the_same_ids(both: tuple[Tokenizer, Any], corpus: str) -> None:
    ours, theirs = both
    text = get(corpus, 20_000).read_bytes().decode()
    ids = ours.encode(text)
    assert theirs.encode(text).ids == ids
    assert theirs.decode(ids, skip_special_tokens=False) == text


def splits(ours: Tokenizer, theirs: Any, text: str) -> tuple[list[str], list[str]]:
    """What both split a text into; ids only tell where there is a merge across the cut."""
    pieces = theirs.pre_tokenizer.pre_tokenize_str(text)
    return list(Splitter(ours.pattern).pretokens(text)), [text[start:stop] for _, (start, stop) in pieces]


# Without what Python's tables lack, as one side may not know it either, and one letter that has changed its kind.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\u0295")
PIECES = [*SPECIALS, "don't", "'LL", "'\u017f", "  ", "\r\n", "\n \n", "\u00a0", "\u2003", "123", "4567", "½", "٣"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(CHARACTERS, max_size=6), max_size=8).map("".join))
@example("a" * 500 + " " * 500 + "9" * 500)
@example("<|endoftext|>" * 3 + "<|endof text")
@example("\x1c\x1d\x85\u180e\u200b\u2028\ufeff")
def test_any_text_gets_the_same_ids(both: tuple[Tokenizer, Any], text: str) -> None:
    ours, theirs = both
    assert theirs.encode(text).ids == ours.encode(text)
    own, other = splits(ours, theirs, text)
    assert own == other


def test_imported_ids_and_tokens_out_of_reach_are_kept() -> None:
    order = np.random.default_rng(0).permutation(256).tolist()
    vocab = {7 * number + 3: bytes([byte]) for number, byte in enumerate(order)}
    vocab |= {5: b"th", 6: b" never", 1: b"the", 2000: b"<s>", 2004: b" x"}
    merges = [(b"t", b"h"), (b"th", b"e"), (b" ", b"x")]
    ours = Tokenizer(vocab, merges, ["<s>", " x", "the"])
    theirs = tokenizers.Tokenizer.from_str(content_of(ours))
    for text in ("the other never thin", "<s> x the", " xthe<s>", " y"):
        assert theirs.encode(text).ids == ours.encode(text)
    assert {theirs.token_to_id(token) for token in ("<s>", " x", "the", "\u0120never")} == {2000, 2004, 1, 6}


def refused(vocab: dict[int, bytes], specials: list[str], pattern: str) -> str:
    with pytest.raises(MergelabError) as error:
        content_of(Tokenizer(vocab, [], specials, pattern=pattern))
    assert "\n" not in str(error.value)
    return str(error.value)


BYTES = {i: bytes([i]) for i in range(256)}


def test_what_would_be_lost_or_confused_is_refused() -> None:
    assert "byte 0xff has no token" in refused({i: bytes([i]) for i in range(255)}, [], "gpt2")
    assert r"special token 'é' would be written like token b'\xe9'" in refused(BYTES, ["é"], "gpt2")
    assert "'\u0120a' would be written like token b' a'" in refused(BYTES | {256: b" a"}, ["\u0120a"], "gpt2")


@pytest.mark.parametrize(
    "expression",
    [
        r"\d{1,3}+",  # Possessive here, repeated there.
        r"x*",  # Empty matches cut there.
        r"^ab|.",  # At the beginning of any line there.
        r"ab$|.",  # At the end of any line there.
        r"\w+|.",  # Without fractions here.
        r"(?i:STRASSE|ß)|.",  # One character for two there.
        r"\h+|.",  # Whitespace here, hexadecimal digits there.
    ],
)
def test_expressions_that_mean_something_else_there_are_refused(expression: str) -> None:
    assert "as mergelab does" in refused(BYTES, [], f"regex:{expression}")


def test_an_expression_that_tokenizers_does_not_take_is_refused() -> None:
    assert "is refused by tokenizers" in refused(BYTES, [], r"regex:(?|a(b)|c(d))|.")


def test_an_expression_that_cannot_be_tried_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    assert "pip install tokenizers" in refused(BYTES, [], r"regex:\w+|.")
    content_of(Tokenizer(BYTES, [], []))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_file_says_what_it_should(pattern: str) -> None:
    content = json.loads(content_of(Tokenizer(BYTES, [], ["<s>"], pattern=pattern)))
    split, level = content["pre_tokenizer"]["pretokenizers"]
    assert (split["pattern"]["Regex"], split["behavior"]) == (EXPRESSIONS[pattern], "Isolated")
    assert (level["use_regex"], level["add_prefix_space"], content["model"]["ignore_merges"]) == (False, False, False)
    assert [(token["content"], token["id"]) for token in content["added_tokens"]] == [("<s>", 256)]

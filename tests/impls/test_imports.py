"""tokenizer.json files of others: HF's library gives our ids by them, in the shapes of well-known models."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data import get
from impls import FileFormatError, Tokenizer
from impls.formats import recognise
from impls.formats.files import FormatNote
from impls.proof import prove
from tests.support.shapes import END, SHAPES

tokenizers = pytest.importorskip("tokenizers")

PATTERNS_OF = {"gpt2": "gpt2", "llama3": "llama3", "qwen2": "qwen2", "cl100k": "llama3"}
CORPORA = ["stories", "stdlib", "unicode-classes", "emoji", "crlf", "whitespace-runs", "no-spaces"]
PIECES = [
    END,
    "<think>",
    "don't",
    "'LL",
    "'\u017f",
    "  ",
    "\r\n",
    "\n \n",
    "\u3000",
    "1234",
    "½",
    "٣",
    "中文",
    "の",
    "...",
]
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\u0295")


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    path = tmp_path_factory.mktemp("shape") / "tokenizer.json"
    path.write_text(json.dumps(SHAPES[request.param]()))
    return str(request.param), path


@pytest.fixture(scope="module")
def both(shape: tuple[str, Path]) -> tuple[Tokenizer, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormatNote)
        return Tokenizer.load(shape[1]), tokenizers.Tokenizer.from_file(str(shape[1]))


@pytest.mark.parametrize("corpus", CORPORA)
def test_corpora_get_the_ids_of_their_library(both: tuple[Tokenizer, Any], corpus: str) -> None:
    ours, theirs = both
    text = get(corpus, 20_000).read_bytes().decode()
    ids = ours.encode(text)
    assert theirs.encode(text, add_special_tokens=False).ids == ids
    assert ours.decode(ids) == text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(CHARACTERS, max_size=6), max_size=8).map("".join))
@example("\n  ")
@example("a 12345  678\n\n  中文字x")
def test_any_text_gets_the_ids_of_their_library(both: tuple[Tokenizer, Any], text: str) -> None:
    ours, theirs = both
    assert theirs.encode(text, add_special_tokens=False).ids == ours.encode(text)


def test_known_patterns_are_recognised_and_others_keep_their_splits(
    shape: tuple[str, Path], both: tuple[Tokenizer, Any]
) -> None:
    name, ours = shape[0], both[0]
    assert ours.origin == "tokenizer.json"
    if name in PATTERNS_OF:
        assert ours.pattern == PATTERNS_OF[name]
    else:
        assert ours.pattern.startswith("splits:[")


def test_an_import_comes_back_in_our_format_and_in_theirs(both: tuple[Tokenizer, Any], tmp_path: Path) -> None:
    ours, theirs = both
    ours.save(tmp_path / "saved")
    assert Tokenizer.load(tmp_path / "saved") == ours
    assert Tokenizer.load(tmp_path / "saved" / "tokenizer.json") == ours
    again = tokenizers.Tokenizer.from_file(str(tmp_path / "saved" / "tokenizer.json"))
    text = get("stdlib", 20_000).read_bytes().decode() + END
    assert again.encode(text).ids == theirs.encode(text, add_special_tokens=False).ids


def test_the_proof_compares_with_their_library(shape: tuple[str, Path], both: tuple[Tokenizer, Any]) -> None:
    path, ours = shape[1], both[0]
    proof = prove(recognise(path), path, ours.definition)
    assert proof.library.startswith("tokenizers ")
    assert proof.n_texts > 1000


def test_a_wrong_import_does_not_pass_the_proof(shape: tuple[str, Path], both: tuple[Tokenizer, Any]) -> None:
    path, ours = shape[1], both[0]
    wrong = Tokenizer(ours.vocab, ours.merges[:-1], list(ours.special_tokens), pattern=ours.pattern)
    with pytest.raises(FileFormatError, match=r"tokenizers gives .* the ids \[") as caught:
        prove(recognise(path), path, wrong.definition)
    assert "\n" not in str(caught.value)


def test_merges_listed_in_every_way_become_one_merge_per_token(
    shape: tuple[str, Path], both: tuple[Tokenizer, Any]
) -> None:
    listed = json.loads(shape[1].read_bytes())["model"]["merges"]
    made = [left + right for left, right in both[0].merges]
    assert len(made) == len(set(made)) == len(both[0].vocab) - 256 - len(both[0].special_tokens)
    assert (len(listed) > len(made)) == (shape[0] == "llama3")


def test_what_is_left_out_is_told(shape: tuple[str, Path]) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Tokenizer.load(shape[1])
    wanted = shape[0] in ("llama3", "deepseek")
    assert [str(note.message).count("TemplateProcessing") for note in told] == [1] * wanted

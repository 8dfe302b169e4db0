"""Every public function takes any argument and raises nothing but our errors, each of one short line."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np
import pytest

import impls
from impls import Definition, MergelabError, StreamDecoder, Tokenizer
from impls.contract import Pretokens
from impls.pipeline import train
from impls.registry import Impl, implementations
from impls.surgery.extend import extend
from impls.surgery.prune import prune
from impls.surgery.use import prune_by_use
from tests.support.tokenizers import BYTES

JUNK: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "zero": lambda: 0,
    "negative": lambda: -7,
    "float": lambda: 0.5,
    "nan": lambda: float("nan"),
    "true": lambda: True,
    "huge": lambda: 10**5000,
    "bytes": lambda: b"abc",
    "no-utf8": lambda: b"\xff\xfe",
    "empty": lambda: "",
    "nul": lambda: "a\0b",
    "surrogate": lambda: "a\ud800",
    "expression-with-a-surrogate": lambda: "regex:\ud800",
    "long": lambda: "x" * 100_000,
    "list": list,
    "list-of-none": lambda: [None],
    "list-of-bytes": lambda: [b"a"],
    "list-of-numbers": lambda: [1, 2],
    "list-of-surrogates": lambda: ["a\ud800"],
    "list-of-lists": lambda: [["a"], ["b"]],
    "mapping": lambda: {"a": 1},
    "iterator": lambda: iter([5, None]),
    "object": object,
    "function": lambda: print,
    "array": lambda: np.zeros((2, 2)),
    "path": lambda: Path("/no/such"),
    "folder": lambda: Path("/"),
    "device": lambda: "/dev/null",
}

MOST_CHARACTERS = 1000
"""Of a message: a huge argument is not repeated whole."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat ate the hat\n" * 3)
    tokenizer = Tokenizer(BYTES, [], ["<s>"])
    tokenizer.save("tok")
    tokenizer.encode_file("text.txt", "ids.bin")
    return tmp_path


def good(tokenizer: Tokenizer) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Every public callable with arguments that work."""
    vocabulary = {"vocab": BYTES, "merges": [], "special_tokens": ["<s>"], "pattern": "gpt2"}
    training = {
        "input_path": "text.txt", "vocab_size": 260, "special_tokens": ["<s>"], "pattern": "gpt2", "impl": "auto",
        "workers": 1, "tie_break": "greatest", "min_frequency": 1, "max_token_bytes": None, "base": None,
        "errors": "strict", "on_merge": None,
    }  # fmt: skip
    text = {"special": "all", "workers": 1}
    return {
        "train": (train, training),
        "train_bpe": (impls.train_bpe, training),
        "prune": (prune, {"definition": tokenizer.definition, "size": 257, "first_id": 0}),
        "prune_by_use": (
            prune_by_use,
            {"definition": tokenizer.definition, "pretokens": Pretokens.from_mapping({b"the": 3}), "size": 257},
        ),
        "extend": (extend, {"definition": tokenizer.definition, "tokens": ["the"], "special_tokens": ["<t>"]}),
        "Definition": (Definition, vocabulary),
        "Tokenizer": (Tokenizer, {**vocabulary, "impl": "auto"}),
        "from_definition": (Tokenizer.from_definition, {"definition": tokenizer.definition, "impl": "auto"}),
        "from_files": (
            Tokenizer.from_files,
            {"vocab_filepath": "tok/vocab.json", "merges_filepath": "tok/merges.txt", "special_tokens": ["<s>"],
             "pattern": "gpt2", "impl": "auto"},
        ),
        "load": (Tokenizer.load, {"path": "tok", "impl": "auto"}),
        "save": (tokenizer.save, {"folder": "new"}),
        "to_tiktoken": (tokenizer.to_tiktoken, {"name": "mine"}),
        "fingerprint": (tokenizer.fingerprint, {}),
        "encode": (tokenizer.encode, {"text": "the cat", **text}),
        "encode_to_array": (tokenizer.encode_to_array, {"text": "the cat", **text}),
        "encode_with_offsets": (tokenizer.encode_with_offsets, {"text": "the cat", **text}),
        "count_tokens": (tokenizer.count_tokens, {"text": "the cat", "limit": 2, "special": "all"}),
        "stream_decoder": (tokenizer.stream_decoder, {}),
        "StreamDecoder": (StreamDecoder, {"tokenizer": tokenizer}),
        "push": (tokenizer.stream_decoder().push, {"token_id": 65}),
        "encode_batch": (tokenizer.encode_batch, {"texts": ["the", "cat"], **text}),
        "encode_batch_to_arrays": (tokenizer.encode_batch_to_arrays, {"texts": ["the", "cat"], **text}),
        "encode_iterable": (tokenizer.encode_iterable, {"iterable": ["the", "cat"]}),
        "encode_file": (
            tokenizer.encode_file,
            {"input_path": "text.txt", "output_path": "out.bin", "errors": "strict", "workers": 1},
        ),
        "encode_parts": (
            tokenizer.encode_parts,
            {"text": impls.tokenizer.TextFile.open("text.txt"), **text},
        ),
        "encode_range": (
            tokenizer.encode_range,
            {"text": impls.tokenizer.TextFile.open("text.txt"), "start": 0, "stop": 10, "workers": 1},
        ),
        "decode": (tokenizer.decode, {"ids": [65, 66]}),
        "decode_bytes": (tokenizer.decode_bytes, {"ids": [65, 66]}),
        "decode_file": (tokenizer.decode_file, {"path": "ids.bin"}),
        "read_ids": (tokenizer.read_ids, {"path": "ids.bin"}),
        "token_to_id": (tokenizer.token_to_id, {"token": "a"}),
        "id_to_token": (tokenizer.id_to_token, {"token_id": 65}),
    }  # fmt: skip


def run(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    result = function(**arguments)
    if isinstance(result, GeneratorType | Iterator):
        for _ in itertools.islice(result, 1000):
            pass


PROTOCOL_ARGUMENTS = {
    ("encode_parts", "text"),
    ("encode_range", "text"),
    ("from_definition", "definition"),
    ("prune_by_use", "pretokens"),
    ("train", "on_merge"),
}
"""Objects of ours, and a function: what else is put there is a fault of the program."""


def test_every_public_name_is_tried() -> None:
    tokenizer = Tokenizer(BYTES, [])
    methods = {
        name for name, value in inspect.getmembers(Tokenizer)
        if not name.startswith("_") and callable(value)
    }  # fmt: skip
    functions = {name for name in impls.__all__ if not isinstance(getattr(impls, name), type)}
    tried = {"train", "prune", "prune_by_use", "extend", "Definition", "StreamDecoder", "push", "Tokenizer"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impls.tokenizer.TextFile.open", lambda _: None)
        assert set(good(tokenizer)) == methods | functions | tried


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_any_argument_is_one_of_our_errors(junk: str, home: Path) -> None:
    tokenizer = Tokenizer(BYTES, [], ["<s>"])
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    faults = []
    for name, (function, arguments) in good(tokenizer).items():
        for argument in arguments:
            if (name, argument) in PROTOCOL_ARGUMENTS or (name == "train_bpe" and argument == "on_merge"):
                continue
            try:
                run(function, {**arguments, argument: JUNK[junk]()})
            except MergelabError as error:
                if "\n" in str(error) or len(str(error)) > MOST_CHARACTERS:
                    faults.append(f"{name}({argument}): says {str(error)[:200]!r}, {len(str(error))} characters")
            except Exception as error:
                faults.append(f"{name}({argument}): {type(error).__name__}: {str(error)[:200]}")
    assert not faults, "\n".join(faults)
    assert {path: path.read_bytes() for path in before} == before


def test_the_arguments_that_work_do_work(home: Path) -> None:
    for function, arguments in good(Tokenizer(BYTES, [], ["<s>"])).values():
        run(function, arguments)
    assert (home / "out.bin").read_bytes() == (home / "ids.bin").read_bytes()


@pytest.mark.parametrize("row", implementations("encode"), ids=lambda row: row.name)
@pytest.mark.parametrize("junk", JUNK)
def test_every_encoder_takes_junk_as_the_others_do(junk: str, row: Impl) -> None:
    tokenizer = Tokenizer(BYTES, [], ["<s>"], impl=row.name)
    with suppress(MergelabError):
        tokenizer.encode(JUNK[junk]())
    with suppress(MergelabError):
        tokenizer.encode_batch([JUNK[junk]()])

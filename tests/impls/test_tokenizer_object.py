"""A tokenizer is a good Python object: it can be copied, pickled, compared, shown and used by several processes."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import impls
from impls import MergelabError, Tokenizer, UsageError, train_bpe
from impls.registry import implementations
from tests.impls.test_course import END
from tests.support.tokenizers import BYTES, TEXT

LONG = (TEXT + END) * 200
ENCODERS = ["auto", *(row.name for row in implementations("encode"))]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    path = tmp_path_factory.mktemp("object") / "corpus.txt"
    path.write_bytes((TEXT * 3).encode())
    return train_bpe(path, 340)


def encode_short(tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(TEXT + END)


def put_ids(tokenizer: Tokenizer, results: Any) -> None:
    results.put(tokenizer.encode(TEXT + END))


@pytest.mark.kernel
@pytest.mark.parametrize("impl", ENCODERS)
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["copy", "deepcopy", "pickle"]
)
def test_a_copy_encodes_the_same(
    copied: Callable[[Tokenizer], Tokenizer], used: bool, impl: str, parts: tuple[Any, Any]
) -> None:
    tokenizer = Tokenizer(*parts, [END], impl=impl)
    expected = Tokenizer(*parts, [END], impl="naive").encode(TEXT + END)
    if used:
        tokenizer.encode(LONG)
    again = copied(tokenizer)
    assert again == tokenizer
    assert repr(again) == repr(tokenizer)
    assert again.encode(TEXT + END) == expected == tokenizer.encode(TEXT + END)


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("impl", ["auto", "cached", "jit"])
def test_other_processes_encode_the_same_before_and_after_its_first_use(
    impl: str, method: str, parts: tuple[Any, Any]
) -> None:
    context = multiprocessing.get_context(method)
    tokenizer, results = Tokenizer(*parts, [END], impl=impl), context.Queue()
    for _ in range(2):
        process = context.Process(target=put_ids, args=(tokenizer, results))
        process.start()
        assert results.get(timeout=60) == encode_short(tokenizer)
        process.join(60)
        assert process.exitcode == 0
        tokenizer.encode(LONG)


@pytest.mark.kernel
def test_many_threads_use_one_tokenizer(parts: tuple[Any, Any]) -> None:
    tokenizer = Tokenizer(*parts, [END])
    expected = encode_short(Tokenizer(*parts, [END], impl="naive"))
    with ThreadPoolExecutor(8) as pool:
        assert all(ids == expected for ids in pool.map(encode_short, [tokenizer] * 200))


@pytest.mark.slow
def test_loader_workers_of_pytorch_encode_the_same(parts: tuple[Any, Any]) -> None:
    torch = pytest.importorskip("torch")

    class Texts(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
        def __init__(self, tokenizer: Tokenizer) -> None:
            self.tokenizer = tokenizer

        def __len__(self) -> int:
            return 8

        def __getitem__(self, place: int) -> list[int]:
            return self.tokenizer.encode(TEXT * (place + 1))

    tokenizer = Tokenizer(*parts, [END])
    for _ in range(2):
        loader = torch.utils.data.DataLoader(Texts(tokenizer), batch_size=None, num_workers=2)
        assert list(loader) == [tokenizer.encode(TEXT * (place + 1)) for place in range(8)]
        tokenizer.encode(LONG)


def test_merges_may_come_from_an_iterator(parts: tuple[Any, Any], tmp_path: Path) -> None:
    vocab, merges = parts
    tokenizer = Tokenizer(vocab, (pair for pair in merges), [END])  # type: ignore[arg-type]
    assert tokenizer.merges == merges
    assert tokenizer.encode(TEXT) == Tokenizer(vocab, merges, [END]).encode(TEXT)
    tokenizer.save(tmp_path / "tok")
    assert Tokenizer.load(tmp_path / "tok") == tokenizer


def test_what_it_is_cannot_be_changed_from_outside() -> None:
    tokenizer = Tokenizer(BYTES, [], [END])
    with pytest.raises(TypeError):
        tokenizer.special_tokens["x"] = 5  # type: ignore[index]
    with pytest.raises(TypeError):
        tokenizer.vocab[0] = b"x"  # type: ignore[index]
    with pytest.raises(AttributeError):
        tokenizer.pattern = "gpt4"  # type: ignore[misc]
    tokenizer.merges.append((b"a", b"b"))
    assert tokenizer.merges == []


def test_it_says_what_it_is_and_compares_as_a_value(parts: tuple[Any, Any]) -> None:
    tokenizer, other = Tokenizer(*parts, [END]), Tokenizer(*parts, [END], impl="naive")
    sizes = f"{len(parts[0]) + 1} tokens, {len(parts[1])} merges, 1 special tokens"
    assert repr(tokenizer) == f"Tokenizer(Definition({sizes}, pattern 'gpt2'), impl='auto')"
    assert tokenizer == other
    assert hash(tokenizer) == hash(other)
    assert tokenizer != Tokenizer(*parts, [END], pattern="gpt4")
    assert tokenizer != "a tokenizer"
    assert len(tokenizer) == tokenizer.vocab_size == len(parts[0]) + 1


def test_tokens_and_ids_are_looked_up(parts: tuple[Any, Any]) -> None:
    tokenizer = Tokenizer(*parts, [END])
    for token_id, token in tokenizer.vocab.items():
        assert tokenizer.id_to_token(token_id) == token
        assert tokenizer.token_to_id(token) == token_id
    assert tokenizer.token_to_id(END) == tokenizer.special_tokens[END]
    assert tokenizer.token_to_id("no such token") is None
    assert tokenizer.id_to_token(10**6) is None


@pytest.mark.parametrize("kind", ["u1", "i1", "<u2", ">i2", "i4", "u4", "i8", "u8"])
def test_arrays_of_any_integer_type_decode(kind: str) -> None:
    assert Tokenizer(BYTES, []).decode(np.array([104, 105], kind)) == "hi"


def test_tensors_decode() -> None:
    torch = pytest.importorskip("torch")
    for kind in (torch.uint8, torch.int16, torch.int32, torch.int64):
        assert Tokenizer(BYTES, []).decode(torch.tensor([104, 105], dtype=kind)) == "hi"
    with pytest.raises(UsageError, match=r"104\.0 at place 0"):
        Tokenizer(BYTES, []).decode(torch.tensor([104.0]))


@pytest.mark.parametrize("ids", [65, None, "ab", b"ab", np.int64(5), 1.5])
def test_what_is_no_list_of_ids_is_refused(ids: Any) -> None:
    with pytest.raises(UsageError, match="is not a list of ids"):
        Tokenizer(BYTES, []).decode(ids)


def test_public_names_are_listed() -> None:
    assert dir(impls) == sorted(impls.__all__)
    assert all(getattr(impls, name) for name in dir(impls))


def test_an_expression_that_takes_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impls.patterns.SECONDS_PER_TEXT", 0.3)
    tokenizer = Tokenizer(BYTES, [], pattern=r"regex:(?:a|aa|a?a)+\d\Z")
    with pytest.raises(MergelabError, match=r"takes more than 0 s on a text of 5000 characters; give an expression"):
        tokenizer.encode("a" * 5000)


def test_a_file_rewritten_while_it_is_read_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.txt"
    path.write_text("some words\n" * 1000)
    tokenizer = Tokenizer(BYTES, [], impl="cached")
    read = impls.tokenizer.TextFile.read

    def rewritten(*arguments: Any) -> bytes:
        content = read(*arguments)
        path.write_text("other word\n" * 1000)
        return content

    monkeypatch.setattr("impls.inputs.file.TextFile.read", rewritten)
    with pytest.raises(impls.FileFormatError, match=r"text\.txt: was rewritten while it was read; read it again"):
        tokenizer.encode_file(path, tmp_path / "ids.bin")
    with pytest.raises(impls.FileFormatError, match="was rewritten"):
        train_bpe(path, 300, impl="weighted")
    assert [file.name for file in tmp_path.iterdir()] == ["text.txt"]

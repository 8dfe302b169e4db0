"""Kernels never count an index from the end of an array: compiled code has no check for negative indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data import adversarial
from impls import Tokenizer
from impls.count.jit import count
from impls.inputs.file import TextFile
from impls.kernels.compiler import PlainKernel
from impls.kernels.helpers import JIT
from impls.kernels.splits import SPLITS
from impls.train.jit import train

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(JIT, reason="looks at the indices of kernels in plain Python")]


class FromTheFront(np.ndarray[Any, Any]):
    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(checked(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(checked(index), value)


def checked(index: Any) -> Any:
    for part in index if isinstance(index, tuple) else (index,):
        assert isinstance(part, slice) or part >= 0, f"the negative index {part}"
    return index


def watched(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return type(argument)(*map(watched, argument))
    return argument.view(FromTheFront) if isinstance(argument, np.ndarray) else argument


@pytest.mark.parametrize("pattern", SPLITS)
def test_no_index_is_negative(pattern: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bind = PlainKernel.bind
    monkeypatch.setattr(PlainKernel, "bind", lambda kernel, *arguments: bind(kernel, *map(watched, arguments)))
    texts = [make(90) for name, make in adversarial.TEXTS.items() if name != "invalid-utf8"]
    path = tmp_path / "text.txt"
    path.write_bytes(b"<s>".join(texts))
    pretokens = count(TextFile.open(path), pattern=pattern, special_tokens=["<s>"], workers=2)
    merges = train(pretokens, n_merges=25)
    tokens = merges.token_bytes()
    pairs = [(tokens[left], tokens[right]) for left, right in zip(merges.left, merges.right, strict=True)]
    vocab = dict(enumerate(tokens))
    ids = Tokenizer(vocab, pairs, ["<s>"], pattern=pattern, impl="jit").encode(path.read_bytes())
    assert b"".join((vocab | {len(vocab): b"<s>"})[token_id] for token_id in ids) == path.read_bytes()
    with pytest.raises(AssertionError, match="negative"):
        np.zeros(3).view(FromTheFront)[-1]

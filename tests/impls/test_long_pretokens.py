"""Pretokens that are longer than a key are told apart by each of their bytes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from impls.count.jit import count
from impls.inputs.file import TextFile
from impls.kernels.helpers import JIT

pytestmark = pytest.mark.kernel


def test_pretokens_that_differ_in_one_byte_are_counted_apart(tmp_path: Path) -> None:
    words = []
    for length in range(14, 60 if JIT else 26):
        word = "abcdefgh" * 8
        words += [word[:length], *(word[:place] + "X" + word[place + 1 : length] for place in range(length))]
    path = tmp_path / "words.txt"
    path.write_text("\n".join([*words, *words[::3]]))
    counted = count(TextFile.open(path), pattern="gpt2", special_tokens=[], workers=1).to_mapping()
    del counted[b"\n"]
    assert counted == Counter(word.encode() for word in [*words, *words[::3]])

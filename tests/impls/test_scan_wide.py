"""The scan of blocks that are not ASCII: equal to `regex` on random texts, and to Python on damaged texts."""

from __future__ import annotations

import numpy as np
import pytest

from impls.kernels.helpers import JIT
from impls.kernels.splits import SPLITS
from tests.impls.test_scan import assert_faults_like_python, assert_scans_like_regex

pytestmark = pytest.mark.kernel

ALPHABETS = [
    "Привет мир, да-нет! 12",
    "aéÀßñ ŐőĂă'st ",
    "नमस्ते दुनिया।  १२",
    "世界人民。\uff0c\u300c\u300d\u3000 ab1",
    "カタカナひらがな漢字ー\u3000\n",
    "안녕하세요 세계 !",
    "สวัสดีครับ",
    "שלום עולם مرحبا ١٢٣ \u0651\u064b",
    "a\u0301e\u0308 x\u0301! \u0301 '\u0301s",
    "😀👍🏽\u200d🎉 a!\U0001d4b3\U0001d7d7",
    "ǅaDžǆΩω'\u017fS'll ",
    "\xa0\u3000\u2003\x85\u2028 \n\t\rxé",
    "ABcdЖжДд世\u0301'sS /\n",
    "½²Ⅳ٣৩1 2a",
    "é",
    "界",
    "\u0301",
    "\u3000",
    "\ud7ff\ue000\ufffd\uffff\u0800\u07ff\u0080\U00010000\U0010ffff ",
]
N_TEXTS = 20_000 if JIT else 40


def random_texts(seed: int, longest: int) -> list[str]:
    """Texts of one alphabet, or of several alphabets in turn."""
    random = np.random.default_rng(seed)
    alphabets = [np.array(list(alphabet)) for alphabet in [*ALPHABETS, "abc  de\n"]]
    texts = []
    for _ in range(N_TEXTS):
        parts = []
        for _ in range(random.integers(1, 2 + 240 // longest)):
            alphabet = alphabets[random.integers(len(alphabets))]
            parts.append("".join(random.choice(alphabet, random.integers(1, longest))))
        texts.append("".join(parts))
    return texts


@pytest.mark.slow
@pytest.mark.parametrize("pattern", SPLITS)
@pytest.mark.parametrize(("seed", "longest"), [(1, 8), (2, 60)])
def test_random_texts_in_many_scripts_are_split_like_regex(pattern: str, seed: int, longest: int) -> None:
    assert_scans_like_regex(random_texts(seed, longest), pattern)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", SPLITS)
def test_damage_is_found_where_python_finds_it(pattern: str) -> None:
    random = np.random.default_rng(3)
    damaged = []
    for text in random_texts(4, 40):
        content = bytearray(text.encode())
        for _ in range(random.integers(1, 4)):
            place = int(random.integers(len(content)))
            if random.integers(2):
                content[place] = random.integers(256)
            else:
                content[place : place + 1] = b""
            content = content or bytearray(b"\xff")
        damaged.append(bytes(content))
    assert_faults_like_python(damaged, pattern)


@pytest.mark.parametrize("pattern", SPLITS)
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_runs_longer_than_blocks_are_split_like_regex(pattern: str, alphabet: str) -> None:
    texts = [
        before + character * n + after
        for character in alphabet
        for n in ((20, 21, 22, 65) if JIT else (22,))
        for before, after in (("", "a"), ("a", " "), (" ", "'s"), ("\n ", "\n"), ("!", "A"), ("7", "é"))
    ]
    assert_scans_like_regex([text + "." * 64 for text in texts], pattern)

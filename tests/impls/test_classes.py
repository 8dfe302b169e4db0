"""The table of classes of characters: equal to `regex` everywhere, and never read where it is damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import regex

from impls.cache import code_folder
from impls.kernels import classes
from tests.impls.test_scan import EVERY_CHARACTER, class_numbers

EXPRESSIONS = {classes.SPACE: r"\s", classes.NUMBER: r"\p{N}", classes.LETTER: r"\p{L}"}
EXPRESSIONS_BY_CASE = {
    classes.SPACE: r"\s",
    classes.NUMBER: r"\p{N}",
    classes.UPPER: r"[\p{Lu}\p{Lt}]",
    classes.LOWER: r"\p{Ll}",
    classes.CASELESS: r"[\p{Lm}\p{Lo}]",
    classes.MARK: r"\p{M}",
}

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def right_table() -> classes.Classes:
    return classes.build_classes()


@pytest.mark.parametrize("by_case", [False, True])
def test_class_table_equals_regex_for_every_code_point(by_case: bool) -> None:
    numbers = class_numbers(classes.build_classes(by_case))
    text = "".join(EVERY_CHARACTER)
    expressions = EXPRESSIONS_BY_CASE if by_case else EXPRESSIONS
    for number, expression in expressions.items():
        expected = [ord(char) for char in regex.findall(expression, text)]
        assert np.flatnonzero(numbers == number).tolist() == expected
    assert set(numbers.tolist()) == {classes.OTHER, *expressions}
    assert not numbers[0xD800:0xE000].any()


def test_ascii_is_block_0(right_table: classes.Classes) -> None:
    pages, blocks = right_table
    assert pages[0] == 0
    assert (pages.dtype.name, len(pages), blocks.dtype.name) == ("uint16", 0x1100, "uint8")


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right_table: classes.Classes) -> Path:
    """The file of the class table in a cache folder of the test's own."""
    monkeypatch.setenv("MERGELAB_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(classes, "build_classes", lambda _: right_table)
        load_stored()
    (path,) = (tmp_path / "cache").rglob("*.bin")
    return path


def load_stored() -> classes.Classes:
    """Load as a new process does."""
    code_folder.cache_clear()
    return classes.load_classes.__wrapped__(False)


def assert_same(table: classes.Classes, right: classes.Classes) -> None:
    assert np.array_equal(table.pages, right.pages)
    assert np.array_equal(table.blocks, right.blocks)


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


CORRUPTIONS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: data[:0],
    "digest-only": lambda data: data[:32],
    "first-half": lambda data: data[: len(data) // 2],
    "last-byte-missing": lambda data: data[:-1],
    "a-byte-more": lambda data: data + bytes(1),
    "byte-of-the-digest-changed": lambda data: flip(data, 0),
    "byte-of-a-class-changed": lambda data: flip(data, len(data) - 1),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corrupt_class_table_is_built_again(stored: Path, right_table: classes.Classes, corruption: str) -> None:
    stored.write_bytes(CORRUPTIONS[corruption](stored.read_bytes()))
    assert_same(load_stored(), right_table)
    assert_same(classes.unpack(stored.read_bytes()), right_table)
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]


def test_a_stored_class_table_is_not_built_again(
    stored: Path, right_table: classes.Classes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert regex.__version__ in stored.name
    monkeypatch.setattr(classes, "build_classes", lambda _: pytest.fail("built again"))
    assert_same(load_stored(), right_table)


def test_without_a_cache_folder_the_class_table_is_still_right(
    tmp_path: Path, right_table: classes.Classes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    monkeypatch.setenv("MERGELAB_CACHE", str(tmp_path / "file"))
    assert_same(load_stored(), right_table)

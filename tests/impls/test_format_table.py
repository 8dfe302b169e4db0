"""The table of formats: each row does what it says, and what it writes it reads back."""

from __future__ import annotations

from pathlib import Path

import pytest

from impls.definition import Definition
from impls.formats import FORMATS, Format, recognise
from tests.support import ROOT

SMALL = Definition(
    {**{byte: bytes([byte]) for byte in range(256)}, 256: b"th", 257: b"the", 258: b"<s>"},
    [(b"t", b"h"), (b"th", b"e")],
    ["<s>"],
)


def both_ways() -> list[Format]:
    return [row for row in FORMATS if row.reads and row.writes]


def test_every_format_is_a_row() -> None:
    helpers = {
        *(
            "__init__",
            "added_tokens",
            "alphabet",
            "bpe_model",
            "files",
            "listing",
            "names",
            "pre_tokenizers",
            "proof",
        ),
        "ranks",
    }
    modules = {path.stem for path in (ROOT / "impls" / "formats").glob("*.py")} - helpers
    missing = modules - {row.module.rpartition(".")[2] for row in FORMATS}
    assert not missing, f"impls/formats/__init__.py has no row for {', '.join(sorted(missing))}"


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_a_format_has_the_functions_that_its_row_promises(row: Format) -> None:
    wanted = {"recognise", "read"} if row.reads else set()
    missing = (wanted | ({"write", "contents"} if row.writes else set())) - set(dir(row.load()))
    assert not missing, f"{row.module} lacks {', '.join(sorted(missing))}, which its row promises"


@pytest.mark.parametrize("row", both_ways(), ids=lambda row: row.name)
def test_what_a_format_writes_is_recognised_by_its_own_row_and_comes_back(row: Format, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer"
    row.load().write(path, SMALL)
    found = [other.name for other in FORMATS if other.reads and other.load().recognise(path)]
    assert found == [row.name], f"what {row.name} writes is recognised as {found}; each format must know its own"
    assert recognise(path) == row
    assert row.load().read(path) == SMALL

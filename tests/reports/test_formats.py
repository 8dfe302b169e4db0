"""How values are written: one rule per unit, whatever page they are on."""

from __future__ import annotations

import pytest

from reports.figures.tables import Table
from reports.figures.values import Bound, Cell, Code, Part, Shares, Spread, Value
from reports.pages.formats import write
from reports.pages.html import marked_up
from reports.pages.markdown import cell
from reports.pages.terminal import as_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(0.0, "s"), "0 s"),
        (Value(-0.00902, "s"), "-9.02 ms"),
        (Value(3.4e-8, "s"), "34 ns"),
        (Value(999.6e-6, "s"), "1 ms"),
        (Value(4321.0, "s"), "4,320 s"),
        (Value(98_765, "bytes"), "98.8 KB"),
        (Value(512, "bytes"), "512 B"),
        (Value(98_765, "bytes", decimals=0), "98,765"),
        (Value(0.967, "x"), "0.97x"),
        (Value(9.96, "x"), "10x"),
        (Value(1234.5, "x"), "1,234x"),
        (Value(3.1415, "x", digits=3), "3.14x"),
        (Value(1234.5, "x", digits=3), "1,234x"),
        (Value(1.0, "x", decimals=2), "1.00x"),
        (Value(0.0123, "share"), "1.2 %"),
        (Value(0.123, "share"), "12 %"),
        (Value(313.54, "h"), "313.5 h"),
        (Value(4096, "tokens"), "4,096"),
        (Value(0.4567), "0.457"),
        (Value(2.5, "bytes per token"), "2.50"),
        (Value(1600.4, "MB/s"), "1,600"),
        (Value(10_373.6, "tokens/s"), "10,374"),
        (Value(0.73, "power", 0.4, 1.07), "0.73 (0.40 to 1.07)"),
        (Value(0.5, "power"), "0.50"),
        (Value(0.2, "s", 0.19, 0.23), "200 ms ±10 %"),
        (Spread(0.94, 12.3, "x"), "0.94x .. 12x"),
        (Spread(1.0, 2.5, "x", decimals=2), "1.00x .. 2.50x"),
        (Part(0.25, 1.0, "s"), "250 ms (25 %)"),
        (Bound(Value(3, "x", digits=3)), ">= 3x"),
        (Bound(Value(0.5, "s"), at_least=False), "<= 500 ms"),
        (Code("a|b"), "`a|b`"),
        (Shares((("f", 0.5), ("g", 0.05))), "f 50 %, g 5.0 %"),
        (None, "-"),
        (("take it from ", Value(1e6, "bytes"), " on"), "take it from 1 MB on"),
    ],
)
def test_every_unit_has_one_way_to_be_written(value: Cell, text: str) -> None:
    assert write(value) == text


def test_a_cell_is_safe_in_both_pages() -> None:
    assert marked_up(("<b> & ", Code("a<b"))) == "&lt;b&gt; &amp; <code>a&lt;b</code>"
    assert cell("a|b\nc") == "a\\|b c"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("<= 3 and a < b", "<= 3 and a < b"),
        ("`<listcomp>` of <b>", "`<listcomp>` of &lt;b>"),
        ("```<b>`", "'&lt;b>`"),
        ("\\<img src=x>", "\\&lt;img src=x>"),
        ("![seen](http://x)", "![seen] (http://x)"),
        (Code("a`<b>"), "`a`&lt;b>`"),
    ],
)
def test_names_of_a_record_are_no_markup(content: str | Code, shown: str) -> None:
    assert cell(content) == shown


def test_a_table_is_readable_in_a_terminal() -> None:
    table = Table(["what", "time"], [["count", Value(0.25, "s")], ["train", None]])
    assert [line.split() for line in as_text(table).splitlines()] == [
        ["what", "time"],
        ["count", "250", "ms"],
        ["train", "-"],
    ]

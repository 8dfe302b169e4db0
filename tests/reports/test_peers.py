"""The work of a measurement beside other tokenizers is said in full."""

from __future__ import annotations

import pytest

from reports.figures import peers
from reports.figures.values import Value


@pytest.mark.parametrize(
    ("work", "other", "said"),
    [
        ("train, file to merges, whole process: gigatoken", "gigatoken",
         "train a 32,000 vocabulary, file to merges, whole process, against gigatoken"),
        ("the same: rustbpe", "rustbpe", "train a 32,000 vocabulary, file to merges, whole process, against rustbpe"),
        ("the same in a warm process: rustbpe", "rustbpe, warm",
         "train a 32,000 vocabulary, file to merges, warm process, against rustbpe"),
        ("the same: peak RSS", "gigatoken", "train a 32,000 vocabulary, file to merges, whole process: peak RSS"),
        ("train on 133 KB to 500, empty cache", "", "train on 133 KB to 500, empty cache"),
        ("count: log-log slope of time", "count 1", "count: log-log slope of time"),
    ],
)  # fmt: skip
def test_the_work_of_a_row_is_said_in_full(work: str, other: str, said: str) -> None:
    first = {"work": "train, file to merges, whole process: gigatoken", "sides": ["ours", "gigatoken"]}
    row = {"work": work, "sides": ["ours", other]}
    assert peers.work({"rows": [first, row]}, row, 32_000) == said


def test_what_is_called_it_is_named() -> None:
    row = {"work": "encode it to an array: 2 workers against 1", "sides": ["array 2", "array 1"]}
    first = {"work": "count 255 MB: 2 workers against 1", "sides": ["count 2", "count 1"]}
    assert peers.work({"rows": [first, row]}, row, 32_000) == "encode 255 MB to an array: 2 workers against 1"


def test_only_a_ratio_above_zero_has_a_bar() -> None:
    rows = [
        {"work": name, "unit": unit, "at_least": True, "sides": ["ours", ""], "values": values}
        for name, unit, values in (("a", "x", [2.0, 3.0, 4.0]), ("b", "x", [0.0, 1.0]), ("c", "s", [1.0]))
    ]
    (bar,) = peers.bars([{"id": "P.1", "rows": rows}], 32_000).bars
    assert (bar.name, bar.value) == ("a", Value(3.0, "x", 2.0, 4.0, digits=3))

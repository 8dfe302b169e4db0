"""Every drawing is read by means of its own axes: the values must be those of the records."""

from __future__ import annotations

import itertools
import math
import re
import statistics
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import NamedTuple

import pytest

from tests.support.awkward_records import PARTS, STAGES, make_report, records
from tests.support.report_arithmetic import (
    CHAINS,
    GROWTH,
    chain_times,
    digests,
    figures,
    grouped,
    ladders,
    memory_size,
    over,
    peer_number,
    stage_parts,
    study,
    time,
    times,
    what,
)

# Drawings.

Points = list[tuple[float, float]]


class Lines(NamedTuple):
    """Points by name; whether the axes are logarithmic."""

    caption: str
    rows: dict[str, Points]
    log_x: bool = True
    log_y: bool = True


class Bars(NamedTuple):
    """Name, value, and the text after the bar; lengths are logarithmic and begin at one."""

    caption: str
    rows: list[tuple[str, float, str]]


class Stacked(NamedTuple):
    """Name, parts, and the text after the bar."""

    caption: str
    rows: list[tuple[str, list[float], str]]
    names: Sequence[str]


Drawing = Lines | Bars | Stacked


def ladder_bars(stage: str, workload: str) -> Bars:
    rows = ladders()[stage, workload]
    gains = [(row["impl"], over(rows[0]["time"], row["time"])[0]) for row in rows]
    return Bars(workload, [(name, gain, times(gain)) for name, gain in gains])


def peer_bars() -> Bars:
    rows = [(one["id"], row) for one in records().peers["measurements"] for row in one["rows"]]
    return Bars("", [
        (f"{name} {row['work'].split(': ')[-1]}", statistics.median(row["values"]),
         peer_number(statistics.median(row["values"]), "x"))
        for name, row in rows if row["unit"] == "x"
    ])  # fmt: skip


def study_lines(name: str) -> Iterator[Lines]:
    about = records().studies["studies"][name]
    by_stage = grouped(({**row, "of": row["series"].split("/")[0]} for row in study(name)), "of")
    for stage, rows in by_stage.items():
        prefix = f"{stage}/" if len(by_stage) > 1 else ""
        drawn = {
            series.removeprefix(prefix): [(row["x"], row["time"].median) for row in some]
            for series, some in grouped(rows, "series").items()
        }
        yield Lines(f"{about['question']} {about['x']}", drawn, log_y=about["unit"] != "bytes")


def stage_bars() -> Iterator[Stacked]:
    for n_bytes, rows in grouped(study("stages"), "bytes").items():
        parts = {series.split(",")[0]: stage_parts(some) for series, some in grouped(rows, "series").items()}
        drawn = [(name, [some[part] for part in PARTS], time(sum(some.values()))) for name, some in parts.items()]
        yield Stacked(f"{memory_size(n_bytes)} of stories, vocabulary of 512", drawn, PARTS)


def neighbours(samples: Sequence[float]) -> Points:
    """Medians of runs of merges at the middle of each run; a run is a quarter as long as all merges before it."""
    edges = [0]
    while edges[-1] < len(samples):
        edges.append(min(len(samples), max(edges[-1] + 1, 5 * (edges[-1] + 1) // 4)))
    return [
        (statistics.mean(range(start + 1, stop + 1)), statistics.median(samples[start:stop]))
        for start, stop in itertools.pairwise(edges)
    ]


def merge_lines() -> Iterator[Lines]:
    for n_bytes, rows in grouped(study("merges"), "bytes").items():
        yield Lines(memory_size(n_bytes), {row["impl"]: neighbours(row["samples"]) for row in rows})


def resident_lines() -> Lines:
    rows = {what(row): [(n, float(own + below)) for n, own, below in row["memory"]] for row in digests("rss")}
    return Lines("", rows, log_x=False, log_y=False)


def chain_bars(names: Sequence[str]) -> Stacked:
    return Stacked("", [(memory_size(x), parts, time(sum(parts))) for x, parts in chain_times(names).items()], STAGES)


def drawings() -> dict[str, list[Drawing]]:
    """Title -> drawings of the section."""
    with_lines = ("size", "vocabulary", "duplication", "pretoken_length", "calls")
    return {
        **{f"{stage}, {workload}": [ladder_bars(stage, workload)] for stage, workload in ladders()},
        "Against other tokenizers": [peer_bars()],
        **{title: list(study_lines(name)) for title, name in GROWTH.items() if name in with_lines},
        "Stages": [*stage_bars(), *merge_lines()],
        "Memory": [resident_lines(), *study_lines("memory"), *study_lines("trainer_memory")],
        "Does the small set show the bottleneck of the large one?": [chain_bars(names) for names in CHAINS.values()],
    }


SCALES = {"": 1, "s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}


def number_of(label: str) -> float | None:
    found = re.fullmatch(r"(-?[\d,.]+) ?(\w*)", label)
    return float(found[1].replace(",", "")) * SCALES[found[2]] if found else None


class Label(NamedTuple):
    """A text of a drawing."""

    x: float
    y: float
    anchor: str
    text: str


def labels(svg: ElementTree.Element) -> list[Label]:
    return [
        Label(float(one.attrib["x"]), float(one.attrib["y"]), one.attrib["text-anchor"], one.text or "")
        for one in svg.iter("text")
        if "transform" not in one.attrib  # The name of the vertical axis.
    ]


def axis(ticks: Sequence[tuple[float, float]], log: bool) -> Callable[[float], float]:
    """Return how a place is read, from all (place, number) of an axis, which must agree."""
    assert len(ticks) > 1, "an axis with a single number cannot be read"
    known = [math.log(number) if log else number for _, number in ticks]
    (first, *_, last), (low, *_, high) = [place for place, _ in ticks], known

    def read(place: float) -> float:
        value = low + (place - first) / (last - first) * (high - low)
        return math.exp(value) if log else value

    for place, number in ticks:
        assert read(place) == pytest.approx(number, rel=0.02, abs=0.01 * abs(high) if not log else 0)
    return read


def check_lines(svg: ElementTree.Element, drawn: Lines) -> None:
    found = labels(svg)
    numbers = [(label, number_of(label.text)) for label in found]
    read_x = axis([(one.x, n) for one, n in numbers if one.anchor == "middle" and n is not None], drawn.log_x)
    # Letters stand four pixels lower than their line.
    read_y = axis([(one.y - 4, n) for one, n in numbers if one.anchor == "end" and n is not None], drawn.log_y)
    names = [label.text for label in found if label.anchor == "start"]
    paths = [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in svg.iter("polyline")
    ]
    assert names == list(drawn.rows)
    assert [one.attrib["class"] for one in svg.iter("polyline")] == [one.attrib["class"] for one in svg.iter("rect")]
    for path, points in zip(paths, drawn.rows.values(), strict=True):
        largest = max(y for _, y in points)
        for (place_x, place_y), (x, y) in zip(path, points, strict=True):
            assert read_x(place_x) == pytest.approx(x, rel=0.02, abs=0 if drawn.log_x else 0.01)
            assert read_y(place_y) == pytest.approx(y, rel=0.02, abs=0 if drawn.log_y else 0.01 * largest)


def check_bars(svg: ElementTree.Element, drawn: Bars) -> None:
    texts = [label.text for label in labels(svg)]
    assert texts == [text for name, _, after in drawn.rows for text in (name, after)]
    check_beside(svg, len(drawn.rows), 1)
    lengths = [math.log(1.3 * max(value, 1)) for _, value, _ in drawn.rows]
    widths = [float(one.attrib["width"]) for one in svg.iter("rect")]
    assert [width / max(widths) for width in widths] == pytest.approx([n / max(lengths) for n in lengths], abs=0.01)


def check_inside(svg: ElementTree.Element) -> None:
    """Everything is inside the drawing; letters are taken to be as wide as the widest digit of the page's font."""
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    for label in labels(svg):
        room = {"start": width - label.x, "middle": 2 * min(label.x, width - label.x), "end": label.x}[label.anchor]
        assert 0 <= label.y <= height
        assert 6.7 * len(label.text) <= room, label.text
    for bar in svg.iter("rect"):
        x, y, wide, high = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + high <= height


def check_beside(svg: ElementTree.Element, n_rows: int, n_bars: int) -> None:
    """The texts before and after a row of bars stand at their height."""
    texts, bars = labels(svg), list(svg.iter("rect"))
    for row in range(n_rows):
        top = float(bars[row * n_bars].attrib["y"])
        assert top < texts[2 * row].y == texts[2 * row + 1].y < top + 17


def check_stacked(svg: ElementTree.Element, drawn: Stacked) -> None:
    texts = [label.text for label in labels(svg)]
    assert texts == [*(text for name, _, after in drawn.rows for text in (name, after)), *drawn.names]
    check_beside(svg, len(drawn.rows), len(drawn.names))
    widths = [float(one.attrib["width"]) for one in svg.iter("rect")]
    for place, (_, parts, _) in enumerate(drawn.rows):
        here = widths[place * len(parts) : (place + 1) * len(parts)]
        assert [n / sum(here) for n in here] == pytest.approx([n / sum(parts) for n in parts], abs=0.005)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_report(tmp_path_factory.mktemp("report"))


def test_every_drawing_shows_what_is_computed_again(report: tuple[str, str]) -> None:
    seen = 0
    for title, body in re.findall(r"<section>\n<h2[^>]*>(.*?)</h2>(.*?)</section>", report[0], re.DOTALL):
        figure = re.findall(r"<figure>\n(<svg.*?</svg>)\n<figcaption>(.*?)</figcaption>", body, re.DOTALL)
        for (source, caption), drawn in zip(figure, drawings().get(unescape(title), []), strict=True):
            svg = ElementTree.fromstring(source)
            check_inside(svg)
            assert figures(unescape(caption)) == figures(drawn.caption)
            assert set(figures(svg.attrib["aria-label"])) <= set(figures(drawn.caption))
            if isinstance(drawn, Lines):
                check_lines(svg, drawn)
            elif isinstance(drawn, Bars):
                check_bars(svg, drawn)
            else:
                check_stacked(svg, drawn)
            seen += 1
    assert seen == report[0].count("<svg") == sum(map(len, drawings().values()))

"""Reads drawings by means of their own axes, and compares them with what they must show."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from tests.support.report_arithmetic import share

Points = list[tuple[float, float]]


class Lines(NamedTuple):
    """Points by name; whether the axes are logarithmic."""

    caption: str
    rows: dict[str, Points]
    log_x: bool = True
    log_y: bool = True


class Ratio(NamedTuple):
    """A bar: its name, its value with the ends of its spread, and the text after it."""

    name: str
    value: float
    low: float
    high: float
    text: str
    step: str = ""


class Bars(NamedTuple):
    """Bars begin at one, on a logarithmic axis."""

    caption: str
    rows: list[Ratio]


class Dots(NamedTuple):
    """Name, median and samples of each row."""

    caption: str
    rows: list[tuple[str, float, list[float]]]


class Boxes(NamedTuple):
    """Name, depth, and from where to where a call runs, as shares of the whole."""

    caption: str
    rows: list[tuple[str, int, float, float]]


class Stacked(NamedTuple):
    """Name, parts, and the text after the bar."""

    caption: str
    rows: list[tuple[str, list[float], str]]
    names: Sequence[str]


Drawing = Lines | Bars | Stacked | Dots | Boxes


SCALES = {"": 1, "x": 1, "s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}


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


def ticks(svg: ElementTree.Element) -> Callable[[float], float]:
    """Return how a place is read from the numbers below a drawing."""
    found = sorted((float(one.attrib["x"]), one.text or "") for one in svg.iter("text") if one.get("class") == "tick")
    return axis([(place, number) for place, text in found if (number := number_of(text)) is not None], log=True)


def of_class(group: ElementTree.Element, kind: str) -> str:
    return "".join(one.text or "" for one in group.iter("text") if one.get("class") == kind)


def check_bars(svg: ElementTree.Element, drawn: Bars) -> None:
    read, groups = ticks(svg), list(svg.iter("g"))
    for group, row in zip(groups, drawn.rows, strict=True):
        box, spread = group.find("rect"), group.find("path")
        assert box is not None
        assert spread is not None
        start, width = float(box.attrib["x"]), float(box.attrib["width"])
        ends = sorted((1.0, row.value))
        assert read(start) == pytest.approx(ends[0], rel=0.02)
        assert read(start + width) == pytest.approx(ends[1], rel=0.03)
        low, high = re.findall(r"M([\d.]+) [\d.]+v6", spread.attrib["d"])
        assert [read(float(low)), read(float(high))] == pytest.approx([row.low, row.high], rel=0.02)
        assert ("loss" in group.attrib["class"].split()) == (row.value < 1)
        assert of_class(group, "value") == row.text
        assert of_class(group, "step") == row.step
        assert of_class(group, "name") == row.name


def check_dots(svg: ElementTree.Element, drawn: Dots) -> None:
    read = ticks(svg)
    for group, (name, median, samples) in zip(svg.iter("g"), drawn.rows, strict=True):
        assert of_class(group, "name") == name
        assert [read(float(dot.attrib["cx"])) for dot in group.iter("circle")] == pytest.approx(samples, rel=0.02)
        (line,) = (one for one in group.iter("line") if one.get("class") == "median")
        assert read(float(line.attrib["x1"])) == pytest.approx(median, rel=0.02)


def check_boxes(svg: ElementTree.Element, drawn: Boxes) -> None:
    wide = float(svg.attrib["viewBox"].split()[2])
    for group, (name, depth, start, end) in zip(svg.iter("g"), drawn.rows, strict=True):
        box = group.find("rect")
        assert box is not None
        assert (group.findtext("title") or "").startswith(f"{name}: {share(end - start)} of ")
        assert float(box.attrib["x"]) / wide == pytest.approx(start, abs=0.001)
        assert float(box.attrib["width"]) / wide == pytest.approx(end - start, abs=0.004)
        assert float(box.attrib["y"]) // float(box.attrib["height"]) == depth


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


CHECKS: dict[type, Callable[[ElementTree.Element, Any], None]] = {
    Lines: check_lines,
    Bars: check_bars,
    Stacked: check_stacked,
    Dots: check_dots,
    Boxes: check_boxes,
}


def check(svg: ElementTree.Element, drawn: Drawing) -> None:
    """Compare a drawing with what it must show."""
    check_inside(svg)
    CHECKS[type(drawn)](svg, drawn)

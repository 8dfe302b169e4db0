"""Every drawing is read by means of its own axes: the values must be those of the records."""

from __future__ import annotations

import itertools
import math
import re
import statistics
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import Any, NamedTuple

import pytest

from impls.registry import implementations
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
    own_shares,
    peer_number,
    share,
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


def ladder_bars(stage: str, workload: str) -> Bars:
    rows = ladders()[stage, workload]
    drawn = []
    for before, row in zip([None, *rows], rows, strict=False):
        step = f"step {times(over(before['time'], row['time'])[0])}" if before else ""
        gain, low, high = over(rows[0]["time"], row["time"])
        drawn.append(Ratio(row["impl"], gain, low, high, times(gain), step))
    return Bars(workload, drawn)


def round_dots(stage: str, workload: str) -> Dots:
    rows = ladders()[stage, workload]
    return Dots(workload, [(row["impl"], row["time"].median, row["rounds_taken"]) for row in rows])


def peer_bars() -> Bars:
    return Bars("1x", [
        Ratio("", statistics.median(row["values"]), min(row["values"]), max(row["values"]),
              peer_number(statistics.median(row["values"]), "x"))
        for one in records().peers["measurements"] for row in one["rows"] if row["unit"] == "x"
    ])  # fmt: skip


def profile_shares(stage: str) -> Iterator[Drawing]:
    """Of each implementation: its stacks, where there are some, and the functions of its newest profile."""
    for impl in dict.fromkeys(row["impl"] for key, rows in ladders().items() if key[0] == stage for row in rows):
        if (stage, impl) == ("encode", "cached"):  # Two of ten parts are below "encode" for itself.
            boxes = [("encode", 0, 0, 0.95), ("merge", 1, 0, 0.6), ("split", 1, 0.6, 0.75), ("end", 0, 0.95, 1)]
            yield Boxes("stories-100KB", boxes)
        for digest in [row for row in digests("cprofile") if (row["stage"], row["impl"]) == (stage, impl)][-1:]:
            parts = dict(own_shares(digest, 5))
            parts["all others"] = 1 - sum(parts.values())
            whole = digest["own_total"]
            rows = [("own time", [whole * share for share in parts.values()], time(whole))]
            yield Stacked(digest["workload"], rows, list(parts))


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
        "Summary": [ladder_bars(stage, "stories-100KB") for stage in STAGES],
        **{place: [ladder_bars(*key), round_dots(*key)] for key in ladders() for place in [", ".join(key)]},
        **{f"Steps of {stage}": list(profile_shares(stage)) for stage in STAGES},
        "Against other tokenizers": [peer_bars()],
        **{title: list(study_lines(name)) for title, name in GROWTH.items() if name in with_lines},
        "Stages": [*stage_bars(), *merge_lines()],
        "Memory": [resident_lines(), *study_lines("memory"), *study_lines("trainer_memory")],
        "Does the small set show the bottleneck of the large one?": [chain_bars(names) for names in CHAINS.values()],
    }


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


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_report(tmp_path_factory.mktemp("report"))


CHECKS: dict[type, Callable[[ElementTree.Element, Any], None]] = {
    Lines: check_lines,
    Bars: check_bars,
    Stacked: check_stacked,
    Dots: check_dots,
    Boxes: check_boxes,
}


def test_every_drawing_shows_what_is_computed_again(report: tuple[str, str]) -> None:
    seen = 0
    for title, body in re.findall(r"<section[^>]*>\n<h[23][^>]*>(.*?)</h[23]>(.*?)</section>", report[0], re.DOTALL):
        figure = re.findall(r"<figure[^>]*>\n(<svg.*?</svg>)\n<figcaption>(.*?)</figcaption>", body, re.DOTALL)
        for (source, caption), drawn in zip(figure, drawings().get(unescape(title), []), strict=True):
            svg = ElementTree.fromstring(source)
            check_inside(svg)
            assert figures(unescape(caption)) == figures(drawn.caption)
            assert set(figures(svg.attrib["aria-label"])) <= set(figures(drawn.caption))
            CHECKS[type(drawn)](svg, drawn)
            seen += 1
    assert seen == report[0].split("<script")[0].count("<svg") == sum(map(len, drawings().values()))


def test_an_implementation_has_one_colour_everywhere(report: tuple[str, str]) -> None:
    found: dict[str, set[str]] = {}
    for source in re.findall("<svg.*?</svg>", report[0], re.DOTALL):
        svg = ElementTree.fromstring(source)
        for group in (one for one in svg.iter("g") if "data-name" in one.attrib):
            kinds = {one.attrib["class"] for one in group if one.tag in ("rect", "circle")}
            found.setdefault(group.attrib["data-name"], set()).update(kinds)
        boxes, names = list(svg.iter("rect")), [one.text or "" for one in svg.iter("text")]
        for box, name in zip(boxes, names[-len(boxes) :], strict=True) if svg.find("polyline") is not None else []:
            found.setdefault(name.split("/")[-1], set()).add(box.attrib["class"])
    known = {row.name for stage in STAGES for row in implementations(stage)}
    assert known <= set(found)
    assert all(len(found[name]) == 1 for name in known), found
    assert len({kind for name in known for kind in found[name]}) == len(known)

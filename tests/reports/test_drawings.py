"""Every drawing is read by means of its own axes: the values must be those of the records."""

from __future__ import annotations

import itertools
import re
import statistics
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from html import unescape

import pytest

from impls.registry import implementations
from reports.pages.drawing.canvas import IMPLEMENTATIONS
from tests.reports.drawn import Bars, Boxes, Dots, Drawing, Lines, Points, Ratio, Stacked, check
from tests.support.awkward_records import PARTS, STAGES, make_report, records
from tests.support.report_arithmetic import (
    CHAINS,
    GROWTH,
    OTHERS,
    chain_times,
    digests,
    figures,
    grouped,
    ladders,
    memory_size,
    over,
    own_shares,
    peer_number,
    stage_parts,
    study,
    time,
    times,
    what,
)


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
        **{title: list(study_lines(name)) for title, name in OTHERS.items()},
        "Stages": [*stage_bars(), *merge_lines()],
        "Memory": [resident_lines(), *study_lines("memory"), *study_lines("trainer_memory")],
        "Does the small set show the bottleneck of the large one?": [chain_bars(names) for names in CHAINS.values()],
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_report(tmp_path_factory.mktemp("report"))


def test_every_drawing_shows_what_is_computed_again(report: tuple[str, str]) -> None:
    seen = 0
    for title, body in re.findall(r"<section[^>]*>\n<h[23][^>]*>(.*?)</h[23]>(.*?)</section>", report[0], re.DOTALL):
        figure = re.findall(r"<figure[^>]*>\n(<svg.*?</svg>)\n<figcaption>(.*?)</figcaption>", body, re.DOTALL)
        for (source, caption), drawn in zip(figure, drawings().get(unescape(title), []), strict=True):
            svg = ElementTree.fromstring(source)
            assert figures(unescape(caption)) == figures(drawn.caption)
            assert set(figures(svg.attrib["aria-label"])) <= set(figures(drawn.caption))
            check(svg, drawn)
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
    assert len({kind for name in known for kind in found[name]}) == min(len(known), IMPLEMENTATIONS)

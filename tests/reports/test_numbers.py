"""Every number that the report shows is computed again here from the records, and none is shown that is not.

For each section the text that must stand there is written anew; then the numbers of the section, with their units and
in their order, must equal the numbers of that text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import unescape

import numpy as np
import pytest

from reports.figures.fit import growth as growth_of
from tests.reports import wanted_benchmarks, wanted_profiles, wanted_studies
from tests.support.awkward_records import CORPORA, NAME, STAGES, make_report, records
from tests.support.report_arithmetic import GROWTH, figures, student

Text = Iterator[str]


def expected() -> dict[str, Text]:
    """Title -> text with the numbers that the section must show."""
    return {
        "Summary": wanted_benchmarks.summary(),
        **{
            f"{stage}, {workload}": wanted_benchmarks.ladder(stage, workload)
            for workload in CORPORA
            for stage in STAGES
        },
        "The ladder, step by step": wanted_benchmarks.story(),
        "Against other tokenizers": wanted_benchmarks.peers(),
        "The training step": wanted_benchmarks.step(),
        **{title: wanted_studies.growth(name) for title, name in GROWTH.items()},
        "Stages": wanted_studies.stages(),
        "Bottlenecks": wanted_profiles.bottlenecks(),
        "Counts that do not drift": wanted_profiles.counts(),
        "Memory": wanted_profiles.memory(),
        "Does the small set show the bottleneck of the large one?": wanted_studies.downscaling(),
        "A vocabulary of 10,000": wanted_studies.ten_thousand(),
        "Which implementation to take": wanted_studies.picks(),
        "Known faults of tokenizer programs": wanted_studies.faults(),
        "What kills and full disks did": wanted_benchmarks.kills(),
        "Workloads": wanted_benchmarks.workloads(),
        "Machine": wanted_benchmarks.machine(),
        "How to read and reproduce it": wanted_benchmarks.method(),
    }


def parts_of(markdown: str) -> dict[str, str]:
    """Return the text below each title; the text before the first title is below the empty title."""
    first, *rest = re.split(r"^## ", markdown, flags=re.MULTILINE)
    return {"": first} | {title: body for title, _, body in (part.partition("\n") for part in rest)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_report(tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("title", [pytest.param(title, id=title.split("?")[0]) for title in expected()])
def test_every_number_of_a_section_is_computed_again(report: tuple[str, str], title: str) -> None:
    shown, wanted = figures(parts_of(report[1])[title]), figures("\n".join(expected()[title]))
    assert len(wanted) > 1
    assert shown == wanted


def test_no_section_is_left_over(report: tuple[str, str]) -> None:
    first, *titles = parts_of(report[1])
    assert titles == list(expected())
    assert figures(parts_of(report[1])[first]) == [NAME] * len(records())


def without_markup(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_page_shows_the_numbers_of_the_markdown(report: tuple[str, str]) -> None:
    bodies = re.findall(r"<section>(.*?)</section>", report[0], re.DOTALL)
    without_drawings = [re.sub(r"<figure>.*?</figure>", "", body, flags=re.DOTALL) for body in bodies]
    words = parts_of(report[1].replace("\\|", "|"))
    for body, (title, text) in zip(without_drawings, list(words.items())[1:], strict=True):
        assert figures(without_markup(body)) == figures(f"{title} {text}")


@pytest.mark.parametrize("n", range(3, 35))
def test_the_interval_of_a_slope_is_that_of_student(n: int) -> None:
    random = np.random.default_rng(n)
    points = [(10 ** (place / n), 10 ** (1.1 * place / n) * random.uniform(0.8, 1.2)) for place in range(n)]
    (value, _), covariance = np.polyfit(*np.log(points).T, 1, cov=True)
    # Beyond 30 degrees of freedom the quantile for 30 is taken: the interval is a little too wide.
    half = student(min(n - 2, 30)) * math.sqrt(covariance[0, 0])
    assert growth_of(points) == pytest.approx((value, value - half, value + half, n), rel=1e-3)

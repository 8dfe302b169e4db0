"""Every number that the report shows is computed again here from the records, and none is shown that is not.

For each section the text that must stand there is written anew; then the numbers of the section, with their units and
in their order, must equal the numbers of that text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import pytest

from reports.figures.fit import growth as growth_of
from tests.reports import wanted_benchmarks, wanted_profiles, wanted_studies
from tests.reports.page import as_markdown
from tests.support.awkward_records import CORPORA, NAME, STAGES, make_report, records
from tests.support.report_arithmetic import GROWTH, OTHERS, figures, student

Text = Iterator[str]


WITHOUT_NUMBERS = "Over all records"
"""The history of a single record."""


def expected() -> dict[str, Text]:
    """Title -> text with the numbers that the section must show."""
    return {
        "Summary": wanted_benchmarks.summary(),
        "Verdicts": wanted_benchmarks.verdicts(),
        "All cases": wanted_benchmarks.all_cases(),
        **{
            f"{stage}, {workload}": wanted_benchmarks.ladder(stage, workload)
            for stage in STAGES
            for workload in CORPORA
        },
        **{f"Steps of {stage}": wanted_benchmarks.story(stage) for stage in STAGES},
        "What training saves": wanted_benchmarks.savings(),
        "Stages": wanted_studies.stages(),
        "Bottlenecks": wanted_profiles.bottlenecks(),
        "Counts that do not drift": wanted_profiles.counts(),
        **growing("Growth with the corpus"),
        "Does the small set show the bottleneck of the large one?": wanted_studies.downscaling(),
        **growing("Growth with the vocabulary"),
        "A vocabulary of 10,000": wanted_studies.ten_thousand(),
        **growing("What repetition brings", "What workers bring", "Long pretokens", "Scripts", "Compression"),
        **growing("Small calls", "Start"),
        "Which implementation to take": wanted_studies.picks(),
        "Memory": wanted_profiles.memory(),
        "Against other tokenizers": wanted_benchmarks.peers(),
        "The training step": wanted_benchmarks.step(),
        "Known faults of tokenizer programs": wanted_studies.faults(),
        "What kills and full disks did": wanted_benchmarks.kills(),
        **growing(*OTHERS),
        WITHOUT_NUMBERS: iter(()),
        "Workloads": wanted_benchmarks.workloads(),
        "Machine": wanted_benchmarks.machine(),
        "How to read and reproduce it": wanted_benchmarks.method(),
    }


def growing(*titles: str) -> dict[str, Text]:
    return {title: wanted_studies.growth((GROWTH | OTHERS)[title]) for title in titles}


def parts_of(markdown: str) -> dict[str, str]:
    """Return the text below each title; the text before the first title is below the empty title."""
    first, *rest = re.split(r"^## ", markdown, flags=re.MULTILINE)
    return {"": first} | {title: body for title, _, body in (part.partition("\n") for part in rest)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_report(tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("title", [pytest.param(title, id=title.split("?")[0]) for title in expected()])
def test_every_number_of_a_section_is_computed_again(report: tuple[str, str], title: str) -> None:
    shown, wanted = figures(parts_of(as_markdown(report[0]))[title]), figures("\n".join(expected()[title]))
    assert len(wanted) > 1 or title == WITHOUT_NUMBERS
    assert shown == wanted


def test_no_section_is_left_over(report: tuple[str, str]) -> None:
    first, *titles = parts_of(as_markdown(report[0]))
    unknown = set(titles) - set(expected())
    assert not unknown, f"expected() of this file has no row for {unknown}; compute the numbers of the section again"
    assert titles == list(expected())
    assert figures(parts_of(as_markdown(report[0]))[first]) == []
    assert figures(report[0].splitlines()[1]) == [NAME] * len(records())


def test_markdown_shows_sections_of_the_page_with_their_numbers_in_order(report: tuple[str, str]) -> None:
    page, seen = parts_of(as_markdown(report[0])), 0
    for title, text in parts_of(re.sub("^### ", "## ", report[1], flags=re.MULTILINE)).items():
        if title in page and title not in ("", "Summary"):
            rest = iter(figures(page[title]))
            # The first number that the page lacks ends the search: each must come after the one before it.
            text = text.partition("\n## ")[0]
            assert [number for number in figures(text) if number not in rest] == [], title
            seen += 1
    assert seen >= 14


def test_markdown_has_the_first_screen(report: tuple[str, str]) -> None:
    summary = report[1].split("\n## ")[1]
    assert figures(summary) == figures("\n".join(wanted_benchmarks.summary()))


@pytest.mark.parametrize("n", range(3, 35))
def test_the_interval_of_a_slope_is_that_of_student(n: int) -> None:
    random = np.random.default_rng(n)
    points = [(10 ** (place / n), 10 ** (1.1 * place / n) * random.uniform(0.8, 1.2)) for place in range(n)]
    (value, _), covariance = np.polyfit(*np.log(points).T, 1, cov=True)
    # Beyond 30 degrees of freedom the quantile for 30 is taken: the interval is a little too wide.
    half = student(min(n - 2, 30)) * math.sqrt(covariance[0, 0])
    assert growth_of(points) == pytest.approx((value, value - half, value + half, n), rel=1e-3)

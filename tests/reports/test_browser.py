"""The page in a real browser: first screen, light, dark, narrow, without script; sorted, filtered, rebased."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bench.record import REFERENCE
from reports.__main__ import main
from reports.pages.formats import ratio
from reports.records import ladder, ladders, load_record
from tests.reports.browser import chromium, looked_at, needs_chromium
from tests.support import ROOT
from tests.support.records import benchmarks_record, write, write_all

pytestmark = needs_chromium


def committed() -> Path:
    """Return the record that README quotes."""
    quoted = re.search(r"Figures of (\S+\.json)", (ROOT / "README.md").read_text())
    assert quoted
    (path,) = REFERENCE.rglob(quoted[1])
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page of the committed records."""
    folder = tmp_path_factory.mktemp("page")
    assert main([str(committed()), "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def page(made: Path, tmp_path: Path) -> Path:
    """Return a folder of its own with that page."""
    shutil.copy(made / "index.html", tmp_path)
    return tmp_path


def test_chromium_draws_it_without_a_complaint(page: Path) -> None:
    done = chromium(page, f"--screenshot={page / 'page.png'}", f"file://{page / 'index.html'}")
    assert (page / "page.png").stat().st_size > 20_000
    assert "CONSOLE" not in done.stderr


FIRST_SCREEN = """
const boxes = (selector) => all(selector).map((one) => one.getBoundingClientRect());
return {
  ladders: boxes(".front svg.ladder").map((one) => [one.left, one.top, one.right, one.bottom]),
  matrix: boxes(".front table").map((one) => [one.left, one.bottom]),
  advice: boxes(".front ul:first-of-type").map((one) => one.bottom),
  lead: boxes(".front p:first-of-type").map((one) => one.top),
  wide: page.documentElement.scrollWidth,
};
"""


@pytest.mark.parametrize("scripted", [True, False])
def test_the_first_screen_holds_ladders_matrix_and_advice(page: Path, scripted: bool) -> None:
    found = looked_at(page, FIRST_SCREEN, scripted=scripted)
    assert found["wide"] <= 1400
    assert len(found["ladders"]) == 3
    (one, two, three) = found["ladders"]
    assert one[1] == two[1] == three[1]  # Side by side.
    assert 0 <= one[0] < one[2] < two[0] < two[2] < three[0] < three[2] <= 1400
    assert found["lead"][0] < one[1] < max(ends[3] for ends in found["ladders"]) < found["matrix"][0][1]
    assert found["matrix"][0][1] < found["advice"][0] <= 900


NARROW = """
all("details").forEach((one) => (one.open = true));
await new Promise((next) => setTimeout(next, 200));
const outside = (one) => one.getBoundingClientRect().left < 0 || one.getBoundingClientRect().right > view.innerWidth;
return {
  wide: page.documentElement.scrollWidth,
  drawings: all("svg").length,
  outside: all("svg, figcaption, p, h1, h2, h3, .wide, pre").filter(outside).map((one) => one.outerHTML.slice(0, 99)),
  scrolling: all(".wide").filter((one) => one.scrollWidth > one.clientWidth).length,
  letters: Math.min(...all("svg").map((one) => (12 * one.getBoundingClientRect().width) / one.viewBox.baseVal.width)),
};
"""


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize("stale", [True, False])
def test_on_420_pixels_all_drawings_stand_in_view(page: Path, scripted: bool, stale: bool) -> None:
    if stale:  # So that the long name of the record is shown: its code has changed.
        content = benchmarks_record()
        for case in content["benchmarks"]:
            case["extra_info"]["code_sha256"] = "0" * 64
        assert main([str(write(write_all(page / "machine"), content)), "--out", str(page)]) == 0
    found = looked_at(page, NARROW, width=420, scripted=scripted)
    assert found["wide"] <= 420
    assert found["outside"] == []
    assert found["drawings"] > 20
    assert found["scrolling"] > 0  # Tables scroll in their place.
    assert found["letters"] >= 9


WITHOUT_SCRIPT = """
const closed = all("details.chapter").filter((one) => one.open).length;
all("details").forEach((one) => (one.open = true));
const shown = (one) => one.getBoundingClientRect().height > 0;
return {
  closed,
  controls: all("select, input, button").length,
  chapters: all("details.chapter").length,
  rows: all("#all-cases tbody tr").filter(shown).length,
  hidden: all("section, table, svg").filter((one) => !shown(one)).length,
  titles: all("svg.ladder g.bar > title").length - all("svg.ladder g.bar").length,
  code: all("pre.code").filter(shown).length,
};
"""


def test_without_script_all_is_readable(page: Path) -> None:
    found = looked_at(page, WITHOUT_SCRIPT, scripted=False)
    cases = len(load_record(committed()).cases)
    assert found.pop("chapters") >= 12
    assert found.pop("code") >= 13
    assert found == {"closed": 0, "controls": 0, "rows": cases, "hidden": 0, "titles": 0}


SCHEME = """
const brightness = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0) / 3;
const style = (selector) => view.getComputedStyle(page.querySelector(selector));
all("details").forEach((one) => (one.open = true));
return {
  dark: view.matchMedia("(prefers-color-scheme: dark)").matches,
  paper: brightness(style("body").backgroundColor),
  ink: brightness(style("body").color),
  letters: brightness(style("svg text.name").fill),
  code: [brightness(style("pre.code").backgroundColor), brightness(style("pre.code .k").color)],
};
"""


@pytest.mark.parametrize("dark", [True, False])
def test_light_and_dark_have_letters_that_stand_out(page: Path, dark: bool) -> None:
    found = looked_at(page, SCHEME, f"--blink-settings=preferredColorScheme={int(not dark)}")
    assert found["dark"] is dark
    bright, dim = (found["ink"], found["paper"]) if dark else (found["paper"], found["ink"])
    assert bright > 200 > 60 > dim
    assert found["letters"] == found["ink"]
    assert abs(found["code"][0] - found["code"][1]) > 80


REBASED = """
const figure = all(".front figure").find((one) => one.dataset.stage === "train");
choose(figure.querySelector(".baseline select"), "incremental");
const one = Number(figure.querySelector("line.one").getAttribute("x1"));
return all("g.bar", figure).map((bar) => {
  const box = bar.querySelector("rect");
  const [start, width] = ["x", "width"].map((name) => Number(box.getAttribute(name)));
  const side = start < one - 1 ? "left" : start + width > one + 2 ? "right" : "one";
  return [bar.dataset.name, bar.querySelector(".value").textContent, bar.classList.contains("loss"), side];
});
"""


def test_another_baseline_draws_losses_to_the_left(page: Path) -> None:
    record = load_record(committed())
    rows = ladder(record, "train", "stories-100KB").set_index("impl")["median"]
    expected = [
        [impl, ratio(rows["incremental"] / median), median > rows["incremental"], side]
        for (impl, median), side in zip(rows.items(), ("left", "left", "one", "right"), strict=True)
    ]
    assert looked_at(page, REBASED) == expected


EXCHANGED = """
const figure = all(".front figure").find((one) => one.dataset.stage === "encode");
choose(figure.querySelector(".choices select"), "stories-5MB");
const names = all("g.bar", figure).map((bar) => bar.dataset.name);
choose(figure.querySelector(".baseline select"), names.at(-1));
return [figure.querySelector("figcaption").textContent, names, figure.querySelector(".value").textContent];
"""


def test_a_ladder_of_the_first_screen_can_be_of_another_text(page: Path) -> None:
    rows = ladder(load_record(committed()), "encode", "stories-5MB")
    medians = rows["median"].tolist()
    expected = ["encode, stories-5MB", rows["impl"].tolist(), ratio(medians[-1] / medians[0])]
    assert looked_at(page, EXCHANGED) == expected


FILTERED = """
const filter = (name) => page.querySelector(`#filters [data-filter="${name}"] select`);
const words = (row) => [...row.cells].slice(0, 3).map((cell) => cell.textContent);
const rows = () => all("#all-cases tbody tr").map(words);
const ladders = () => all("section:has(> figure[data-stage])").filter((one) => !one.hidden).map((one) => one.id);
choose(filter("stage"), "train");
const stage = [rows(), ladders()];
choose(filter("workload"), "stories-100KB");
choose(filter("implementation"), "jit");
const faint = all(".chapter g.bar.faint").length;
const all_three = [rows(), ladders()];
["stage", "workload", "implementation"].forEach((name) => choose(filter(name), "all"));
return { stage, all_three, faint, none: rows().length };
"""


def test_cases_are_filtered_and_drawings_with_them(page: Path) -> None:
    cases = load_record(committed()).cases
    of_train = cases[cases["stage"] == "train"]
    found = looked_at(page, FILTERED)
    rows, shown = found["stage"]
    assert rows == of_train[["stage", "workload", "impl"]].to_numpy().tolist()
    assert [name for name in shown if not name.startswith("train-")] == ["summary"]
    rows, shown = found["all_three"]
    assert rows == [["train", "stories-100KB", "jit"]]
    assert shown == ["summary", "train-stories-100kb"]
    assert found["faint"] > 0
    assert found["none"] == len(cases)


SORTED = """
const heads = all("#all-cases thead th");
const head = heads.find((one) => one.textContent.trim() === "median");
const place = heads.indexOf(head);
const values = () => all("#all-cases tbody tr").map((row) => Number(row.cells[place].dataset.order));
const click = async () => {
  head.dispatchEvent(new view.MouseEvent("click", { bubbles: true }));
  await new Promise((next) => setTimeout(next, 100));  // The library sorts a moment later.
};
const before = values();
await click();
const up = values();
await click();
return [before, up, values(), all("table.dataTable").length];
"""


def test_tables_are_sorted_by_their_values(page: Path) -> None:
    before, up, down, n_tables = looked_at(page, SORTED)
    assert before == [median for *_, rows in ladders(load_record(committed())) for median in rows["median"]]
    assert up == sorted(before)
    assert down == sorted(before, reverse=True)
    assert n_tables > 20


POINTED = """
const figure = all(".front figure").find((one) => one.dataset.stage === "count");
const bar = figure.querySelector("g.bar:last-of-type rect");
bar.dispatchEvent(new view.PointerEvent("pointermove", { bubbles: true, clientX: 5, clientY: 5 }));
const told = page.getElementById("told");
const shown = [told.hidden, told.textContent];
page.body.dispatchEvent(new view.PointerEvent("pointermove", { bubbles: true }));
return [...shown, told.hidden];
"""


def test_pointing_at_a_bar_tells_its_samples(page: Path) -> None:
    hidden, words, afterwards = looked_at(page, POINTED)
    row = ladder(load_record(committed()), "count", "stories-100KB").iloc[-1]
    assert (hidden, afterwards) == (False, True)
    assert f"; {row['rounds']} rounds: " in words
    assert words.count(", ") >= row["rounds"] - 1


def test_a_link_opens_the_chapter_that_it_leads_to(page: Path) -> None:
    script = 'return all("details.chapter[open]").map((one) => one.id);'
    assert looked_at(page, script, anchor="#against-other-tokenizers") == ["chapter-peers"]
    assert looked_at(page, script) == []

"""`python -m bench try`: planted faults are found, named and shown; what is wrong is never timed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bench.inputs
from bench.__main__ import main
from bench.inputs import inputs
from bench.trial import timing
from bench.trial.difference import around, fault, whole_characters
from bench.trial.profile import side_by_side
from bench.trial.proof import STAGES as KINDS
from bench.trial.proof import first_wrong, hostile, search
from bench.trial.question import difference
from bench.trial.trial import planned
from bench.turns import SLOWER, UNSEEN, Budget, Side
from data.workloads import Workload
from impls import registry
from impls.registry import STAGES, Impl, find, implementations
from tests.support import ROOT
from tests.support.commands import contents
from tests.support.processes import child

Capture = pytest.CaptureFixture[str]

STORY = (
    "Once upon a time, there was a shy boy named Erus. Erus liked to walk slowly, since he looked at everything.\n"
    "One day it rained, and he saw a frog. The frog said: hello! I'll show you the other side of the pond — come.\n"
    "<|endoftext|>They went around it three times. In the end it was 6 o'clock, and they were tired and happy.\n"
) * 12

ROWS = [row for stage in STAGES for row in implementations(stage)]


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    return f"file:{path}"


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Impl]:
    """Put an implementation of `tests.bench.planted` in the registry, made from the second row of its stage."""

    def planted(stage: str, attribute: str) -> Impl:
        parent = implementations(stage)[1]
        row = replace(parent, name="planted", target=f"tests.bench.planted:{attribute}", parent=parent.name)
        monkeypatch.setattr(registry, "_ROWS", (*registry._ROWS, row))
        return row

    return planted


@pytest.fixture(autouse=True)
def _short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.trial.proof.HOSTILE_BYTES", 600)
    monkeypatch.setattr("bench.trial.trial.RANDOM_SECONDS", 0.2)


def nothing_is_timed(*_: object) -> None:
    raise AssertionError("a wrong implementation was timed")


FAULTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("train", "swaps_ties"): (
        r"train/planted is wrong on story-\d+, so it is not timed\. The first difference:",
        r"at +merge \d+, a tie, which goes to the greatest pair of bytes",
        r"naive +\(\d+, \d+\), b'.+' \+ b'.+', which occurs (\d+) times",
        r"planted +\(\d+, \d+\), b'.+' \+ b'.+', which occurs \d+ times",
    ),
    ("train", "stops_early"): (r"at +merge 62", r"planted +nothing: it ends after 62 merges"),
    ("count", "loses_a_pretoken_at_a_cut"): (
        r"count/planted is wrong on story-\d+, in small ranges, so it is not timed",
        r"at +pretoken b'.+', byte 1\d\d\d of the text; ranges of 500 bytes",
        r"findall +counted \d+",
        r"planted +counted \d+",
    ),
    ("count", "counts_twice"): (r"planted +ValueError: 2 pretokens, 1 of them unique \(bench/trial/counting",),
    ("encode", "WrongAfter200"): (
        r"encode/planted is wrong on story-\d+, so it is not timed",
        r"at +id \d+, byte 2\d\d of the text",
        r"naive +id \d+, b'.+'",
        r"planted +id 65, b'A'",
    ),
    ("encode", "EndsEarly"): (r"planted +nothing: it ends after \d+ ids",),
    ("encode", "WrongBatch"): (r"at +id \d+ of encode_batch, byte 38\d\d of the text",),
    ("encode", "WrongType"): (r"at +the type of the array", r"naive +uint16", r"planted +int64"),
    ("encode", "GivesLists"): (r"planted +TypeError: an encoder returns arrays, not list \(",),
    ("encode", "Raises"): (r"naive +no exception", r"planted +KeyError: 'missing' \(tests/bench/planted.py:\d+\)"),
    ("encode", "Hangs"): (r"planted +TimeoutError: the case takes more than 0 s \(",),
    ("encode", "Forgives"): (
        r"wrong on the hostile text invalid-utf8",
        r"naive +the error: text: invalid UTF-8 at byte 0;",
        r"planted +no error",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("stage", "attribute"), FAULTS, ids=map("-".join, FAULTS))
def test_a_planted_fault_is_named_and_shown_and_not_timed(
    stage: str,
    attribute: str,
    plant: Callable[[str, str], Impl],
    corpus: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    plant(stage, attribute)
    monkeypatch.setattr(timing, "take_turns", nothing_is_timed)
    if attribute == "Hangs":
        monkeypatch.setattr("bench.trial.question.SECONDS_PER_CASE", 0.3)
    assert main(["try", f"{stage}/planted", "--corpus", corpus]) == 1
    told = capsys.readouterr().out
    for pattern in FAULTS[stage, attribute]:
        assert re.search(pattern, told), told
    assert "Traceback" not in told
    assert "Is it faster?" not in told
    assert len(told.split("The first difference:")[1].splitlines()) <= 7


def test_the_text_is_shown_around_the_first_wrong_id(
    plant: Callable[[str, str], Impl], corpus: str, capsys: Capture
) -> None:
    plant("encode", "WrongAfter200")
    main(["try", "encode/planted", "--corpus", corpus])
    lines = capsys.readouterr().out.splitlines()
    place = int(re.findall(r"byte (\d+) of the text", "\n".join(lines))[0])
    shown, marker = lines[-2:]
    here = shown[marker.index("^") : marker.rindex("^") + 1]
    assert STORY.encode()[place : place + len(here)] == here.encode()
    assert f"b'{here}'" in "\n".join(lines)


def test_both_pairs_of_a_tie_occur_as_often(plant: Callable[[str, str], Impl], corpus: str, capsys: Capture) -> None:
    plant("train", "swaps_ties")
    main(["try", "train/planted", "--corpus", corpus])
    expected, found = re.findall(r"which occurs (\d+) times", capsys.readouterr().out)
    assert expected == found != "0"


def test_a_random_text_with_a_wrong_answer_is_made_shorter(
    plant: Callable[[str, str], Impl], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = plant("encode", "OnlyOdd")
    monkeypatch.setattr("bench.fuzz.finding.MINIMISING_SECONDS", 1.0)
    asked, found = search(row, 60.0)
    assert found
    assert asked >= 1
    assert found.question.name.startswith("random text ")
    assert len(found.question.content) < 60
    assert difference(found.question, found.oracle, row)


@pytest.mark.kernel
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.stage}-{row.name}")
def test_every_implementation_passes_the_proof(row: Impl) -> None:
    asked, wrong = first_wrong(hostile(row.stage), row)
    assert (asked >= 10, wrong) == (True, None)
    asked, wrong = search(row, 0.2)
    assert (asked >= 1, wrong) == (True, None)


def test_the_oracle_is_the_simplest_other_implementation_that_finishes() -> None:
    rows = implementations("encode")
    (question, *_) = hostile("encode")
    assert question.oracle(rows, rows[1]) == rows[0]
    assert question.oracle(rows, rows[0]) == rows[1]
    assert replace(question, too_slow=frozenset({rows[0].name, rows[1].name})).oracle(rows, rows[2]) == rows[3]
    with pytest.raises(ValueError, match="nothing but encode/naive finishes; take less text"):
        question.oracle(rows[:1], rows[0])
    assert list(KINDS) == list(STAGES)


def drifting(seconds: float, seed: int) -> Side:
    """A side with 1 % noise."""
    noise = np.random.default_rng(seed)
    return lambda _: float(seconds * noise.normal(1.0, 0.01))


@pytest.mark.parametrize(("factor", "verdict"), [(1.05, SLOWER), (1.0, UNSEEN)])
def test_five_percent_are_seen_and_a_copy_is_not(
    factor: float, verdict: str, corpus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = iter([drifting(0.002, 1), drifting(0.002 * factor, 2)])
    monkeypatch.setattr(timing, "timed", lambda *_: next(sides))
    row = find("encode", "heap")
    timed = timing.take_turns(row, row, inputs(corpus, None, 320), Budget(20.0, 0.004))
    assert timed.comparison.verdict == verdict
    assert timed.comparison.ratio.low < factor < timed.comparison.ratio.high
    assert timed.seconds / timed.other_seconds == pytest.approx(factor, rel=0.01)


def test_a_slow_side_makes_fewer_calls() -> None:
    made: list[int] = []

    def side(calls: int) -> float:
        made.append(calls)
        return 1.0 / calls

    clock = timing.Clock(side, 0.01)
    assert [clock(200), clock(10)] == clock.samples == [0.5, 1.0]
    assert made == [2, 1]


def test_a_text_is_cut_until_a_call_is_short(corpus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.3, 0.2, 0.01])
    monkeypatch.setattr(timing, "seconds_of", lambda _: next(times))
    monkeypatch.setattr(bench.inputs, "FEWEST_BYTES", 10)
    n_bytes = Path(corpus.removeprefix("file:")).stat().st_size
    row = Workload("row", corpus, n_bytes, 320, "row")
    assert timing.fitting(row, find("encode", "heap")).bytes == n_bytes // 4 // 4


def test_functions_of_the_two_modules_stand_side_by_side(corpus: str) -> None:
    rows = side_by_side(find("encode", "cached"), find("encode", "heap"), inputs(corpus, None, 320))
    by_name = {row.name: row for row in rows}
    assert by_name["encode_pretoken"].seconds > 0 < by_name["encode_pretoken"].other_seconds
    assert [row.name for row in rows] == [
        row.name for row in sorted(rows, key=lambda row: -max(row.seconds, row.other_seconds))
    ]


def test_whose_parent_and_which_fastest(plant: Callable[[str, str], Impl], corpus: str) -> None:
    plant("encode", "EndsEarly")
    trial = planned("encode/planted", None, None, corpus)
    assert trial.parent == implementations("encode")[1]
    assert trial.fastest is None  # The planted one stands last.
    assert planned("encode/planted", "heap", None, corpus).parent == find("encode", "heap")
    assert planned("count/finditer", None, None, corpus).fastest == find("count", "jit")
    assert planned("count/finditer", "jit", None, corpus).fastest is None
    assert planned("count/jit", None, None, corpus).fastest is None
    assert planned("encode/naive", None, None, corpus).parent is None
    trial = planned("count/finditer", None, None, corpus)
    roles = {"findall": "its parent", "jit": "the fastest", "process_pool": "as asked for"}
    assert {name: trial.role(find("count", name)) for name in roles} == roles
    trial = planned("count/process_pool", "jit", None, corpus, 30.0)
    assert [budget.seconds for _, budget in trial.opponents()] == [30.0]
    assert planned("encode/heap", None, "stdlib-100KB", None).workload.name == "stdlib-100KB"


BAD: dict[str, tuple[list[str], int, str]] = {
    "stage": (["split/heap"], 2, "unknown stage 'split'"),
    "name": (["encode/lru"], 2, "unknown implementation 'lru' for stage 'encode'; choose one of naive"),
    "against": (["encode/heap", "--against", "lru"], 2, "unknown implementation 'lru'"),
    "itself": (["encode/heap", "--against", "heap"], 2, "--against: 'heap' is the implementation on trial"),
    "workload": (["encode/heap", "--workload", "w"], 2, "--workload: there is no workload 'w'; choose one of"),
    "slow": (["train/naive", "--workload", "stories-5MB"], 2, "train/naive is too slow for stories-5MB (recounts"),
    "slow-parent": (
        ["train/incremental", "--workload", "stories-5MB"],
        2,
        "train/weighted is too slow for stories-5MB (",
    ),
    "seconds": (["encode/heap", "--seconds", "0"], 2, "--seconds: 0 is no time for turns"),
    "corpus": (["encode/heap", "--corpus", "nothing"], 2, "nothing"),
    "file": (["encode/heap", "--corpus", "file:no.txt"], 1, "no.txt: No such file"),
}


@pytest.mark.parametrize(("words", "status", "message"), BAD.values(), ids=BAD)
def test_bad_options_are_one_line(words: list[str], status: int, message: str, capsys: Capture) -> None:
    assert main(["try", *words]) == status
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_a_text_that_is_not_utf8_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "bad.txt").write_bytes(b"the cat \xff sat" * 9)
    assert main(["try", "encode/heap", "--corpus", f"file:{tmp_path / 'bad.txt'}"]) == 1
    assert re.fullmatch(r".*: error: .*bad.txt: invalid UTF-8 at byte 8; .*\n", capsys.readouterr().err)


def test_a_place_is_marked_below_the_text() -> None:
    content = "some words é\n<- here".encode()
    start = content.index(b"here")
    assert around(content, start, start + 4) == ("some words é\\n<- here", "                 ^^^^")
    assert around(b"", 0, 0) == ("", "^")
    assert [whole_characters("aé".encode(), place) for place in range(4)] == [0, 1, 1, 3]


def test_an_exception_is_one_line_with_its_place() -> None:
    with pytest.raises(AttributeError) as caught:
        find("encode", "heap").load()(None, "gpt2")
    for home, place in ((ROOT, "impls/encode/__init__.py"), (Path(__file__), "tests/bench/test_try.py")):
        assert re.fullmatch(rf"AttributeError: .* \({place}:\d+\)", fault(caught.value, home))


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A copy of all that an implementation needs."""
    home = tmp_path / "tree"
    for name in ("bench", "data", "impls", "reports"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__", "records", "latest"))
    shutil.copy(ROOT / "TOUR.md", home)
    return home


@pytest.mark.slow
def test_a_new_copy_is_right_and_compared_with_its_parent_and_leaves_nothing(tree: Path, corpus: str) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return child(["-B", "-m", "bench", *words], tree, PYTHONPATH=str(tree))

    assert run("new", "encode/lru", "--from", "cached").returncode == 0
    before = contents(tree)
    done = run("try", "encode/lru", "--corpus", corpus)
    assert (done.returncode, contents(tree)) == (0, before)
    assert re.search(r"beside cached, its parent: (faster|slower|no difference to be seen)\n", done.stdout)
    assert re.search(
        r"lru [\d.]+ \w+, cached [\d.]+ \w+ per call: [\d.]+x as fast \([\d.]+x to [\d.]+x\)", done.stdout
    )
    assert re.search(r"beside jit, the fastest: ", done.stdout)
    assert re.search(r"own time per call, under the profiler +\| lru +\| cached +\|\n", done.stdout)
    assert sys.executable not in done.stdout

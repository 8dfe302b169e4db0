"""Exercises: right solutions pass, wrong ones are shown, work is counted, and nobody's file is lost."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.exercises import EXERCISES, load
from bench.exercises.inside import check, function_in
from bench.exercises.instructions import instructions
from impls import MergelabError
from impls.kernels.helpers import JIT

Capture = pytest.CaptureFixture[str]

NUMBERS = range(1, len(EXERCISES) + 1)

each_exercise = pytest.mark.parametrize("number", NUMBERS)

TRAIN = """
def train(pretokens, n_merges):
    words = [list(pretoken) for pretoken, count in pretokens.items() for _ in range(count)]
    tokens, merges = [bytes([byte]) for byte in range(256)], []
    while len(merges) < n_merges:
        counts = {}
        for ids in words:
            for pair in zip(ids, ids[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], tokens[pair[0]], tokens[pair[1]]))
        merges.append(best)
        for ids in words:
            place = 0
            while place < len(ids) - 1:
                if (ids[place], ids[place + 1]) == best:
                    ids[place : place + 2] = [len(tokens)]
                place += 1
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return merges
"""

MERGE = """
import heapq
from itertools import pairwise

from impls.train.naive import merge_pair


def merge(index, pair, new_id):
    made = set()
    for number in sorted(index.holders.pop(pair)):
        old, weight = index.sequences[number], index.weights[number]
        new = index.sequences[number] = merge_pair(old, pair, new_id)
        for before in pairwise(old):
            index.counts[before] -= weight
        for after in pairwise(new):
            index.counts[after] += weight
            index.holders[after].add(number)
            if new_id in after:
                made.add(after)
    for one in made:
        heapq.heappush(index.heap, index._entry(one))
"""

ENCODE = """
def encode(pretokens, ranks):
    known, ids = {}, []
    for pretoken in pretokens:
        if pretoken not in known:
            symbols = list(pretoken)
            while pairs := [pair for pair in zip(symbols, symbols[1:]) if pair in ranks]:
                best = min(pairs, key=lambda pair: ranks[pair][0])
                place = next(i for i in range(len(symbols)) if tuple(symbols[i : i + 2]) == best)
                symbols[place : place + 2] = [ranks[best][1]]
            known[pretoken] = symbols
        ids += known[pretoken]
    return ids
"""

FLAT = """
from impls.kernels.ranks import NO_RANK, rank_of


def merge(text, position, length, ranks, cache):
    symbols = cache.symbols[0]
    while length > 1:
        best, at = NO_RANK, 0
        for place in range(length - 1):
            found = rank_of(symbols[place], symbols[place + 1], ranks)
            if found < best:
                best, at = found, place
        if best == NO_RANK:
            break
        symbols[at] = best & 0xFFFFFFFF
        length -= 1
        for place in range(at + 1, length):
            symbols[place] = symbols[place + 1]
    return length
"""

SOLUTIONS = [TRAIN, TRAIN, MERGE, ENCODE, FLAT]

WRONG = [
    (TRAIN, "tokens[pair[0]], tokens[pair[1]]", "pair", r"at +merge \d+, a tie, which goes to the greatest pair"),
    (TRAIN, "return merges", "return merges[:-1]", r"yours +nothing: it ends after \d+ merges"),
    (MERGE, "counts[before] -= weight", "counts[before] -= 1", r"yours +\(\d+, \d+\), b'.+' \+ b'.+', which occurs "),
    (ENCODE, "min(pairs", "max(pairs", r"reference +id \d+, b'.+'"),
    (FLAT, "range(at + 1, length)", "range(at + 2, length)", r"yours +id \d+, b'.+'"),
]


def report(number: int, path: Path) -> dict[str, object]:
    return check({"number": number, "file": str(path)})


@pytest.mark.kernel
@each_exercise
def test_a_right_solution_passes_and_a_wrong_one_is_shown(number: int, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(SOLUTIONS[number - 1])
    found = report(number, right)
    assert (found["lines"], found["right"]) == ([], len(load(number).questions()))
    assert ("yours" in found) is not JIT
    code, before, after, pattern = WRONG[number - 1]
    assert before in code
    wrong.write_text(code.replace(before, after))
    lines = report(number, wrong)["lines"]
    assert isinstance(lines, list)
    assert re.search(pattern, "\n".join(lines))


@each_exercise
def test_the_worked_examples_hold_for_the_reference(number: int, tmp_path: Path) -> None:
    exercise = load(number)
    (tmp_path / "exercise.py").write_text(exercise.template)
    template = function_in(tmp_path / "exercise.py", exercise.function)
    names = {**template.__globals__, exercise.function: exercise.reference}
    examples = doctest.DocTestParser().get_doctest(template.__doc__ or "", names, exercise.function, None, None)
    assert len(examples.examples) >= (0 if exercise.compiled else 2)
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0


@each_exercise
def test_the_reference_is_code_of_the_ladder(number: int, capsys: Capture) -> None:
    exercise = load(number)
    assert main(["exercise", str(number), "--show"]) == 0
    shown = capsys.readouterr().out
    assert re.match(r"# impls/(train|encode|kernels)/\w+\.py\n", shown)
    assert len(exercise.solutions()) == len(re.findall(r"^# impls/", shown, re.MULTILINE)) == len(exercise.shown)


@each_exercise
def test_a_file_is_written_once(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", str(number)]) == 0
    path = tmp_path / f"exercise_{number}.py"
    assert path.read_text() == load(number).template.replace("FILE", path.name)
    assert f"python -m bench exercise {number} --check {path.name}" in capsys.readouterr().out
    path.write_text("mine")
    assert main(["exercise", str(number)]) == 2
    assert f"error: {path.name}: exists and may hold your work" in capsys.readouterr().err
    assert main(["exercise", str(number), "--out", "other.py"]) == 0
    assert path.read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, "other.py"]


BROKEN: dict[str, tuple[str, str]] = {
    "no-body": ("def train(a, b):\n    raise NotImplementedError\n", "train has no body yet; fill it in"),
    "syntax": ("def train(a b): pass\n", "student.py:1: invalid syntax"),
    "no-function": ("def learn(a, b): pass\n", "has no function train; keep its name"),
    "import": (
        "import no_such_module\n",
        r"ModuleNotFoundError: No module named 'no_such_module' \(.*student.py:1\)",
    ),
}


@pytest.mark.parametrize(("code", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_run_is_one_line(code: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "student.py"
    path.write_text(code)
    with pytest.raises(MergelabError, match=message):
        report(1, path)


ANSWERS: dict[str, tuple[str, str]] = {
    "raises": ("1 / 0", r"ZeroDivisionError: division by zero \(.*student.py:2\)"),
    "nothing": ("pass", "train returned 'None'; return a list of pairs of ids"),
    "no-ids": ("return [(1, -1)]", r"train returned '\[\(1, -1\)\]'; return a list of pairs of ids"),
    "unknown-id": ("return [(9999, 1)]", r"yours +\(9999, 1\), no token \+ b'\\x01', which occurs 0 times"),
}


@pytest.mark.parametrize(("code", "message"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none_is_shown(code: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "student.py"
    path.write_text(f"def train(pretokens, n_merges):\n    {code}\n")
    lines = report(1, path)["lines"]
    assert isinstance(lines, list)
    assert re.search(message, "\n".join(lines))


@pytest.mark.slow
def test_the_command_checks_and_counts(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "student.py"
    path.write_text(TRAIN)
    assert main(["exercise", "2", "--check", str(path)]) == 0
    told = capsys.readouterr().out
    assert f"{path}: train is right on 7 texts\n" in told
    (counts,) = re.findall(r"five times: yours ([\d,]+), the reference ([\d,]+) \(([\d.]+)x\)", told)
    assert float(counts[2]) > 4  # Every occurrence a sequence: five times the work.
    path.write_text(TRAIN.replace("return merges", "return []"))
    assert main(["exercise", "2", "--check", str(path)]) == 1
    assert (
        "train is wrong on the words of Sennrich, Haddow and Birch. The first difference:" in capsys.readouterr().out
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("while True: pass", "the process did not end within 2 s; give it less work"),
        ("import os; os._exit(3)", "the process ended with status 3; run it by itself"),
    ],
)
def test_a_loop_ends_and_a_crash_is_told(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path = tmp_path / "student.py"
    path.write_text(f"def train(pretokens, n_merges):\n    {code}\n")
    if "while" in code:
        monkeypatch.setattr("bench.exercises.check.SECONDS", 2.0)
    assert main(["exercise", "1", "--check", str(path)]) == 1
    assert capsys.readouterr().err == f"python -m bench: error: {path}: {message}\n"


@pytest.mark.slow
def test_a_function_that_does_not_compile_is_shown(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "student.py"
    path.write_text(FLAT.replace("symbols = cache.symbols[0]", "symbols = cache.symbols[0]; text.tolist()"))
    assert main(["exercise", "5", "--check", str(path)]) == 1
    told = capsys.readouterr().out
    assert "merge is right on 6 texts\n" in told
    assert "merge (compiled) is wrong on " in told
    assert "yours      TypingError: " in told


def test_wrong_options_are_one_line(tmp_path: Path, capsys: Capture) -> None:
    for words, message in (
        (["0"], "N: 0 is too small; give at least 1"),
        (["6"], "N: 6 is too large; give at most 5"),
        (["1", "--check", str(tmp_path / "no.py")], "no.py: there is no such file; write it by"),
    ):
        assert main(["exercise", *words]) == 2
        assert message in capsys.readouterr().err
    assert main(["exercise", "1", "--out", str(tmp_path / "no" / "e.py")]) == 1
    assert "No such file or directory; nothing was written" in capsys.readouterr().err


def test_instructions_are_those_of_the_function_in_its_files() -> None:
    def loop(n: int) -> int:
        return sum(place for place in range(n))

    def used(n: int) -> Callable[[Callable[..., object]], object]:
        return lambda function: [function(n), sorted(range(1000))]

    counts = [instructions(used(n), loop, {__file__}) for n in (10, 20, 30)]
    assert counts[1] - counts[0] == counts[2] - counts[1] >= 10
    assert instructions(used(10), loop, {__file__}) == counts[0]
    assert instructions(used(10), loop, {"another.py"}) == 0

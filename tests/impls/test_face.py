"""What people import and type: `mergelab`, its version, and help that teaches by examples, each of which runs."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import impls
import mergelab
from impls.__main__ import main
from impls.commands import PROGRAM
from impls.patterns import PATTERNS
from tests.support import ROOT
from tests.support.commands import ENVIRONMENT, Capture, status_of

HEAVY = {"numpy", "regex", "numba", "torch"}

HELP = """
import sys
from impls.__main__ import main
try:
    main([{name!r}, "--help"])
except SystemExit:
    print(*sorted({{name.split(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def test_the_module_has_the_public_names_of_impls() -> None:
    assert {*impls.__all__, "__version__"} == set(mergelab.__all__) == set(dir(mergelab))
    for name in impls.__all__:
        assert getattr(mergelab, name) is getattr(impls, name)
    with pytest.raises(AttributeError, match="module 'mergelab' has no attribute 'train'"):
        _ = mergelab.train  # type: ignore[attr-defined]


def test_importing_the_module_loads_nothing_heavy() -> None:
    code = "import sys, mergelab; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


def test_the_version_is_that_of_the_project(capsys: Capture) -> None:
    expected = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert mergelab.__version__ == expected
    assert status_of(["--version"]) == 0
    assert capsys.readouterr().out == f"{expected}\n"


@pytest.mark.parametrize("words", [("-m", "mergelab"), ("-m", "impls")])
def test_messages_begin_with_the_words_that_the_user_typed(words: tuple[str, ...], tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *words, *arguments], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    name = f"python {' '.join(words)}"
    assert told("decode", "nowhere", "ids.bin").startswith(f"{name}: error: nowhere: ")
    assert told("decode").startswith(f"{name} decode: error: ")
    assert f"  {name} decode tok corpus.bin" in told("--help")


@pytest.mark.parametrize("name", PROGRAM.commands)
def test_help_of_a_command_has_examples_and_loads_nothing_heavy(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP.format(name=name)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"\nexamples:\n  python -m impls {name}" in done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())


def test_help_names_all_split_patterns(capsys: Capture) -> None:
    assert status_of(["train", "--help"]) == 0
    assert set(PATTERNS) <= set(re.findall(r"\w+", capsys.readouterr().out))


def examples(name: str) -> list[list[str]]:
    lines = importlib.import_module(f"impls.commands.{name}").EXAMPLES.strip().splitlines()
    return [[name, *shlex.split(line, comments=True)[1:]] for line in lines]


@pytest.mark.slow
def test_every_example_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    text = "".join(f"It's story {number}, the {number % 7}th of the day.<|endoftext|>\n" for number in range(300))
    Path("corpus.txt").write_text(text)
    for words in (words for name in PROGRAM.commands for words in examples(name)):
        assert main(words) == 0, words
        assert capsys.readouterr().err == ""
    for name in ("again.txt", "shards.txt", "all.txt"):
        assert Path(name).read_text() == text[: len(Path(name).read_text())]
    assert Path("all.txt").read_text() == text
    for line in PROGRAM.examples.strip().splitlines():
        words = [word.replace("corpus.bin", "again.bin") for word in shlex.split(line, comments=True)[1:]]
        assert status_of([*words, *(["--force"] if words[0] == "train" else [])]) == 0, words

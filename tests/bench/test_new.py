"""`python -m bench new`: a copy of an implementation with all that other files say of it, or nothing at all."""

from __future__ import annotations

import ast
import os
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.template import texts
from bench.template.request import Request, request
from impls.registry import STAGES, Impl, find, implementations
from reports.ideas import gaps, ideas
from reports.tour import missing_steps
from tests.support import ROOT
from tests.support.commands import contents

Capture = pytest.CaptureFixture[str]

ROWS = [row for stage in STAGES for row in implementations(stage)]

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.stage}-{row.name}")

WRITTEN = {"impls/registry.py", "reports/ideas.toml", "TOUR.md"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that a new implementation touches, in a folder of their own."""
    for name in ("impls/count", "impls/train", "impls/encode"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*WRITTEN, "data/workloads.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for module in ("request", "write"):
        monkeypatch.setattr(f"bench.template.{module}.ROOT", tmp_path)
    return tmp_path


def registry_in(home: Path) -> dict[str, list[Impl]]:
    """Stage -> rows of the registry in a folder."""
    names: dict[str, object] = {"__name__": "impls.registry"}
    exec((home / "impls/registry.py").read_text(), names)
    rows = [Impl(**vars(row)) for row in names["_ROWS"]]  # type: ignore[attr-defined]
    return {stage: [row for row in rows if row.stage == stage] for stage in STAGES}


@each_row
def test_a_new_implementation_stands_after_its_parent_in_every_file(row: Impl, home: Path, capsys: Capture) -> None:
    before = contents(home)
    assert main(["new", f"{row.stage}/made_up", "--from", row.name]) == 0
    after, told = contents(home), capsys.readouterr().out
    module = f"impls/{row.stage}/made_up.py"
    touched = {name for name in after if after[name] != before.get(name)}
    slow = f'"{row.stage}/{row.name}" =' in before["data/workloads.toml"].decode()
    assert touched == WRITTEN | {module} | ({"data/workloads.toml"} if slow else set())
    assert all(name in told for name in touched)
    assert f"python -m bench try {row.stage}/made_up" in told
    names = [one.name for one in registry_in(home)[row.stage]]
    assert names[names.index(row.name) + 1] == "made_up"
    assert [one for stage in STAGES for one in registry_in(home)[stage] if one.name != "made_up"] == ROWS
    assert list(ideas(home / "reports/ideas.toml")).index(f"{row.stage}/made_up") == 1 + list(ideas()).index(
        f"{row.stage}/{row.name}"
    )
    assert gaps(home / "reports/ideas.toml") == [
        f"{row.stage}/made_up in reports/ideas.toml is not in impls/registry.py"
    ]


@each_row
def test_the_row_is_the_parents_with_other_names(row: Impl, home: Path) -> None:
    main(["new", f"{row.stage}/made_up", "--from", row.name])
    (new,) = (one for one in registry_in(home)[row.stage] if one.name == "made_up")
    assert (new.package, new.kernel, new.parallel, new.counter) == (
        row.package,
        row.kernel,
        row.parallel,
        row.counter,
    )
    attribute = "MadeUpEncoder" if row.stage == "encode" else row.target.split(":")[1]
    assert (new.parent, new.target) == (row.name, f"impls.{row.stage}.made_up:{attribute}")


@each_row
def test_the_module_is_the_parents_below_another_docstring(row: Impl, home: Path) -> None:
    main(["new", f"{row.stage}/made_up", "--from", row.name])
    folder = home / "impls" / row.stage
    old, new = ((folder / f"{name}.py").read_text() for name in (row.name, "made_up"))
    parent, child = ast.parse(old), ast.parse(new.replace("MadeUpEncoder", row.target.split(":")[1]))
    assert [ast.dump(node) for node in child.body[1:]] == [ast.dump(node) for node in parent.body[1:]]
    told = ast.get_docstring(child) or ""
    assert told.startswith(f"What it changes over `{row.name}`: say it here, in one sentence.\n")
    assert ("shares the kernels" in told) == row.compiled
    assert max(map(len, new.splitlines())) <= 118


@each_row
def test_the_tour_counts_its_steps_anew(row: Impl, home: Path) -> None:
    main(["new", f"{row.stage}/made_up", "--from", row.name])
    old, new = (ROOT / "TOUR.md").read_text(), (home / "TOUR.md").read_text()
    assert missing_steps(new) == []
    (added,) = (line for line in new.splitlines() if "made_up" in line)
    assert new.index(f"/{row.stage}/{row.name}.py)") < new.index(added)
    numbers = [
        [int(number) for number in re.findall(r"^(\d+)\. ", part, re.MULTILINE)] for part in new.split("\n## ")
    ]
    assert all(found == list(range(1, len(found) + 1)) for found in numbers)
    unnumbered = [re.sub(r"^\d+", "", line, flags=re.MULTILINE) for line in (new.replace(f"{added}\n", ""), old)]
    assert unnumbered[0] == unnumbered[1]


def test_what_the_parent_cannot_finish_the_copy_cannot_finish(home: Path) -> None:
    main(["new", "encode/made_up", "--from", "heap"])
    table = tomllib.loads((home / "data/workloads.toml").read_text())
    skips = [workload.get("skip", {}) for workload in table.values()]
    assert [skip.get("encode/made_up") for skip in skips] == [skip.get("encode/heap") for skip in skips]


def test_a_row_is_written_as_the_formatter_leaves_it() -> None:
    registry = (ROOT / "impls/registry.py").read_text()
    long = [row for row in ROWS if f'    Impl("{row.stage}", "{row.name}"' not in registry]
    assert len(long) >= 3
    assert all(texts.row(row) in registry for row in long)


BAD: dict[str, tuple[str, str, str]] = {
    "stage": ("split/lru", "cached", "'split/lru': unknown stage 'split'; give STAGE/NAME with a stage of count, "),
    "no-slash": ("lru", "cached", "'lru': unknown stage 'lru'"),
    "exists": ("encode/heap", "cached", "encode/heap: exists already"),
    "file-without-row": ("encode/left_over", "cached", "encode/left_over: exists already"),
    "no-name": ("encode/", "cached", "'' is no name of a module; give small letters"),
    "no-identifier": ("encode/l-r-u", "cached", "'l-r-u' is no name of a module"),
    "dunder": ("encode/__init__", "cached", "'__init__' is no name of a module"),
    "path": ("encode/../lru", "cached", "'../lru' is no name of a module"),
    "two-lines": ("encode/l\nru", "cached", r"'l\nru' is no name of a module"),
    "keyword": ("encode/lambda", "cached", "encode/lambda: lambda is a word of Python"),
    "module": ("encode/heapq", "cached", "encode/heapq: modules import something else by the name heapq"),
    "member": ("encode/missing_byte", "cached", "modules import something else by the name missing_byte"),
    "parent": ("encode/lru", "cache", "--from: 'cache' is not one of encode; choose one of naive, "),
    "other-stage": ("encode/lru", "weighted", "--from: 'weighted' is an implementation of train, not of encode"),
    "with-stage": ("encode/lru", "encode/cached", "--from: 'encode/cached' is not one of encode"),
}


@pytest.mark.parametrize(("place", "parent", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_made_is_one_line(place: str, parent: str, message: str, home: Path, capsys: Capture) -> None:
    (home / "impls/encode/left_over.py").touch()
    before = contents(home)
    assert main(["new", place, "--from", parent]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert contents(home) == before


def refuses(name: str) -> object:
    access = os.access
    return lambda path, mode: access(path, mode) and Path(path).name != name


def is_full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_nothing_is_written_if_one_file_cannot_be_written(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(home)
    for target, value in (("os.access", refuses("ideas.toml")), ("impls.storage.os.fsync", is_full)):
        with monkeypatch.context() as patch:
            patch.setattr(target, value)
            assert main(["new", "encode/lru", "--from", "cached"]) == 1
        error = capsys.readouterr().err
        assert re.fullmatch(
            r"python -m bench: error: .*(Permission denied|No space left on device); nothing .*\n", error
        )
        assert contents(home) == before


@pytest.mark.parametrize("name", ["impls/registry.py", "reports/ideas.toml", "TOUR.md"])
def test_a_file_that_lacks_the_parent_is_named(name: str, home: Path, capsys: Capture) -> None:
    (home / name).write_text("")
    before = contents(home)
    assert main(["new", "encode/lru", "--from", "cached"]) == 1
    assert (
        f": error: {name}: encode/cached is not there; restore it, nothing was written\n" in capsys.readouterr().err
    )
    (home / name).unlink()
    assert main(["new", "encode/lru", "--from", "cached"]) == 1
    assert "No such file or directory; nothing was written\n" in capsys.readouterr().err
    assert contents(home) == {path: content for path, content in before.items() if path != name}


def test_two_copies_of_one_parent_both_remember_it() -> None:
    for name in ("lru", "lfu"):
        wanted = request(f"encode/{name}", "cached")
        assert wanted == Request(name, find("encode", "cached"))
        assert wanted.row().parent == "cached"

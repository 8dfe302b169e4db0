"""No record holds a path of a machine, wherever in a record the path stands."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.conftest import ERRORS, FILTERED, SKIPPED, pytest_benchmark_update_json
from bench.places import as_line, without_folder, without_folders
from bench.record import KINDS, REFERENCE, head, write
from tests.support import ROOT
from tests.support.records import (
    benchmarks_record,
    faults_record,
    peers_record,
    profiles_record,
    step_record,
    studies_record,
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("file:/a/b/english.txt", "file:english.txt"),
        ("file:b/english.txt", "file:english.txt"),
        ("file:english.txt", "file:english.txt"),
        ("--corpus=file:/a/b/c d.txt", "--corpus=file:c d.txt"),
        ("--benchmark-storage=file:///a/b", "--benchmark-storage=file://b"),
        ("--vocab=/a/My Folder/vocab.json", "--vocab=vocab.json"),
        ("~/a/vocab.json", "vocab.json"),
        ("../vocab.json", "vocab.json"),
        ("'/a/b'", "'b'"),
        ("/a/b:", "b:"),
        ("bench/bench_count.py", "bench/bench_count.py"),
        ("--rounds=5", "--rounds=5"),
        ("stories", "stories"),
        ("/", "/"),
        ("2/3", "2/3"),
        ("", ""),
    ],
)
def test_a_path_elsewhere_is_recorded_without_its_folders(word: str, expected: str) -> None:
    assert without_folder(word) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/b.py:12: bad", "b.py:12: bad"),
        ("'/a/My Folder/x.txt' is missing", "'x.txt' is missing"),
        ("PosixPath('/a/b')", "PosixPath('b')"),
        ('{"path": "/a b/c"}', '{"path": "c"}'),
        ("a,/x/y;(/a/b, ~/k/l) [../m/n]", "a,y;(b, l) [n]"),
        ("file:///a/b, file:c/d.txt and '--x=file:/a/b'", "file://b, file:d.txt and '--x=file:b'"),
        ("cd /a/b&&ls >/tmp/x", "cd b&&ls >x"),
        ("~jo/x/y", "y"),
        ("12 MB/s, 1 / 2, train/jit, </s>, impls/x.py, ./x/y", "12 MB/s, 1 / 2, train/jit, </s>, impls/x.py, ./x/y"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        (" spaces  stay\n", " spaces  stay\n"),
    ],
)
def test_a_path_in_a_text_loses_its_folders_and_nothing_else_changes(text: str, expected: str) -> None:
    assert without_folders(text) == expected
    assert without_folders(expected) == expected


HOME = Path.home()
TEMPORARY = Path(tempfile.gettempdir())
PLACES = [
    f"'/home/jo doe/x y/english.txt' {TEMPORARY}/abc/y.txt",
    f"OSError: [Errno 2] No such file: '{HOME}/z.json'",
    f"file:{HOME}/english.txt",
    f"({TEMPORARY}/a.bin, ~/b.bin)",
]
WORDS = [
    "--corpus", "file:/home/jo doe/english.txt", f"--vocab={HOME}/v/vocab.json", "--merges", "../m/merges.txt",
    f"--records={TEMPORARY}/my records/r", f"--benchmark-storage=file://{TEMPORARY}/s", f"-c{HOME}/pytest.ini",
]  # fmt: skip
SHORT = [
    "--corpus", "file:english.txt", "--vocab=vocab.json", "--merges", "merges.txt", "--records=r",
    "--benchmark-storage=file://s", "-cpytest.ini",
]  # fmt: skip
CONTENTS = {
    "bench": benchmarks_record,
    "studies": studies_record,
    "profiles": profiles_record,
    "peers": peers_record,
    "step": step_record,
    "faults": faults_record,
}


def polluted(value: Any) -> Any:
    """Return a value with paths behind every text in it, and below a key that is one."""
    if isinstance(value, str):
        return " ".join([value, *PLACES])
    if isinstance(value, dict):
        return {name: polluted(item) for name, item in value.items()} | {f"{HOME}/key": TEMPORARY / "a path"}
    return [polluted(item) for item in value] if isinstance(value, list) else value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in texts(part))
    elif isinstance(value, list):
        yield from (text for item in value for text in texts(item))
    elif isinstance(value, str):
        yield value


def check_no_path(path: Path) -> None:
    for text in texts(json.loads(path.read_text())):
        assert not re.search(r"""(^|[\s'"(=:,[])(file:)?(//)?(/|~|\.\./)[\w.]|/home|jo doe|x y""", text), text
        assert not any(str(folder) in text for folder in (HOME, TEMPORARY, ROOT) if len(folder.parts) > 1)


def test_every_kind_is_tried() -> None:
    assert CONTENTS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bench"])
def test_no_record_holds_a_path_wherever_it_stood(kind: str, tmp_path: Path) -> None:
    content = CONTENTS[kind]()
    results = {name: polluted(content[name]) for name in KINDS[kind].fields}
    path = write({**head(kind, WORDS), **results}, tmp_path)
    check_no_path(path)
    assert json.loads(path.read_text())["arguments"] == SHORT


def test_no_record_of_the_benchmarks_holds_a_path(tmp_path: Path) -> None:
    content = polluted(benchmarks_record()["benchmarks"])
    failed = [{"stage": "train", "impl": "jit", "workload": "w", "error": polluted("ValueError:")}]
    config: Any = SimpleNamespace(
        invocation_params=SimpleNamespace(args=["bench", *WORDS]), stash={SKIPPED: [], ERRORS: failed}
    )
    record = {"benchmarks": json.loads(json.dumps(content, default=str))}
    pytest_benchmark_update_json(config, [], record)
    (tmp_path / "record.json").write_text(json.dumps(record))
    check_no_path(tmp_path / "record.json")
    assert record["arguments"] == ["bench", *SHORT]
    assert config.stash[FILTERED].startswith("filtered, made with --corpus file:english.txt")


def test_no_committed_record_holds_a_path() -> None:
    found = list(REFERENCE.rglob("*.json"))
    assert found
    for path in found:
        check_no_path(path)


def test_an_error_is_recorded_as_one_line_without_folders() -> None:
    error = ValueError("file:/a/b.txt: no such file:\n give '/c/d' of a file")
    assert as_line(error) == "file:b.txt: no such file: give 'd' of a file"

"""No record holds a path of a machine, wherever in a record the path stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.places import as_line, without_folder, without_folders


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


def test_an_error_is_recorded_as_one_line_without_folders() -> None:
    error = ValueError("file:/a/b.txt: no such file:\n give '/c/d' of a file")
    assert as_line(error) == "file:b.txt: no such file: give 'd' of a file"

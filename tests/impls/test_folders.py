"""Folders that we write: marked, locked, and never somebody else's."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from impls.errors import FileFormatError
from impls.folders import MARK, claimed, mark, refuse_same_file, remove
from tests.support import ROOT


def test_a_new_or_an_empty_folder_gets_the_mark_and_can_be_taken_up_again(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new/below", "empty"):
        for _ in range(2):
            with claimed(tmp_path / name, "run", {"a"}) as folder:
                assert folder == (tmp_path / name).resolve()
                (folder / "a").write_bytes(b"a")
        with pytest.raises(FileFormatError, match="is a run folder of ours, not a data folder"):
            claimed(tmp_path / name, "data", {"a"}).__enter__()
        assert {path.name for path in (tmp_path / name).iterdir()} == {MARK, f"{MARK}.lock", "a"}


def test_a_mark_on_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, limit[1]))
    try:
        with pytest.raises(FileFormatError, match="File too large; give another folder"):
            mark(tmp_path / "new", "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert list((tmp_path / "new").iterdir()) == []


def test_what_is_not_ours_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "train.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / MARK).symlink_to(tmp_path / "file")
    mark(tmp_path / "data", "data")
    mark(tmp_path / "damaged", "run")
    (tmp_path / "damaged" / MARK).write_bytes(b"{")
    mark(tmp_path / "link inside", "run")
    (tmp_path / "link inside" / "a").symlink_to(tmp_path / "file")
    mark(tmp_path / "link below", "run")
    (tmp_path / "link below" / "a").mkdir()
    (tmp_path / "link below" / "a" / "b").symlink_to(tmp_path / "file")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name, message in {
        "theirs": r"holds 'train\.txt' but not \.mergelab, mergelab's mark",
        "file": "File exists; give another folder",
        "linked": r"holds '\.mergelab' but not \.mergelab",
        "data": "is a mergelab folder for data, not for run",
        "damaged": "is damaged",
        "link inside": "is a link, and its target would be overwritten",
        "link below": r"a/b: is a link, and its target would be overwritten",
    }.items():
        with pytest.raises(FileFormatError, match=message), claimed(tmp_path / name, "run", {"a"}):
            raise AssertionError(name)
    after = {path: path.read_bytes() for path in before}
    assert after == before


CLAIM = """
import sys
from pathlib import Path
from impls.folders import claimed
with claimed(Path(sys.argv[1]), "run", ()):
    pass
"""


def test_a_second_process_is_told_who_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIM, str(tmp_path / "run")]
    with claimed(tmp_path / "run", "run", ()):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"is being written by process {os.getpid()} on " in done.stderr
    assert subprocess.run(command, cwd=ROOT).returncode == 0


def test_only_files_of_ours_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    remove(folder, r"\d+\.bin")
    folder.mkdir()
    for name in ("1.bin", "2.bin", "notes.txt"):
        (folder / name).write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"notes\.txt: is not mergelab's"):
        remove(folder, r"\d+\.bin")
    assert len(list(folder.iterdir())) == 3
    (folder / "notes.txt").unlink()
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(FileFormatError, match="is a link"):
        remove(tmp_path / "link", r"\d+\.bin")
    remove(folder, r"\d+\.bin")
    assert not folder.exists()


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.link(tmp_path / "a", tmp_path / "hard")
    refuse_same_file(tmp_path / "b", tmp_path / "a")
    for name in ("a", "link", "hard"):
        with pytest.raises(FileFormatError, match="is the same file as the input"):
            refuse_same_file(tmp_path / name, tmp_path / "b", tmp_path / "a")

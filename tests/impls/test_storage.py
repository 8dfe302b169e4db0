"""Files that are replaced: whole or not at all, and with the mode that they had."""

import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from impls.errors import FileFormatError
from impls.storage import atomic_writer


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_replaced_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(mode)
    with atomic_writer(path) as file:
        (temporary,) = set(tmp_path.iterdir()) - {path}
        assert stat.S_IMODE(temporary.stat().st_mode) == mode
        file.write(b"after")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"after", mode)


def test_a_new_file_has_the_mode_of_all_new_files(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    with atomic_writer(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def _fail(file: BinaryIO) -> None:
    file.write(b"after")
    raise OSError(5, "no")


def test_a_block_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(FileFormatError, match="file: no; nothing was written"), atomic_writer(path) as file:
        _fail(file)
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("file", b"before")]

"""The catalogue: rows, the cache, prefixes, verification, and two makers at once."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import data
from data import catalogue, fetch, python_sources, stories
from data.errors import DataError
from impls import FileFormatError
from tests.support import ROOT


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MERGELAB_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def table(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(text)
    monkeypatch.setattr(catalogue, "TABLE", path)


def test_rows() -> None:
    rows = catalogue.load()
    assert list(rows) == data.names()
    assert {"stories", "stdlib", "tinystories-train", "tinystories-valid", "ties"} <= set(rows)
    assert all(row.description and row.licence for row in rows.values())
    downloads = [row for row in rows.values() if row.kind == "download"]
    assert all(row.url.startswith("https://") and row.bytes for row in downloads)


def test_get_makes_once(cache: Path) -> None:
    path = data.get("stories", 10_000)
    assert path.parent == cache
    assert path.read_bytes() == b"".join(stories.chunks(10_000))
    stamp = path.stat().st_mtime_ns
    assert data.get("stories", 10_000) == path
    assert path.stat().st_mtime_ns == stamp
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.with_name(path.name + ".sha256").read_text() == f"{digest}  {path.name}\n"
    assert len(list(cache.iterdir())) == 2


def test_sizes_and_seeds_are_files_of_their_own() -> None:
    paths = {data.get("stories", size, seed=seed) for size in (100, 200) for seed in (0, 1)}
    assert len({path.read_bytes() for path in paths}) == 4


def test_default_size_is_that_of_the_row() -> None:
    assert data.get("ties").stat().st_size == catalogue.find("ties").bytes


def test_changed_generator_makes_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = data.get("crlf", 100)
    changed = tmp_path / "changed.py"
    changed.write_text("other code")
    generator = catalogue._GENERATORS["crlf"]._replace(sources=(changed,))
    monkeypatch.setitem(catalogue._GENERATORS, "crlf", generator)
    assert data.get("crlf", 100) != before


def test_unknown_corpus_lists_what_exists() -> None:
    with pytest.raises(DataError, match=r"^nope: no such corpus; choose one of stories, .*or file:PATH$"):
        data.get("nope")


@pytest.mark.parametrize(("name", "size", "seed"), [("stories", -1, 0), ("ties", 10, 3), ("stories", 10, -1)])
def test_what_a_corpus_does_not_have_is_refused(name: str, size: int, seed: int, cache: Path) -> None:
    with pytest.raises(DataError, match=f"^{name}: "):
        data.get(name, size, seed=seed)
    assert not cache.exists() or not list(cache.iterdir())


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes("añb€c😀".encode())
    assert data.get(f"file:{path}") == path
    assert data.get(f"file:{path}", 12) == path
    whole = {1: 1, 2: 1, 3: 3, 4: 4, 5: 4, 6: 4, 7: 7, 8: 8, 9: 8, 10: 8, 11: 8, 0: 0}
    for asked, got in whole.items():
        assert data.get(f"file:{path}", asked).read_bytes() == path.read_bytes()[:got]
    with pytest.raises(DataError, match="has only 12 bytes, but 13 are wanted"):
        data.get(f"file:{path}", 13)


def test_changed_file_gives_a_new_prefix(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("one text")
    first = data.get(f"file:{path}", 3)
    path.write_text("two texts")
    assert data.get(f"file:{path}", 3).read_text() == "two"
    assert first.read_text() == "one"


def test_prefix_of_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"\x80" * 5_000)
    assert 3_997 <= data.get(f"file:{path}", 4_000).stat().st_size <= 4_000


@pytest.mark.parametrize("name", ["file:/no/such/file", "file:/", "file:"])
def test_missing_file(name: str) -> None:
    with pytest.raises(DataError, match="no such file"):
        data.get(name)


def test_local_and_download_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    (tmp_path / "here.txt").write_text("some text")
    rows = '[here]\nkind = "local"\ndescription = "d"\nlicence = "l"\npath = "here.txt"\n'
    rows += '[there]\nkind = "download"\ndescription = "d"\nlicence = "l"\nbytes = 4\n'
    rows += 'url = "http://127.0.0.1:9/"\n'
    table(tmp_path / "corpora.toml", rows, monkeypatch)
    assert data.get("here").read_text() == "some text"
    assert data.get("here", 4).read_text() == "some"
    with pytest.raises(DataError, match=r"^http://127.0.0.1:9/: .*refused"):
        data.get("there")
    cache.mkdir(exist_ok=True)
    (cache / "there.txt").write_text("file")  # put there by hand
    assert data.get("there").read_text() == "file"
    assert [check.fault for check in catalogue.verify("there")] == [""]


@pytest.mark.parametrize(
    "row",
    [
        '[bad]\nkind = "local"\n',
        '[bad]\nkind = "local"\ndescription = "d"\nlicence = "l"\nsize = 3\n',
        '[bad]\nkind = "generated"\ndescription = "d"\nlicence = "l"\n',
    ],
)
def test_bad_row_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str) -> None:
    table(tmp_path / "corpora.toml", row, monkeypatch)
    with pytest.raises(DataError, match=r"^corpora.toml: \[bad\]: "):
        catalogue.load()


def test_verify_finds_damage() -> None:
    path = data.get("stories", 1_000)
    assert catalogue.verify("stories") == [catalogue.Check(path, fetch.sha256_of(path), "")]
    path.write_bytes(b"x" * 1_000)
    assert "not the recorded" in catalogue.verify("stories")[0].fault
    path.with_name(path.name + ".sha256").unlink()
    assert "has no recorded digest" in catalogue.verify("stories")[0].fault
    assert data.get("stories", 1_000).read_bytes() != b"x" * 1_000


def test_verify_compares_with_the_row() -> None:
    path = data.get("ties")
    catalogue.write(path, [b"other"])
    catalogue._record(path, fetch.sha256_of(path))
    assert "but corpora.toml states" in catalogue.verify("ties")[0].fault


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt, KeyboardInterrupt), (DataError, DataError), (OSError, FileFormatError)]
)
def test_nothing_half_written_is_left(tmp_path: Path, error: type[BaseException], seen: type[BaseException]) -> None:
    def content() -> Iterator[bytes]:
        yield b"half"
        raise error

    with pytest.raises(seen):
        catalogue.write(tmp_path / "file.txt", content())
    assert list(tmp_path.iterdir()) == []


def test_two_makers_at_once(cache: Path) -> None:
    command = [sys.executable, "-c", "import data; print(data.get('stories', 3_000_000))"]
    pipe = subprocess.PIPE
    makers = [subprocess.Popen(command, cwd=ROOT, stdout=pipe, text=True) for _ in range(2)]
    printed = {maker.communicate()[0].strip() for maker in makers}
    assert [maker.returncode for maker in makers] == [0, 0]
    (path,) = map(Path, printed)
    assert path.read_bytes() == b"".join(stories.chunks(3_000_000))
    assert [check.fault for check in catalogue.verify("stories")] == [""]
    assert len(list(cache.iterdir())) == 2


def library(root: Path) -> Path:
    for name in ("a.py", "sub/b.py", "sub/c.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name} ñ\n")
    (root / "latin.py").write_bytes(b"# \xf1\n")
    (root / "site-packages").mkdir()
    (root / "site-packages" / "foreign.py").write_text("foreign")
    return root


def test_python_sources(tmp_path: Path) -> None:
    text = b"".join(python_sources.chunks(root=library(tmp_path / "lib"))).decode()
    sources = text.split(stories.SEPARATOR)
    order = sorted(["a.py", "sub/b.py", "sub/c.py"], key=lambda name: hashlib.sha256(name.encode()).digest())
    assert sources == [*(f"# {name} ñ\n" for name in order), ""]


def test_python_sources_are_cut_between_characters(tmp_path: Path) -> None:
    root = library(tmp_path / "lib")
    whole = b"".join(python_sources.chunks(root=root))
    for n_bytes in range(len(whole) + 1):
        text = b"".join(python_sources.chunks(n_bytes, root))
        assert whole.startswith(text)
        assert n_bytes - 1 <= len(text) <= n_bytes
        text.decode()
    with pytest.raises(DataError, match=f"have {len(whole)} bytes, but {len(whole) + 1} are wanted"):
        list(python_sources.chunks(len(whole) + 1, root))


def test_stdlib_of_this_python() -> None:
    text = data.get("stdlib", 200_000).read_text("utf-8")
    assert "def " in text
    assert stories.SEPARATOR in text

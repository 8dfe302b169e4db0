"""Data sets from a hub: the real client against a local server."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from impls import MergelabError
from lm.config import DatasetConfig
from lm.corpora import prepare

TEXTS = {
    "/datasets/owner/tales/resolve/main/train.txt": b"one<|endoftext|>two<|endoftext|>",
    "/datasets/owner/tales/resolve/main/valid.txt": b"three<|endoftext|>",
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub with two files; the requests that it gets."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            requests.append(f"{self.command} {self.path}")
            text = TEXTS.get(self.path.replace("c" * 40, "main"))
            self.send_response(200 if text else 404)
            self.send_header("ETag", f'"{len(text or b"")}"')
            self.send_header("X-Repo-Commit", "c" * 40)
            if text is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", str(len(text or b"")))
            self.end_headers()
            if body and text:
                self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield requests
    server.shutdown()
    server.server_close()


def dataset(**files: str) -> DatasetConfig:
    return DatasetConfig(name="tales", source="hub", path="owner/tales", files=files)


def test_files_are_fetched_once(hub: list[str], tmp_path: Path) -> None:
    counts = prepare(dataset(train="train.txt", validation="valid.txt"), tmp_path, tmp_path / "cache")
    assert (tmp_path / "train.txt").read_bytes() == b"one<|endoftext|>two<|endoftext|>"
    assert (tmp_path / "val.txt").read_bytes() == b"three<|endoftext|>"
    assert counts.documents == {"train": 2, "val": 1}
    gets = [request for request in hub if request.startswith("GET /datasets/")]
    assert len(gets) == 2
    prepare(dataset(train="train.txt", validation="valid.txt"), tmp_path, tmp_path / "cache")
    assert [request for request in hub if request.startswith("GET /datasets/")] == gets


def test_a_file_that_is_not_there_is_one_line(hub: list[str], tmp_path: Path) -> None:
    with pytest.raises(MergelabError, match=r"owner/tales/none\.txt: cannot be fetched: ") as error:
        prepare(dataset(train="none.txt"), tmp_path, tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert hub

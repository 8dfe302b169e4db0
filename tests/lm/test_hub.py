"""Data sets from a hub, folders to it: the real client against a local server."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from impls import MergelabError
from lm.config import DatasetConfig
from lm.corpora import prepare
from lm.export import export
from lm.hub import upload
from lm.trained import Trained
from tests.lm.test_demo import SMALL
from tests.lm.test_models import CONFIGS, scrambled

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

        def do_POST(self) -> None:
            """Create a repository, take files of any size in the commit itself, and commit."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(f"{self.command} {self.path}")
            if self.headers.get("Authorization") != "Bearer hf_secret":
                self.send_response(401)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            home = f"http://127.0.0.1:{server.server_port}/owner/model"
            answer: dict[str, object] = {"url": home, "name": "owner/model"}
            if "/preupload/" in self.path:
                names = [file["path"] for file in json.loads(body)["files"]]
                rows = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
                answer = {"files": rows}
            if "/commit/" in self.path:
                for row in map(json.loads, body.splitlines()):
                    if row["key"] == "file":
                        received[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
                answer = {"commitUrl": f"{home}/commit/{'1' * 40}", "commitOid": "1" * 40}
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield requests
    server.shutdown()
    server.server_close()


received: dict[str, bytes] = {}
"""Files that were sent."""


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


def test_an_exported_folder_arrives_whole(hub: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(Trained(scrambled(CONFIGS["gpt2"]), SMALL, 96), tmp_path / "out")
    with pytest.raises(MergelabError, match="owner/model: cannot be uploaded") as error:
        upload(tmp_path / "out", "owner/model")
    assert "\n" not in str(error.value)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    upload(tmp_path / "out", "owner/model")
    sent = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    assert received == sent
    assert hub

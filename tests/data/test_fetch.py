"""Downloads against a local HTTP server: resume, size, checksum, and every way to fail."""

import fcntl
import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.errors import DataError
from data.fetch import download

BODY = bytes(range(256)) * 1_000
DIGEST = hashlib.sha256(BODY).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    """`/file` resumes, `/whole` ignores Range, `/short` breaks off, `/chunked` tells no size, `/to/URL` redirects."""

    ranges: list[str | None]

    def do_GET(self) -> None:
        self.ranges.append(self.headers["Range"])
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/broken":
            return self.send_error(503)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(BODY)
        if self.path == "/chunked":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(BODY)
            return None
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if asked and self.path != "/whole":
            start = int(asked[1])
            if start >= len(BODY):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        self.wfile.write(BODY[start : 100_000 if self.path == "/short" else None])
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ranges() -> list[str | None]:
    return []


@pytest.fixture
def url(ranges: list[str | None]) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"ranges": ranges})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file.txt"


def part_of(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path.with_name("file.txt.part")


@pytest.mark.parametrize("page", ["/file", "/whole", "/chunked"])
def test_whole_file(url: str, path: Path, page: str) -> None:
    seen: list[tuple[int, int | None]] = []
    digest = download(url + page, path, len(BODY), DIGEST, lambda have, total: seen.append((have, total)))
    assert digest == DIGEST
    assert path.read_bytes() == BODY
    assert not part_of(path).exists()
    assert seen[-1] == (len(BODY), None if page == "/chunked" else len(BODY))


def test_resumes(url: str, path: Path, ranges: list[str | None]) -> None:
    part_of(path).write_bytes(BODY[:1_234])
    assert download(url + "/file", path, len(BODY), DIGEST) == DIGEST
    assert path.read_bytes() == BODY
    assert ranges == ["bytes=1234-"]


def test_server_without_ranges_starts_again(url: str, path: Path) -> None:
    part_of(path).write_bytes(b"something else")
    assert download(url + "/whole", path, len(BODY)) == DIGEST
    assert path.read_bytes() == BODY


def test_range_beyond_the_end_starts_again(url: str, path: Path, ranges: list[str | None]) -> None:
    part_of(path).write_bytes(BODY + b"too much")
    assert download(url + "/file", path) == DIGEST
    assert ranges == [f"bytes={len(BODY) + 8}-", None]


def test_complete_part_needs_no_network(path: Path) -> None:
    part_of(path).write_bytes(BODY)
    assert download("http://127.0.0.1:9/", path, len(BODY), DIGEST) == DIGEST


def test_short_body_is_kept_and_resumed(url: str, path: Path) -> None:
    with pytest.raises(
        DataError, match="/short: the download stopped after 100000 of 256000 bytes; run the command again"
    ):
        download(url + "/short", path)
    assert part_of(path).read_bytes() == BODY[:100_000]
    assert not path.exists()
    assert download(url + "/file", path, len(BODY), DIGEST) == DIGEST


@pytest.mark.parametrize(("page", "status"), [("/missing", "HTTP 404"), ("/broken", "HTTP 503")])
def test_http_errors(url: str, path: Path, page: str, status: str) -> None:
    with pytest.raises(DataError, match=f"{page}: {status} ") as caught:
        download(url + page, path)
    assert "\n" not in str(caught.value)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("page", ["/file", "/chunked"])
def test_wrong_size(url: str, path: Path, page: str) -> None:
    with pytest.raises(DataError, match=f"{page}: the (file on the )?server .* 99(;| bytes;) check the URL"):
        download(url + page, path, 99)
    assert list(path.parent.iterdir()) == []


def test_wrong_checksum_leaves_nothing(url: str, path: Path) -> None:
    with pytest.raises(DataError, match=f"/file: the file has the SHA-256 {DIGEST}, not the expected 0000"):
        download(url + "/file", path, len(BODY), "0" * 64)
    assert list(path.parent.iterdir()) == []


def test_connection_refused_keeps_the_part(path: Path) -> None:
    part_of(path).write_bytes(BODY[:10])
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(DataError, match="refused; check the network, then run the command again"):
            download(f"http://127.0.0.1:{unused.getsockname()[1]}/file", path, timeout=2)
    assert part_of(path).read_bytes() == BODY[:10]


def test_silent_server_times_out(path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(DataError, match="timed out; check the network"),
    ):
        download(f"http://127.0.0.1:{server.getsockname()[1]}/file", path, timeout=0.2)


@pytest.mark.parametrize("url", ["ftp://example.org/x", "file:///etc/hosts", "nonsense", ""])
def test_other_schemes_are_refused(path: Path, url: str) -> None:
    with pytest.raises(DataError, match="is not an http or https URL"):
        download(url, path)


def test_a_redirect_leads_to_the_web_alone(url: str, path: Path) -> None:
    download(f"{url}/to/{url}/file", path)
    assert path.read_bytes() == BODY
    for target in ("ftp://127.0.0.1/x", "file:///etc/hostname"):
        with pytest.raises(DataError, match=r"/to/.*(ftp|file):.*; check the URL$"):
            download(f"{url}/to/{target}", path.with_name("other"))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_server_that_sends_without_end_is_left_at_the_size(url: str, path: Path) -> None:
    with pytest.raises(DataError, match=rf"sends more than {len(BODY)} bytes"):
        download(f"{url}/endless", path, n_bytes=len(BODY))
    assert not list(path.parent.iterdir())


def test_malformed_url(path: Path) -> None:
    with pytest.raises(DataError, match=r"http://\[bad: "):
        download("http://[bad", path)


def test_second_process_is_sent_away(url: str, path: Path) -> None:
    with part_of(path).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process downloads this file"):
            download(url + "/file", path)
        assert part_of(path).exists()


def test_interrupt_keeps_the_part(url: str, path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(url + "/file", path, progress=interrupt)
    assert part_of(path).stat().st_size > 0
    assert not path.exists()

"""Download one file: after an interruption, a download goes on where it stopped, and a wrong file is never accepted.

Bytes go to `<name>.part`, which a later call resumes with an HTTP Range request. The file gets its own name only when
its size and SHA-256 are right. `.part` stays after an interruption and is removed when its size or content is wrong.
"""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from data.errors import DataError
from impls import system

Progress = Callable[[int, int | None], None]
"""A function that is called with the number of bytes received so far and the total (None if the server does not tell
it)."""

_CHUNK = 1 << 20

_SCHEMES = ("http://", "https://")


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects of a server only to http and https URLs."""

    def redirect_request(self, *request: Any) -> urllib.request.Request | None:
        new_url = request[-1]
        if not new_url.startswith(_SCHEMES):
            raise urllib.error.URLError(f"the server redirects to {new_url}, which is not an http or https URL")
        return super().redirect_request(*request)


_OPENER = urllib.request.build_opener(_WebRedirects)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex, read in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str,
    path: Path,
    n_bytes: int | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
    *,
    timeout: float = 30.0,
) -> str:
    """Download a file and return its SHA-256 as hex.

    Args:
        url: http or https.
        path: where the finished file will be.
        n_bytes: the size that the file must have; None if any size is right.
        sha256: the digest that the file must have, as hex; None if any digest is right.
        progress: called after each chunk with two numbers of bytes: received so far, and in total (None if unknown).
        timeout: seconds for each wait on the network.

    Raises:
        DataError: the download failed, or has the wrong size or digest; the message names the URL.
        OSError: `path` cannot be written.
    """
    if not url.startswith(_SCHEMES):
        raise DataError(f"{url}: is not an http or https URL; give a URL of these kinds")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("ab") as file:
        _lock(file, part, url)
        try:
            if n_bytes is None or file.tell() != n_bytes:
                _fill(file, url, n_bytes, progress, timeout)
            file.flush()
            digest = sha256_of(part)
            if sha256 not in (None, digest):
                _restart(file)
                told = f"the file has the SHA-256 {digest}, not the expected {sha256}"
                raise DataError(f"{url}: {told}; check the URL and run the command again")
            part.replace(path)  # While it is locked: nobody may append to a finished file.
        finally:
            if file.tell() == 0:
                part.unlink(missing_ok=True)
    return digest


def _lock(file: BinaryIO, part: Path, url: str) -> None:
    """Make this process the only writer of `part`."""
    try:
        system.lock(file)
    except BlockingIOError:
        raise DataError(f"{url}: another process downloads this file; wait until that process ends") from None
    if not part.exists() or not os.path.samestat(os.fstat(file.fileno()), part.stat()):
        raise DataError(f"{url}: another process has just finished the download; run the command again")


def _fill(file: BinaryIO, url: str, n_bytes: int | None, progress: Progress | None, timeout: float) -> None:
    """Download the rest of the open `.part` file."""
    with _open(file, url, timeout) as response:
        total = None if response.length is None else file.tell() + response.length
        if n_bytes is not None and total not in (None, n_bytes):
            _restart(file)
            raise DataError(f"{url}: the server has a file of {total} bytes, not of {n_bytes} bytes; check the URL")
        while chunk := _read(response, url):
            if n_bytes is not None and file.tell() + len(chunk) > n_bytes:
                _restart(file)
                raise DataError(f"{url}: the server sends more than {n_bytes} bytes; check the URL")
            file.write(chunk)
            if progress is not None:
                progress(file.tell(), total)
    if total is not None and file.tell() < total:
        raise DataError(
            f"{url}: the download stopped after {file.tell()} of {total} bytes; run the command again to resume"
        )
    if n_bytes is not None and file.tell() != n_bytes:
        sent = file.tell()
        _restart(file)
        raise DataError(f"{url}: the server sent {sent} bytes, not {n_bytes} bytes; check the URL")


def _open(file: BinaryIO, url: str, timeout: float) -> http.client.HTTPResponse:
    """Return the response with the rest of the file; if the server cannot resume, empty the file and start anew."""
    with _explained(url):
        if have := file.tell():
            response = _resumed(url, have, timeout)
            if response is not None:
                return response
            _restart(file)
        return cast(http.client.HTTPResponse, _OPENER.open(url, timeout=timeout))


def _resumed(url: str, have: int, timeout: float) -> http.client.HTTPResponse | None:
    """Return the response from byte `have` on; None if the server cannot resume there."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"})
    try:
        response = cast(http.client.HTTPResponse, _OPENER.open(request, timeout=timeout))
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise
    if (response.getheader("Content-Range") or "").startswith(f"bytes {have}-"):
        return response
    response.close()
    return None


def _restart(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _read(response: http.client.HTTPResponse, url: str) -> bytes:
    with _explained(url):
        return response.read(_CHUNK)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn each error of the network into a DataError of one line."""
    try:
        yield
    except urllib.error.HTTPError as error:
        hint = "check the URL" if error.code in (401, 403, 404, 410) else "try again later"
        raise DataError(f"{url}: HTTP {error.code} {error.reason}; {hint}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise DataError(f"{url}: {reason}; check the network, then run the command again to resume") from None

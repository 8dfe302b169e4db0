"""Mutated files: a bit is flipped, a part is cut out, inserted or copied, or a JSON value is exchanged.

The claim is the same for every file: either reading it raises one of our errors, in one line, or its content is
intact.
"""

from __future__ import annotations

import copy
import json
import resource
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from bench.fuzz.kind import Case, Difference
from impls.command_line import is_out_of_memory
from impls.errors import MergelabError

STRANGE: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 1.5, -0.0, 1e308, float("inf"), float("nan"), 2**31, 2**63, 2**70),
    *("", "a", "\x00", "\ud800", "é", "1", "../x", [], {}, [[]], {"": None}, [None], ["a", "b"], "x" * 999),
)
"""Values that stand where another value is expected."""

MORE_MEMORY = 1 << 30
"""Bytes that a mutated file may make the process take."""


def mutated(random: Random, content: bytes) -> bytes:
    """Return the content of a file after one to three mutations; a JSON file often stays valid JSON."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        content = random.choice((exchanged, exchanged, flipped, cut, extended, spliced))(random, content)
    return content


def mutated_one(random: Random, files: Mapping[str, bytes], names: Sequence[str]) -> Case:
    """Return a case in which one of the files in `names`, chosen at random, is mutated."""
    name = random.choice(names)
    return Case(mutated(random, files[name]), {"file": name})


@contextmanager
def folder_of(files: Mapping[str, bytes], case: Case) -> Iterator[Path]:
    """Yield a folder with `files`, in which one file has the mutated content of the case."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**files, case.parameters["file"]: case.content}.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        yield Path(folder)


def flipped(random: Random, content: bytes) -> bytes:
    """Flip one bit."""
    if not content:
        return content
    data = bytearray(content)
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def cut(random: Random, content: bytes) -> bytes:
    """Remove the end of the content, or a part of it."""
    start = random.randint(0, len(content))
    return content[:start] + (content[start + random.randint(1, 40) :] if random.random() < 0.5 else b"")


def extended(random: Random, content: bytes) -> bytes:
    """Insert bytes, often at the end."""
    place = len(content) if random.random() < 0.5 else random.randint(0, len(content))
    more = random.choice((b"\n", b" ", b"\0", b"{}", b"\xff", b"\xef\xbb\xbf", random.randbytes(9), content[:64]))
    return content[:place] + more + content[place:]


def spliced(random: Random, content: bytes) -> bytes:
    """Copy a part of the content over another part."""
    start, place = random.randint(0, len(content)), random.randint(0, len(content))
    part = content[start : start + random.randint(1, 60)]
    return content[:place] + part + content[place + (len(part) if random.random() < 0.5 else 0) :]


def exchanged(random: Random, content: bytes) -> bytes:
    """Exchange a value of a JSON file for another value, or remove it; if the file is not JSON, flip a bit."""
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return flipped(random, content)
    places = list(_places(values))
    if not places:
        return flipped(random, content)
    holder, key = random.choice(places)
    other, other_key = random.choice(places)
    if random.random() < 0.15:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(other[other_key]) if random.random() < 0.3 else random.choice(STRANGE)
    return json.dumps(values).encode()


def _places(values: Any) -> list[tuple[Any, Any]]:
    """Return each list or object inside JSON values, paired with each of its indices or keys."""
    found: list[tuple[Any, Any]] = []
    waiting = [values]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict | list):
            items = list(holder.items() if isinstance(holder, dict) else enumerate(holder))
            found += [(holder, key) for key, _ in items]
            waiting += [value for _, value in items]
    return found


def refused_or(use: Callable[[], Difference | None]) -> Difference | None:
    """Call `use`, which reads a mutated file; return its difference, or None if it raises our error in one line.

    A size in the file may ask for more memory than there is. Such an error is accepted too: command lines print it as
    one line.
    """
    try:
        with _memory_limit(MORE_MEMORY):
            return use()
    except MergelabError as error:
        message = str(error)
        return None if message and "\n" not in message else Difference("an error of one line", repr(message))
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            return None
        raise


@contextmanager
def _memory_limit(more: int) -> Iterator[None]:
    """Let the process take at most `more` further bytes of memory: a huge size in a file must do no harm."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (wanted if soft < 0 else min(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

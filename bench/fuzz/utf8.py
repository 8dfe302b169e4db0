"""Invalid UTF-8: where the fault is found, and what U+FFFD replaces, compared with Python's own decoder."""

from __future__ import annotations

from random import Random

from bench.fuzz.kind import Case, Difference, Kind, compared
from bench.fuzz.scans import counted, only_in, split
from bench.fuzz.texts import text
from impls.cuts import SafeCuts
from impls.definition import Definition
from impls.errors import InvalidUtf8Error
from impls.kernels.splits import SPLITS
from impls.registry import implementations

EDGES = bytes.fromhex("2041 7f80 8f90 9fa0 a7bf c0c1 c2d0 dfe0 e1ec edee eff0 f1f3 f4f5 ff27")
"""The edges of every range that the definition of UTF-8 names."""

DEFINITION = Definition({byte: bytes([byte]) for byte in range(256)}, [])


def make(random: Random) -> Case:
    """Return a text in which some bytes are replaced, removed or added."""
    content = bytearray(text(random, 1500).encode())
    for _ in range(random.randint(0, 4)):
        place = random.randint(0, len(content))
        stop = place + random.randint(0, 2)
        content[place:stop] = bytes(random.choices(EDGES, k=random.randint(0, 4)))
    return Case(bytes(content), {"pattern": random.choice(list(SPLITS)), "range_bytes": random.choice((1, 5, 64))})


def fault(content: bytes) -> int | None:
    """Return the offset of the first byte that Python's decoder refuses; None for valid UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def encoders_fault(name: str, content: bytes, pattern: str, batch: bool) -> int | None:
    """Return the offset in the error that an encoder raises; None if it raises no error."""
    row = next(row for row in implementations("encode") if row.name == name)
    encoder = row.load()(DEFINITION.vocabulary, pattern)
    try:
        if batch:
            encoder.encode_batch([b"before", content, b"after"])
        else:
            encoder.encode(content)
    except InvalidUtf8Error as error:
        return error.offset
    return None


def check(case: Case) -> Difference | None:
    """Compare the offsets of faults with Python's decoder, then the texts in which U+FFFD replaces the faults."""
    content, pattern = case.content, case.parameters["pattern"]
    expected = fault(content)
    for row in implementations("encode"):
        for batch in (False, True):
            found = encoders_fault(row.name, content, pattern, batch)
            if difference := compared(expected, found, f"fault by {row.name}, batch {batch}"):
                return difference
    scanned = counted(content, pattern)
    if difference := compared(expected, scanned if isinstance(scanned, int) else None, "fault by the counter"):
        return difference
    return replaced(content, pattern, case.parameters["range_bytes"])


def replaced(content: bytes, pattern: str, range_bytes: int) -> Difference | None:
    """Compare the counter's pretokens, and the text read in ranges, with Python's replacement by U+FFFD."""
    text_of_python = content.decode(errors="replace")
    wanted, found = split(text_of_python, pattern), counted(content, pattern, "replace")
    assert isinstance(found, dict)
    ranges = SafeCuts(pattern, []).ranges(lambda start, stop: content[start:stop], 0, len(content), range_bytes)
    parts = "".join(content[start:stop].decode(errors="replace") for start, stop in ranges)
    return compared(only_in(wanted, found), only_in(found, wanted), "replaced by the counter") or compared(
        text_of_python, parts, "replaced in ranges"
    )


KIND = Kind("Invalid UTF-8 is found and replaced where Python's decoder finds and replaces it.", make, check)

"""Uses one Tokenizer in many threads, or forks during its use: `python -m bench.faults.together ORDER`.

The module runs in a child process, since a process that forks while it is busy may hang. The other runs must go on.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.child import answer
from impls.inputs.file import TextFile
from impls.tokenizer import Tokenizer

THREADS, FORKS, LONGEST = 8, 10, 20.0

Found = list[str]
Use = Callable[[Tokenizer, str], object]

USES: dict[str, Use] = {
    "encode": lambda tokenizer, text: tokenizer.encode(text),
    "encode_batch": lambda tokenizer, text: tokenizer.encode_batch(text.splitlines(), workers=2),
    "encode_to_array": lambda tokenizer, text: tokenizer.encode_to_array(text, workers=2).tolist(),
    "decode": lambda tokenizer, text: tokenizer.decode(tokenizer.encode(text)),
    "encode without specials": lambda tokenizer, text: tokenizer.encode(text, special="none"),
}


def pieces(path: str, draw: random.Random) -> list[str]:
    """Return parts of a file's text, of different sizes, from random places."""
    text, sizes = Path(path).read_text(), [100, 3000, 100_000, 1_500_000]
    starts = [draw.randrange(len(text)) for _ in range(4)]
    return [text[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def expected(folder: str, texts: list[str]) -> dict[tuple[str, int], object]:
    """Return the right results: each use of a Tokenizer on each text, in one thread."""
    tokenizer = Tokenizer.load(folder)
    return {(use, n): USES[use](tokenizer, text) for use in USES for n, text in enumerate(texts)}


def threads(folder: str, path: str, draw: random.Random) -> Found:
    """Let several threads use a new Tokenizer at the same time; return each result that differs in one thread."""
    texts, found = pieces(path, draw), Found()
    right = expected(folder, texts)
    tokenizer, start = Tokenizer.load(folder), threading.Barrier(THREADS)
    orders = [draw.sample(sorted(right), len(right)) for _ in range(THREADS)]

    def work(order: list[tuple[str, int]]) -> None:
        start.wait()
        for use, n in order:
            try:
                if USES[use](tokenizer, texts[n]) != right[use, n]:
                    found.append(f"{use} of {len(texts[n])} characters gives another result in {THREADS} threads")
            except Exception as error:
                found.append(f"{use} raises {error!r} in {THREADS} threads")

    all_threads = [threading.Thread(target=work, args=(order,), daemon=True) for order in orders]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join(3 * LONGEST)
    return found + [f"{use.name} hangs" for use in all_threads if use.is_alive()]


def forks(folder: str, path: str, draw: random.Random) -> Found:
    """Fork while other threads use the Tokenizer; return which results of the new process differ."""
    texts, found = pieces(path, draw), Found()
    right = expected(folder, texts)
    tokenizer, stop = Tokenizer.load(folder), threading.Event()

    def work() -> None:
        while not stop.is_set():
            for use, n in right:
                USES[use](tokenizer, texts[n])

    for _ in range(2):
        threading.Thread(target=work, daemon=True).start()
    for _ in range(FORKS):
        time.sleep(draw.uniform(0, 0.1))
        use, n = draw.choice(sorted(right))
        child = os.fork()
        if not child:
            os._exit(USES[use](tokenizer, texts[n]) != right[use, n])
        found += [f"{use} of {len(texts[n])} characters {line} after a fork" for line in _fate(child)]
    stop.set()
    return found


def _fate(child: int) -> Found:
    """Wait for a forked process; return what is wrong with its end, or an empty list."""
    stop = time.monotonic() + LONGEST
    while time.monotonic() < stop:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return [f"ends with status {status}"] if status else []
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return ["hangs"]


KINDS = {"threads": threads, "forks": forks}


def carry_out(job: dict[str, object]) -> dict[str, object]:
    """Carry out an order from `bench.child.order`; return the report."""
    TextFile.open(str(job["text"]))
    draw = random.Random(int(str(job["seed"])))
    return {"found": KINDS[str(job["kind"])](str(job["tokenizer"]), str(job["text"]), draw)}


if __name__ == "__main__":
    status = answer(carry_out)
    sys.stdout.flush()
    os._exit(status)  # Threads that hang must not keep the process alive.

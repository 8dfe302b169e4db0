"""The process of one side: it prepares cases once, then times calls on order.

An order is a line of JSON on standard input, its answer a line of JSON on standard output. Python looks for
modules in the sources of the side first, and finds `impls` there; `bench` comes from head. So a revision needs no
code for this: it is asked for its registry, for the three kinds of calls, and to open a text and a tokenizer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench import PATTERN, SPECIAL_TOKENS
from bench.turns import Side, timed

Call = tuple[Callable[..., Any], Callable[[], tuple[Any, ...]]]
"""What is timed, and what returns its arguments, which is not timed."""

Order = dict[str, Any]

_sides: dict[str, Side] = {}


def count_call(load: Callable[[], Any], order: Order) -> Call:
    """Count the pretokens of a file."""
    count, text = load(), open_text(order["text"])
    options = {"pattern": PATTERN, "special_tokens": SPECIAL_TOKENS, "workers": order["workers"]}
    return (lambda: count(text, **options)), tuple


def open_text(path: str) -> Any:
    """Open a file as counters take it."""
    try:
        from impls.inputs.file import TextFile as File
    except ModuleNotFoundError:  # Until November 2026.
        from impls.corpus import Corpus as File  # type: ignore[import-not-found, no-redef, unused-ignore]
    return File.open(path)


def train_call(load: Callable[[], Any], order: Order) -> Call:
    """Train merges on pretokens."""
    from impls.contract import Pretokens

    train = load()
    with np.load(order["pretokens"]) as arrays:
        pretokens = Pretokens(arrays["bytes_"], arrays["offsets"], arrays["counts"])
    return (lambda: train(pretokens, n_merges=order["n_merges"])), tuple


def encode_call(_: Callable[[], Any], order: Order) -> Call:
    """Encode a string with a tokenizer whose caches are empty."""
    from impls import Tokenizer

    content = Path(order["text"]).read_bytes().decode()

    def from_files() -> Any:
        return Tokenizer.from_files(order["vocab"], order["merges"], SPECIAL_TOKENS, impl=order["impl"])

    if not hasattr(Tokenizer, "from_definition"):
        return Tokenizer.encode_to_array, lambda: (from_files(), content)
    definition = from_files().definition
    return Tokenizer.encode_to_array, lambda: (Tokenizer.from_definition(definition, impl=order["impl"]), content)


CALLS = {"count": count_call, "train": train_call, "encode": encode_call}


def digest(output: Any) -> str:
    """Hash an output, sha256 as hex, by its values alone: revisions agree on it whatever classes they have."""
    if hasattr(output, "to_mapping"):
        return sha256(repr(sorted(output.to_mapping().items())).encode()).hexdigest()
    values = np.stack([output.left, output.right]) if hasattr(output, "left") else np.asarray(output)
    return sha256(values.astype("<i8").tobytes()).hexdigest()


def prepare(order: Order) -> dict[str, Any]:
    """Load a case and call it twice: return the digest of the first output, and the seconds of the second call."""
    os.sched_setaffinity(0, order["cores"])
    from impls.registry import find

    impl = find(order["stage"], order["impl"])
    call, setup = CALLS[order["stage"]](impl.load, order)
    output = digest(call(*setup()))
    side = _sides[order["case"]] = timed(call, setup)
    return {"output": output, "seconds": side(1)}


def time(order: Order) -> dict[str, Any]:
    """Take a turn and return its seconds."""
    return {"seconds": _sides[order["case"]](order["calls"])}


def rows(_: Order) -> dict[str, Any]:
    """Return where the sources lie, and the target of each implementation by "stage/name"."""
    import impls
    from impls.registry import STAGES, implementations

    found = {f"{row.stage}/{row.name}": row.target for stage in STAGES for row in implementations(stage)}
    return {"place": str(impls.__file__), "rows": found}


def forget_installed_copy() -> None:
    """Take an editable installation of this project out of the search for modules.

    Its finder would find the modules of head that base does not have: `import impls.later` would work in base.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in str(finder)]


ORDERS = {"rows": rows, "prepare": prepare, "time": time}


def main() -> None:
    """Carry out orders until there are no more; what the measured code prints goes to standard error."""
    forget_installed_copy()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = ORDERS[order["do"]](order)
        except Exception as error:  # Of measured code, which may raise anything.
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

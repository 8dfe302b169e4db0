"""PyTorch's own profiler: the operators of training steps, their time and memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from impls import MergelabError
from profiles.targets import SMALL, STEPS, Subject
from profiles.tools.rows import ranked
from profiles.tools.tool import Tool


def suite() -> Iterator[Subject]:
    """Yield steps of GPT-2 with both sets of operations, and a step of Llama 3 with the faster set."""
    yield from (Subject("gpt2-step", impl, SMALL) for impl in STEPS["gpt2-step"].impls)
    yield Subject("llama3-step", "fused", SMALL)


def operators_file(raw: Path) -> Path:
    """Return the path of the file with the sums over operators, which lies beside the trace."""
    return raw.with_suffix(".operators.json")


@contextmanager
def operators(raw: Path) -> Iterator[None]:
    """Record the operators that run in the block, in two files: a trace, and the sums over operators."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        yield
    profiler.export_chrome_trace(str(raw))
    rows = [
        {
            "name": row.key,
            "own": row.self_cpu_time_total / 1e6,
            "cumulative": row.cpu_time_total / 1e6,
            "calls": row.count,
            "bytes": row.self_cpu_memory_usage,
        }
        for row in profiler.key_averages()
    ]
    operators_file(raw).write_text(json.dumps(rows))


def facts(subject: Subject) -> dict[str, Any]:
    """Return the bytes that the tensors of a step hold, predicted and measured."""
    return {"tensor_bytes": STEPS[subject.stage].tensor_bytes(subject.impl, subject.row())}


def digest(raw: Path) -> dict[str, Any]:
    """Return the operators with the most time. `bytes`: the bytes that an operator allocated minus those it freed.

    Raises:
        MergelabError: no operator ran.
    """
    functions = [{**row, "file": "", "line": 0} for row in json.loads(operators_file(raw).read_text())]
    if not functions:
        raise MergelabError("no operator ran; take a larger workload")
    return {"functions": ranked(functions), "own_total": sum(row["own"] for row in functions)}


TOOL = Tool(
    "torch",
    sees="operators of PyTorch, time and memory, forward and backward; not the Python between them",
    needs="torch",
    suffix=".trace.json",
    stages=tuple(STEPS),
    suite=suite,
    context=operators,
    facts=facts,
    digest=digest,
)

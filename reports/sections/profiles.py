"""What profilers saw: ranked bottlenecks, steps of compiled code, operators, memory by call site and over time."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Bullets, Figure, Heading, Paragraph, Section, Table
from reports.formats import percent, seconds, size
from reports.load import Evidence
from reports.plots import Axis, Line, lines, stacked
from reports.sections.growth import one_study

Digest = dict[str, Any]

STAGES = ("count", "train", "encode")


def top_functions(digest: Digest, most: int) -> list[tuple[str, float]]:
    """Return the functions with the most time of their own, with their share of all."""
    total = digest["own_total"] or 1.0
    return [(row["name"].strip("<>"), row["own"] / total) for row in digest["functions"][:most]]


def where(row: dict[str, Any]) -> str:
    """Return where a function or call site is; what is built in has no place."""
    return f"`{row['file']}:{row['line']}`" if row["file"] not in ("~", "") else "built in"


def bottlenecks(evidence: Evidence) -> list[Section]:
    """Rank what takes the time, by every tool that tells it."""
    blocks: list[Block] = [Heading("Deterministic profiles")]
    blocks += [share_table(evidence), *function_tables(evidence, "cprofile")]
    for tool, title in (("scalene", "Sampled by line"), ("speedscope", "Sampled stacks")):
        found = evidence.digests(tool)
        blocks.append(Heading(title))
        blocks += function_tables(evidence, tool) if found else [Paragraph(f"Missing: no profile by {tool}.")]
    blocks += [*counters(evidence), *operators(evidence), *failures(evidence)]
    return [Section("Bottlenecks", blocks, "nox -s profile")]


def share_table(evidence: Evidence) -> Table:
    """Return a row a profile: the share of its three largest functions, and what the tool itself cost."""
    rows = []
    for digest in evidence.digests("cprofile", "scalene", "speedscope", "memray", "rss", "torch"):
        top = top_functions(digest, 3) if digest.get("functions") else []
        names = ", ".join(f"{name} {percent(share)}" for name, share in top)
        rows.append([
            f"{digest['stage']}/{digest['impl']}", digest["workload"], digest["tool"],
            seconds(digest["seconds_plain"] / digest["repeats"]), f"{digest['slow_down']:.2f}x",
            names or "-", percent(sum(share for _, share in top)) if top else "-",
        ])  # fmt: skip
    head = [
        "what",
        "workload",
        "tool",
        "a call without it",
        "slow-down by it",
        "three largest by own time",
        "their share",
    ]
    return Table(head, rows, (3, 4, 6))


def function_tables(evidence: Evidence, tool: str) -> list[Block]:
    """Return the largest functions of each profile of one tool: own and cumulative time, calls."""
    blocks: list[Block] = []
    for digest in evidence.digests(tool):
        total = digest["own_total"] or 1.0
        rows = [
            [
                f"`{row['name']}`", where(row), seconds(row["own"]), percent(row["own"] / total),
                seconds(row["cumulative"]) if row["cumulative"] is not None else "-",
                f"{row['calls']:,}" if row["calls"] else "-",
            ]
            for row in digest["functions"][:5]
            if row["own"] >= 0.005 * total
        ]  # fmt: skip
        blocks.append(
            Paragraph(f"{digest['stage']}/{digest['impl']} on {digest['workload']}, {digest['repeats']} calls:")
        )
        blocks.append(Table(["function", "where", "own", "share", "cumulative", "calls"], rows, (2, 3, 4, 5)))
    return blocks


def counters(evidence: Evidence) -> list[Block]:
    """Show how often the steps of compiled code ran."""
    digests = evidence.digests("counters")
    blocks: list[Block] = [Heading("Inside compiled code")]
    if not digests:
        return [*blocks, Paragraph("Missing: no run of the counters.")]
    rows = [
        [f"{digest['stage']}/{digest['impl']}", digest["workload"], phase, f"{calls:,}"]
        for digest in digests
        for phase, calls in digest["phases"].items()
    ]
    text = (
        "Samplers see compiled code as one call. Its steps are counted where the same code runs as plain Python, "
        "which costs the compiled code nothing."
    )
    return [*blocks, Paragraph(text), Table(["what", "workload", "step", "times"], rows, (3,))]


def operators(evidence: Evidence) -> list[Block]:
    """Show what PyTorch's own profiler saw of training steps: time, calls and memory of the largest operators."""
    blocks: list[Block] = [Heading("Operators of PyTorch in training steps")]
    found = evidence.digests("torch")
    if not found:
        return [*blocks, Paragraph("Missing: no profile by torch.")]
    for digest in found:
        total = digest["own_total"] or 1.0
        rows = [
            [
                f"`{row['name']}`", seconds(row["own"]), percent(row["own"] / total), seconds(row["cumulative"]),
                f"{row['calls']:,}", size(row["bytes"]),
            ]
            for row in digest["functions"][:8]
        ]  # fmt: skip
        what, calls = f"{digest['stage']}/{digest['impl']} on {digest['workload']}", digest["repeats"]
        calls_of = f"{calls} call{'s' if calls > 1 else ''} of {digest['tensor_bytes']['steps']} steps"
        blocks.append(Paragraph(f"{what}, {calls_of}:"))
        blocks.append(Table(["operator", "own", "share", "cumulative", "calls", "memory"], rows, range(1, 6)))
    text = "Memory is what an operator itself took, less what it gave back, over all of its calls."
    return [*blocks, Paragraph(text)]


def failures(evidence: Evidence) -> list[Block]:
    """List the profiles that failed."""
    rows = evidence.others["profiles"]["failures"]
    items = [f"{row['tool']} of {row['stage']}/{row['impl']} on {row['workload']}: {row['error']}" for row in rows]
    return [Paragraph("Failed:"), Bullets(items)] if items else []


def memory(evidence: Evidence) -> list[Section]:
    """Peak memory by call site, resident memory over time, and by size of the file and workers."""
    blocks: list[Block] = [Heading("By call site, at the peak")]
    found = evidence.digests("memray")
    if not found:
        blocks.append(Paragraph("Missing: no profile by memray."))
    rows = [
        [
            f"{digest['stage']}/{digest['impl']}", digest["workload"], size(digest["peak_bytes"]),
            f"`{site['name']}`", where(site), size(site["bytes"]), percent(site["bytes"] / digest["peak_bytes"]),
        ]
        for digest in found
        for site in digest["sites"][:3]
    ]  # fmt: skip
    if rows:
        head = ["what", "workload", "peak", "call site", "where", "holds", "share"]
        blocks.append(Table(head, rows, (2, 5, 6)))
    blocks += over_time(evidence)
    for name, title in (("memory", "Counting, by file and workers"), ("trainer_memory", "Training, predicted")):
        blocks.append(Heading(title))
        why = evidence.why_missing.get("sweeps")
        blocks += [Paragraph(f"Missing: {why}")] if why else one_study(evidence, name)
    blocks += [*predicted(evidence), *tensors(evidence)]
    return [Section("Memory", blocks, "nox -s profile; python -m bench.sweeps --only memory,trainer_memory")]


def over_time(evidence: Evidence) -> list[Block]:
    """Draw resident memory, children included."""
    blocks: list[Block] = [Heading("Over time, children included")]
    drawn, rows = [], []
    for digest in evidence.digests("rss"):
        name, samples = f"{digest['stage']}/{digest['impl']}", digest["memory"]
        start = samples[0][1] + samples[0][2]
        drawn.append(Line(name, [(when, float(own + below)) for when, own, below in samples]))
        most = max(below for *_, below in samples)
        rows.append([
            name, digest["workload"], size(start), size(digest["peak_bytes"]), size(digest["peak_bytes"] - start),
            size(most), seconds(samples[-1][0]),
        ])  # fmt: skip
    if not drawn:
        return [*blocks, Paragraph("Missing: no run of the tool rss.")]
    caption = "Resident memory of the process and its children"
    blocks.append(
        Figure(lines(drawn, Axis("time", seconds, False), Axis("memory", size, False), marks=False), caption)
    )
    head = ["what", "workload", "before", "peak", "added", "children at most", "until"]
    return [*blocks, Table(head, rows, range(2, 7))]


def predicted(evidence: Evidence) -> list[Block]:
    """Compare what the trainer's arrays amount to with what memory rose by."""
    table = evidence.study("trainer_memory")
    if table is None:
        return []
    rows = [
        [
            size(row["bytes"]), f"{row['unique_pretokens']:,}", size(row["predicted_bytes"]),
            size(row["median"] - row["before_bytes"]),
            f"{(row['median'] - row['before_bytes']) / row['predicted_bytes']:.2f}",
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    head = ["text", "unique pretokens", "sizes of the arrays", "memory rose by", "quotient"]
    note = "Pages that are never written to take no memory, so that memory may rise by less than the arrays hold."
    return [Table(head, rows, range(5)), Paragraph(note)]


def tensors(evidence: Evidence) -> list[Block]:
    """Compare what the tensors of a training step hold with what is predicted from the shape of the model."""
    blocks: list[Block] = [Heading("A training step, predicted")]
    rows = []
    for digest in evidence.digests("torch"):
        held = digest["tensor_bytes"]
        for kind, counted in held["measured"].items():
            told = held["predicted"][kind]
            rows.append([
                f"{digest['stage']}/{digest['impl']}", f"{held['batch_size']} x {held['block_size']}", kind,
                size(told), size(counted), f"{counted / told:.3f}",
            ])  # fmt: skip
    if not rows:
        return [*blocks, Paragraph("Missing: no profile by torch.")]
    note = (
        "Activations are what the forward pass keeps for the backward pass; their prediction is that of the fused "
        "operations, and the reference operations keep more."
    )
    head = ["what", "ids", "tensors", "predicted", "measured", "quotient"]
    return [*blocks, Table(head, rows, (3, 4, 5)), Paragraph(note)]


def downscaling(evidence: Evidence) -> list[Section]:
    """Show the share of each stage by size of the text, and the largest function of a profile on two sizes."""
    title = "Does the small set show the bottleneck of the large one?"
    table = evidence.study("size")
    if table is None:
        return [Section(title, [Paragraph("Missing: the record has no study of size.")])]
    blocks: list[Block] = []
    chains = {
        "pure Python": ("count/finditer", "train/incremental", "encode/cached"),
        "compiled": ("count/jit", "train/jit", "encode/jit"),
    }
    medians = {(row["series"], row["x"]): row["median"] for row in table.to_dict("records")}
    for name, series in chains.items():
        places = [x for x in dict.fromkeys(table["x"]) if all((one, x) in medians for one in series)]
        rows, drawn = [], []
        for place in places:
            parts = [medians[one, place] for one in series]
            total = sum(parts)
            drawn.append((size(place), parts, seconds(total)))
            rows.append([size(place), *(percent(part / total) for part in parts), STAGES[parts.index(max(parts))]])
        caption = f"Share of the stages by size of the text, {name}"
        if rows:
            blocks += [
                Figure(stacked(drawn, STAGES, caption), caption),
                Table(["text", *STAGES, "bottleneck"], rows, (1, 2, 3)),
            ]
            same = sum(row[-1] == rows[-1][-1] for row in rows)
            blocks.append(Paragraph(
                f"{name}: the bottleneck of {rows[-1][0]}, {rows[-1][-1]}, is that of {same} of {len(rows)} sizes."
            ))  # fmt: skip
    return [Section(title, [*blocks, *same_function(evidence)], "python -m bench.sweeps --only size")]


def same_function(evidence: Evidence) -> list[Block]:
    """Compare the largest function of profiles of one implementation on several workloads."""
    by_target: dict[str, list[Digest]] = {}
    for digest in evidence.digests("cprofile"):
        by_target.setdefault(f"{digest['stage']}/{digest['impl']}", []).append(digest)
    rows = [
        [name, *(f"{one['workload']}: {_largest(one)}" for one in (found[0], found[-1])),
         "yes" if _largest(found[0]).split(",")[0] == _largest(found[-1]).split(",")[0] else "no"]
        for name, found in by_target.items()
        if len(found) > 1
    ]  # fmt: skip
    return [Table(["what", "small", "large", "the same"], rows)] if rows else []


def _largest(digest: Digest) -> str:
    name, share = top_functions(digest, 1)[0]
    return f"{name}, {percent(share)}"

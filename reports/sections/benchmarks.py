"""Summary, ladders, workloads, machine and method: what the record of the benchmarks says."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from impls.registry import STAGES, implementations
from reports.blocks import Block, Bullets, Code, Figure, Heading, Paragraph, Section, Table
from reports.fit import growth
from reports.formats import digits, percent, ratio, seconds
from reports.load import Evidence, Record, ladders, workload_table
from reports.plots import bars
from reports.sections.growth import curve, picks
from reports.sections.profiles import top_functions

IDEAS = Path(__file__).parent.parent / "ideas.toml"


def verdict(record: Record) -> list[str]:
    """Return one sentence a ladder: who is fastest, by how much, at what rate."""
    sentences = []
    for stage, workload, rows in ladders(record):
        best, base = rows.iloc[int(rows["median"].to_numpy().argmin())], rows.iloc[0]
        sentences.append(
            f"{stage}, {workload}: {best['impl']} is {ratio(best['speedup'])} as fast as {base['impl']} "
            f"({ratio(best['speedup_low'])} to {ratio(best['speedup_high'])}), {digits(best['mb_per_s'])} MB/s"
        )
    return sentences


def stale_sentences(evidence: Evidence) -> list[str]:
    """Return a sentence for each record that was made with other code than the present one."""
    names = {"bench": evidence.bench.path.name, **evidence.names}
    n_all = sum(len(implementations(stage)) for stage in STAGES)
    return [
        f"Stale: {names[kind]} was made before the code of {', '.join(changed) if len(changed) < n_all else 'all'} "
        "changed; its figures are of that code"
        for kind, changed in evidence.stale().items()
    ]


def summary(evidence: Evidence) -> list[Section]:
    """The verdict first, then growth, the pick, and what cannot be trusted."""
    blocks: list[Block] = [
        Paragraph(
            f"Run of {evidence.bench.when} UTC. Every output was compared with that of the simplest implementation "
            "before it was timed; a mismatch is an error and never a time."
        ),
        Bullets(verdict(evidence.bench)),
    ]
    more = [*growth_sentences(evidence), *picks(evidence)]
    if more:
        blocks.append(Bullets(more))
    if stale := stale_sentences(evidence):
        blocks.append(Bullets(stale))
    return [Section("Summary", blocks)]


def growth_sentences(evidence: Evidence) -> list[str]:
    """Return how the fastest of each stage grows with the corpus."""
    table = evidence.study("size")
    if table is None:
        return []
    sentences = []
    for stage in dict.fromkeys(table["stage"]):
        rows = table[table["stage"] == stage]
        fastest = rows[rows["x"] == rows["x"].max()].sort_values("median").iloc[0]["series"]
        slope = growth(curve(rows[rows["series"] == fastest]))
        if slope:
            sentences.append(f"{stage}: the time of {fastest} grows with the corpus to the power {slope}")
    return sentences


def ladder_table(stage: str, workload: str, rows: pd.DataFrame) -> list[Block]:
    """Draw and list one ladder."""
    base = rows.iloc[0]["impl"]
    cells = [
        [
            row["impl"], row["idea"], seconds(row["median"]), f"{seconds(row['q1'])} .. {seconds(row['q3'])}",
            ratio(row["speedup"]), f"{ratio(row['speedup_low'])} .. {ratio(row['speedup_high'])}",
            digits(row["mb_per_s"]), str(row["rounds"]),
        ]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    head = ["implementation", "idea", "median", "quartiles", f"speed-up over {base}", "spread", "MB/s", "rounds"]
    drawn = [(row["impl"], row["speedup"], ratio(row["speedup"])) for row in rows.to_dict("records")]
    caption = f"Speed-up over {base}, logarithmic: {stage}, {workload}"
    return [Figure(bars(drawn, caption, log=True), caption), Table(head, cells, range(2, 8))]


def ladder_sections(evidence: Evidence) -> list[Section]:
    """One section a stage and workload."""
    record = evidence.bench
    return [
        Section(f"{stage}, {workload}", ladder_table(stage, workload, rows))
        for stage, workload, rows in ladders(record)
    ]


def evidence_of(evidence: Evidence, stage: str, impl: str) -> str:
    """Say what the step earned over the implementation before it, workload by workload."""
    parts = []
    for other, workload, rows in ladders(evidence.bench):
        places = rows.index[rows["impl"] == impl].tolist()
        if other != stage or not places or not places[0]:
            continue
        row, before = rows.loc[places[0]], rows.loc[places[0] - 1]
        gain, low, high = before["median"] / row["median"], before["q1"] / row["q3"], before["q3"] / row["q1"]
        parts.append(f"{ratio(gain)} as fast as {before['impl']} on {workload} ({ratio(low)} to {ratio(high)})")
    return "; ".join(parts) or "where the ladder begins"


def bound_of(evidence: Evidence, stage: str, impl: str) -> str:
    """Say which functions take the time now, from the newest profile of it."""
    found = [row for row in evidence.digests("cprofile") if (row["stage"], row["impl"]) == (stage, impl)]
    if not found:
        return ""
    digest = found[-1]
    names = ", ".join(f"`{name}` {percent(share)}" for name, share in top_functions(digest, 3))
    return f" The profile on {digest['workload']}: {names} of its own time."


def ladder_story(evidence: Evidence) -> list[Section]:
    """One paragraph an implementation: the idea, what it removes, what it earned, what bounds it now."""
    with IDEAS.open("rb") as file:
        ideas: dict[str, Any] = tomllib.load(file)
    blocks: list[Block] = []
    cases = evidence.bench.cases.drop_duplicates(["stage", "impl"])
    for stage in dict.fromkeys(cases["stage"]):
        blocks.append(Heading(f"Stage {stage}"))
        for row in cases[cases["stage"] == stage].to_dict("records"):
            told = ideas.get(stage, {}).get(row["impl"])
            words = f"{told['removes']} " if told else ""
            bound = f" What bounds it now: {told['bound']}." if told else ""
            text = (
                f"`{row['impl']}`: {row['idea']}. {words}Evidence: {evidence_of(evidence, stage, row['impl'])}."
                f"{bound}{bound_of(evidence, stage, row['impl'])}"
            )
            blocks.append(Paragraph(text))
    blocks += [Heading("What training saves"), savings(evidence.bench)]
    return [Section("The ladder, step by step", blocks)]


def savings(record: Record) -> Table:
    """Return the ladder of trainers in pretokens, and the time of a merge."""
    rows = []
    for stage, workload, ladder in ladders(record):
        if stage != "train":
            continue
        for row in ladder.to_dict("records"):
            merges = row["vocab_size"] - 257
            rows.append([
                workload, row["impl"], f"{row['pretokens']:,}", f"{row['unique_pretokens']:,}",
                f"{row['pretokens'] / row['unique_pretokens']:.0f}x", seconds(row["median"]), f"{merges:,}",
                seconds(row["median"] / merges), ratio(row["speedup"]),
            ])  # fmt: skip
    head = ["workload", "trainer", "pretokens", "unique", "reduction", "total", "merges", "a merge", "speed-up"]
    return Table(head, rows, range(2, 9))


def workloads(evidence: Evidence) -> list[Section]:
    """What was worked on, and what was left out."""
    rows = [
        [
            row["workload"], f"{row['bytes']:,}", f"{row['pretokens']:,}", f"{row['unique_pretokens']:,}",
            f"{row['repeats']:.0f}x", str(row["vocab_size"]), row["why"], f"`{row['corpus_sha256'][:16]}`",
        ]
        for row in workload_table(evidence.bench).to_dict("records")
    ]  # fmt: skip
    head = ["workload", "bytes", "pretokens", "unique", "repeats", "vocabulary", "why", "corpus sha256"]
    blocks: list[Block] = [Table(head, rows, range(1, 6))]
    skipped = evidence.bench.skipped.to_dict("records")
    if skipped:
        blocks.append(Paragraph("Not measured:"))
        blocks.append(Bullets([f"{r['stage']}/{r['impl']} on {r['workload']}: {r['reason']}" for r in skipped]))
    return [Section("Workloads", blocks)]


RUNS = {kind: ("python", "-m", module) for kind, module in (
    ("sweeps", "bench.sweeps"), ("profiles", "profiles"), ("peers", "bench.peers"), ("lm", "bench.bench_lm_step"),
)}  # fmt: skip
"""What wrote the records that are not of the benchmarks."""


def machine(evidence: Evidence) -> list[Section]:
    """What it ran on."""
    record, cpu = evidence.bench, evidence.bench.machine["cpu"]
    versions = ", ".join(f"{name} {version}" for name, version in record.cases["versions"].iloc[0].items())
    dirty = " with uncommitted changes" if record.commit.get("dirty") else ""
    text = (
        f"{cpu['brand_raw']}, {cpu['count']} cores, {cpu['memory_bytes'] / 2**30:.1f} GiB; "
        f"{record.machine['system']} {record.machine['release']}; "
        f"{record.machine['python_implementation']} {record.machine['python_version']}; "
        f"{versions}. Commit {(record.commit.get('id') or 'unknown')[:12]}{dirty}."
    )
    rows = [["bench", f"`{record.path.name}`", record.when, f"`{reproduce(record)}`"]]
    for kind, content in evidence.others.items():
        command = shlex.join([*RUNS[kind], *content.get("arguments", [])])
        rows.append([kind, f"`{evidence.names[kind]}`", content["datetime"][:19], f"`{command}`"])
    head = ["record", "file", "run (UTC)", "command"]
    return [Section("Machine", [Paragraph(text), Table(head, rows)])]


def reproduce(record: Record) -> str:
    """Return the command that makes a record like this one."""
    extra = [
        word
        for word in record.arguments
        if word not in ("bench", "--quiet", "--benchmark-quiet", "--benchmark-autosave")
    ]
    return shlex.join(["nox", "-s", "bench", *(["--", *extra] if extra else [])])


def method(evidence: Evidence) -> list[Section]:
    """How to read the figures, what they do not say, and the commands."""
    workers = int(evidence.bench.cases["workers"].iloc[0])
    reading = (
        "Times are medians of the rounds; the spread of a speed-up is computed from the quartiles of both sides; "
        "bars of speed-ups are logarithmic. Compiled code was loaded before the clock started; encoders began with "
        f"an empty cache; counters and the compiled stages used {workers} workers. Absolute times of this machine "
        "drift by a factor of two: compare ratios. METHODOLOGY.md has the rules."
    )
    limits = [
        "We wrote what we compare, on one kind of machine; the pure Python ones are what a careful author would "
        "write.",
        "The texts of the studies are generated stories: much repetition, short words, ASCII. The workloads named "
        "stdlib and the study of scripts show how far that carries.",
        "A slope is fitted to sizes within a factor of 100 of the largest; it says nothing beyond them. Points are "
        "left out where a call would take too long, and listed with the reason.",
        "A profiler changes what it measures: each profile states by how much. Samplers do not see inside compiled "
        "code; its steps are counted in a run of the same code as plain Python.",
        "Resident memory counts pages that processes share once a process.",
    ]
    commands = [
        f"{reproduce(evidence.bench):<34} # ladders, studies, this report",
        f"{'nox -s profile':<34} # bottlenecks and memory, this report",
        f"{'nox -s peers':<34} # against other tokenizers",
        f"{'nox -s step':<34} # a training step beside other models",
        f"{'nox -s report':<34} # this report again from the newest records",
        f"{'nox -s compare':<34} # what got faster or slower since the last run",
    ]
    blocks: list[Block] = [Code("\n".join(commands)), Paragraph(reading), Bullets(limits)]
    return [Section("How to read and reproduce it", blocks)]

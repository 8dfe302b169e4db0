"""Studies: how time grows, what workers and repetition bring, small calls, the start, stages, and what to pick."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd

from reports.blocks import Block, Bullets, Figure, Heading, Paragraph, Section, Table
from reports.fit import growth
from reports.formats import digits, measure, number, percent, ratio, seconds, size
from reports.load import Evidence, study_table
from reports.measurements import fastest_by_size
from reports.plots import Axis, Line, lines, stacked

Study = dict[str, Any]


def left_out(study: Study) -> list[Block]:
    """List what is missing from a study, and why; points of one reason together."""
    rows: dict[str, list[str]] = {}
    for row in study["left_out"]:
        rows.setdefault(row["series"], []).append(f"{number(row['x'])} ({row['reason']})")
    items = [f"{series}: {places[0]}" + (" and beyond" if len(places) > 1 else "") for series, places in rows.items()]
    items += [f"{row['series']} at {row['x']}: error, no time: {row['error']}" for row in study["errors"]]
    return [Paragraph("Not measured:"), Bullets(items)] if items else []


def value_table(table: pd.DataFrame, x: str, unit: str, write: Callable[[Any], str]) -> Table:
    """Return medians with quartiles, a row a series and a column a value of x."""
    places = list(dict.fromkeys(table["x"]))
    rows = []
    for series, points in table.groupby("series", sort=False):
        cells = {row["x"]: row for row in points.to_dict("records")}
        rows.append([str(series), *(_cell(cells.get(place), unit) for place in places)])
    return Table([f"by {x}", *map(write, places)], rows, range(1, len(places) + 1))


def _cell(row: Mapping[Hashable, Any] | None, unit: str) -> str:
    if row is None:
        return "-"
    middle = measure(row["median"], unit)
    spread = f" ±{percent((row['q3'] - row['q1']) / 2 / row['median'])}"
    return middle + spread if len(row["samples"]) > 1 else middle


def numeric_x(name: str) -> Callable[[float], str]:
    """Return how the places of a study are written."""
    return size if name in ("size", "memory", "trainer_memory", "ten_thousand", "pretoken_length") else number


def curve(points: pd.DataFrame) -> list[tuple[float, float]]:
    """Return (x, median) of a series."""
    return list(zip(points["x"].map(float), points["median"].map(float), strict=True))


def line_figure(name: str, study: Study, table: pd.DataFrame, stage: str = "") -> Figure:
    """Draw a study, or a stage of it, on logarithmic axes."""
    rows = table[table["series"].str.startswith(f"{stage}/")] if stage else table
    drawn = [
        Line(str(series).removeprefix(f"{stage}/"), curve(points))
        for series, points in rows.groupby("series", sort=False)
    ]
    in_bytes = study["unit"] == "bytes"
    y = Axis("memory" if in_bytes else "time", lambda value: measure(value, study["unit"]), not in_bytes)
    caption = f"{study['question']}{f' Stage {stage}.' if stage else ''} Median by {study['x']}."
    return Figure(lines(drawn, Axis(study["x"], numeric_x(name)), y), caption)


def slopes(table: pd.DataFrame, what: str) -> list[Block]:
    """Return the fitted growth of each series."""
    rows = []
    for series, points in table.groupby("series", sort=False):
        slope = growth(curve(points))
        rows.append([str(series), str(slope) if slope else "one point", str(slope.n) if slope else "1"])
    head = ["series", f"time ~ {what} to the power (95 % interval)", "points"]
    return [Table(head, rows, (1, 2))]


def one_study(evidence: Evidence, name: str) -> list[Block]:
    """Show one study: figure, table, what is missing."""
    studies = evidence.others["sweeps"]["studies"]
    if name not in studies:
        return [
            Paragraph(f"Missing: the record has no study {name}; `python -m bench.sweeps --only {name}` makes one.")
        ]
    study = studies[name]
    if not study["points"]:
        return [Paragraph("Missing: nothing of it could be measured."), *left_out(study)]
    table = study_table(studies, name)
    numeric = table["x"].map(lambda value: isinstance(value, int | float)).all()
    blocks: list[Block] = []
    if numeric and name != "workers":
        stages = list(dict.fromkeys(series.split("/")[0] for series in table["series"]))
        blocks += [line_figure(name, study, table, stage if len(stages) > 1 else "") for stage in stages]
    write: Callable[[Any], str] = numeric_x(name) if numeric else str
    blocks.append(value_table(table, study["x"], study["unit"], write))
    if name in ("size", "vocabulary", "pretoken_length"):
        blocks += slopes(table, study["x"].split(" in ")[0])
    return [*blocks, *left_out(study)]


def duplication_gain(table: pd.DataFrame) -> Table:
    """Return how many times as fast working on unique pretokens is, by copies of the text."""
    rows = []
    for _, points in table.groupby("x", sort=False):
        by_name = {row["series"]: row for row in points.to_dict("records")}
        naive, weighted = by_name.get("train/naive"), by_name.get("train/weighted")
        if naive and weighted:
            gain = naive["median"] / weighted["median"]
            spread = f"{ratio(naive['q1'] / weighted['q3'])} .. {ratio(naive['q3'] / weighted['q1'])}"
            repeats = weighted["pretokens"] / weighted["unique_pretokens"]
            rows.append([number(weighted["x"]), f"{repeats:.1f}x", ratio(gain), spread])
    return Table(["copies", "pretokens a unique one", "weighted over naive", "spread"], rows, range(4))


def efficiency(table: pd.DataFrame) -> Table:
    """Return speed-up and efficiency by workers: the speed-up a worker."""
    rows = []
    for series, points in table.groupby("series", sort=False):
        alone = points[points["x"] == 1]["median"].tolist()
        for row in points.to_dict("records"):
            gain = alone[0] / row["median"] if alone else None
            earned = (f"{gain:.2f}x", percent(gain / row["x"])) if gain else ("-", "-")
            rows.append([str(series), number(row["x"]), seconds(row["median"]), *earned])
    return Table(["series", "workers", "median", "speed-up over one", "efficiency"], rows, range(1, 5))


def rates(table: pd.DataFrame) -> Table:
    """Return what encoding the largest text means in other units, and for 825 GB: arithmetic, not a measurement."""
    rows = []
    encoders = table[table["stage"] == "encode"]
    for series, points in encoders.groupby("series", sort=False):
        row = points.sort_values("x").iloc[-1]
        tokens, rate = row["output_length"], row["bytes"] / row["median"]
        rows.append([
            str(series), size(row["bytes"]), digits(rate / 1e6), digits(tokens / row["median"] / 1e6),
            digits(row["characters"] / row["median"] / 1e6), f"{row['bytes'] / tokens:.2f}",
            f"{row['characters'] / tokens:.2f}", f"{825e9 / rate / 3600:,.1f} h",
        ])  # fmt: skip
    head = ["series", "text", "MB/s", "M tokens/s", "M characters/s", "bytes a token", "characters a token"]
    return Table([*head, "825 GB would take"], rows, range(1, 8))


def vocabularies(table: pd.DataFrame) -> list[Block]:
    """Say what was sampled, and where training ran out of pairs before the vocabulary was full."""
    row = table.iloc[0]
    text = f"Medians of {row['documents']} documents, drawn with seed {row['seed']} from text behind that trained on."
    small = table[table["tokens_in_vocabulary"] < table["vocab_size"]].drop_duplicates("series")
    items = [
        f"{r['series']}: pairs ran out at {r['tokens_in_vocabulary']:,} tokens" for r in small.to_dict("records")
    ]
    return [Paragraph(text), Bullets(items)] if items else [Paragraph(text)]


def growth_studies(evidence: Evidence) -> list[Section]:
    """One section a study."""
    titles = {
        "size": "Growth with the corpus", "vocabulary": "Growth with the vocabulary",
        "duplication": "What repetition brings", "workers": "What workers bring",
        "pretoken_length": "Long pretokens", "script": "Scripts", "calls": "Small calls", "start": "Start",
        "compression": "Compression",
    }  # fmt: skip
    made = []
    for name, title in titles.items():
        blocks = one_study(evidence, name)
        table = evidence.study(name)
        if table is not None and name == "size":
            blocks += [Heading("Encoding in other units"), rates(table)]
        if table is not None and name == "duplication":
            blocks.append(duplication_gain(table))
        if table is not None and name == "compression":
            blocks += vocabularies(table)
        if table is not None and name == "workers":
            cores = evidence.others["sweeps"]["machine_info"]["cpu"]["count"]
            blocks = [Paragraph(f"The process may use {cores} cores."), efficiency(table), *blocks[1:]]
        made.append(Section(title, blocks, f"python -m bench.sweeps --only {name}"))
    return made


PARTS = ("read", "split", "count", "merge", "encode", "write")


def stage_seconds(points: pd.DataFrame) -> dict[str, float]:
    """Return seconds a stage. What is measured as "count" reads and splits as well: both are taken off."""
    measured = dict(zip(points["x"], points["median"], strict=True))
    apart = max(measured["count"] - measured["read"] - measured["split"], 0.0)
    return {part: apart if part == "count" else measured[part] for part in PARTS}


def stages(evidence: Evidence) -> list[Section]:
    """Stacked bars by implementation, and the cost of a merge as training goes on."""
    blocks: list[Block] = []
    table = evidence.study("stages")
    if table is None:
        blocks.append(Paragraph("Missing: the record has no study of stages."))
    else:
        for n_bytes, some in table.groupby("bytes", sort=False):
            rows, drawn = [], []
            for series, points in some.groupby("series", sort=False):
                parts = stage_seconds(points)
                name, total = str(series).split(",")[0], sum(parts.values())
                drawn.append((name, list(parts.values()), seconds(total)))
                rows.append([name, *(f"{seconds(v)} ({percent(v / total)})" for v in parts.values()), seconds(total)])
            caption = f"Share of each stage, one worker, {size(float(str(n_bytes)))} of stories, vocabulary of 512"
            blocks += [
                Figure(stacked(drawn, PARTS, caption), caption),
                Table(["pipeline", *PARTS, "total"], rows, range(1, 8)),
            ]
        blocks.append(Paragraph(
            "Counting is measured with reading and splitting in it; both are taken off here. Encoding splits the "
            "text once more. Writing goes to the system's cache."
        ))  # fmt: skip
    return [Section("Stages", [*blocks, *merge_curve(evidence)], "python -m bench.sweeps --only stages,merges")]


def merge_curve(evidence: Evidence) -> list[Block]:
    """Show what each merge took, as the median of neighbours."""
    table = evidence.study("merges")
    if table is None:
        return [Paragraph("Missing: the record has no study of merges.")]
    blocks: list[Block] = [Heading("Merge by merge")]
    rows = []
    for n_bytes, some in table.groupby("bytes", sort=False):
        drawn = [Line(row["impl"], binned(row["samples"])) for row in some.to_dict("records")]
        caption = (
            f"Time of a merge by its number, {size(float(str(n_bytes)))} of stories; medians of neighbouring merges"
        )
        blocks.append(Figure(lines(drawn, Axis("merge", number), Axis("time", seconds), marks=False), caption))
        for row in some.to_dict("records"):
            samples = pd.Series(row["samples"])
            tenth = max(len(samples) // 10, 1)
            rows.append([
                row["series"], f"{len(samples):,}", seconds(samples[:tenth].median()),
                seconds(samples[-tenth:].median()), seconds(samples.sum()), seconds(row["total_seconds"]),
            ])  # fmt: skip
    head = ["trainer", "merges", "first tenth, median", "last tenth, median", "sum of merges", "whole training"]
    note = (
        "Listened to, the compiled trainer returns after each merge, which costs it more than most merges; by itself "
        "it makes thousands in one go."
    )
    return [*blocks, Table(head, rows, range(1, 6)), Paragraph(note)]


def binned(samples: list[float]) -> list[tuple[float, float]]:
    """Return medians of runs of merges whose length grows with their number, so that a logarithmic axis is even."""
    points, start = [], 0
    while start < len(samples):
        stop = min(len(samples), max(start + 1, int((start + 1) * 1.25)))
        points.append(((start + stop + 1) / 2, float(pd.Series(samples[start:stop]).median())))
        start = stop
    return points


def ten_thousand(evidence: Evidence) -> list[Section]:
    """A vocabulary of 10,000: time, memory, longest token."""
    table = evidence.study("ten_thousand")
    if table is None:
        return [Section("A vocabulary of 10,000", [Paragraph("Missing: the record has no such study.")])]
    rows = [
        [
            row["series"], size(row["bytes"]), seconds(row["median"]), size(row["peak_bytes"]), f"{row['merges']:,}",
            f"`{row['longest_token']}`", str(row["longest_token_bytes"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    head = ["trainer", "text", "median", "peak memory", "merges", "longest token", "its bytes"]
    note = "File to merges in a process of its own, code loaded before; stories. Fewer merges: no pair was left."
    study = evidence.others["sweeps"]["studies"]["ten_thousand"]
    blocks: list[Block] = [Table(head, rows, (1, 2, 3, 4, 6)), Paragraph(note), *left_out(study)]
    return [Section("A vocabulary of 10,000", blocks, "python -m bench.sweeps --only ten_thousand")]


def picks(evidence: Evidence) -> list[str]:
    """Return a sentence a stage: what to take at the largest size."""
    table = evidence.study("size")
    if table is None:
        return []
    sentences = []
    for stage, rows in fastest_by_size(table).items():
        last = rows[-1]
        sentences.append(
            f"{stage}: take {last['impl']} in a warm process from {size(first_size(rows, last['impl']))} on"
        )
    return sentences


def first_size(rows: list[dict[str, Any]], impl: str) -> float:
    """Return the smallest size from which on an implementation stays the fastest."""
    place = rows[-1]["bytes"]
    for row in reversed(rows):
        if row["impl"] != impl:
            break
        place = row["bytes"]
    return float(place)


def pick_table(evidence: Evidence) -> list[Section]:
    """The fastest by stage and size, against the next one, and how sure that is."""
    table = evidence.study("size")
    if table is None:
        return [Section("Which implementation to take", [Paragraph("Missing: the record has no study of size.")])]
    rows = [
        [
            stage, size(row["bytes"]), row["impl"], seconds(row["seconds"]), row["next"] or "-",
            ratio(row["ratio"]) if row["next"] else "-",
            f"{ratio(row['low'])} .. {ratio(row['high'])}" if row["next"] else "-",
            row["confidence"],
        ]
        for stage, found in fastest_by_size(table).items()
        for row in found
    ]  # fmt: skip
    head = ["stage", "text", "fastest", "median", "next", "ratio", "spread", "confidence"]
    note = (
        "In a warm process. A fresh one has to load compiled code first, or to compile it where none is kept: see "
        "Start. `python -m impls pick` weighs both for this machine. Confidence: clear where the quartiles are "
        "apart, else open."
    )
    blocks: list[Block] = [Table(head, rows, (1, 3, 5, 6)), Paragraph(note)]
    return [Section("Which implementation to take", blocks, "python -m bench.sweeps --only size,start")]

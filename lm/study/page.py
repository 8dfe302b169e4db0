"""The page of a study: sentences, tables, and curves with bands over seeds."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from impls.storage import atomic_writer
from lm.results import Row
from lm.study.cells import Result, seconds_of
from lm.study.config import StudyConfig
from lm.study.findings import HEADINGS, Findings

Axis = Callable[[Result], list[float]]

AXES: dict[str, Axis] = {
    "MB of text": lambda one: [row["tokens"] * one.facts["bytes_per_token"] / 1e6 for row in one.curve],
    "TFLOPs": lambda one: [row["tokens"] * one.facts["flops_per_token"] / 1e12 for row in one.curve],
    "seconds of training": lambda one: seconds_of(one.curve),
}
"""What a curve is drawn over -> its values, one per row of metrics."""

MEASURES = {"val_bits_per_byte": "bits per byte", "hellaswag": "HellaSwag, share right"}
"""Column of the metrics -> label."""

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;font-size:.85rem;display:block;overflow-x:auto}
td,th{padding:.3rem .6rem;border-bottom:1px solid #ccc;text-align:right}td:first-child,th:first-child{text-align:left}
svg{max-width:100%;height:auto}.open{color:#8a4b00}"""


def draw(results: Sequence[Result]) -> str:
    """Return the curves of one budget as SVG: a row per measure, a column per axis, a color per tokenizer."""
    names = list(dict.fromkeys(one.tokenizer for one in results))
    wanted = [
        column for column in MEASURES if any(row.get(column) is not None for one in results for row in one.curve)
    ]
    figure = Figure(figsize=(4.4 * len(AXES), 3.4 * len(wanted)), layout="constrained")
    panels = figure.subplots(len(wanted), len(AXES), squeeze=False)
    for column, line in zip(wanted, panels, strict=True):
        for (label, axis), axes in zip(AXES.items(), line, strict=True):
            for name in names:
                _band(axes, name, column, axis, [one for one in results if one.tokenizer == name])
            axes.set(xlabel=label, ylabel=MEASURES[column])
    panels[0][0].legend()
    image = io.StringIO()
    # Without a date, and with names that are not drawn by chance, the same results give the same drawing.
    with rc_context({"svg.hashsalt": "mergelab", "svg.fonttype": "none"}):
        figure.savefig(image, format="svg", metadata={"Date": None})
    text = image.getvalue()
    return text[text.index("<svg") :]


def _band(axes: Axes, name: str, column: str, axis: Axis, side: list[Result]) -> None:
    """Draw the mean over seeds, and a band from the lowest to the highest seed."""
    points = [_points(one.curve, axis(one), column) for one in side]
    steps = sorted(set.intersection(*map(set, points)))
    x, y = (
        np.array([[found[step] for step in steps] for found in points]).reshape(len(side), -1, 2).transpose(2, 0, 1)
    )
    (line,) = axes.plot(x.mean(0), y.mean(0), label=name, marker=".")
    axes.fill_between(x.mean(0), y.min(0), y.max(0), color=line.get_color(), alpha=0.2, linewidth=0)


def _points(curve: list[Row], places: list[float], column: str) -> dict[int, tuple[float, float]]:
    """Return a dict: step -> place and value, of the rows where the column was measured."""
    rows = zip(places, curve, strict=True)
    return {row["step"]: (x, row[column]) for x, row in rows if row.get(column) is not None}


def write_page(study: StudyConfig, found: Sequence[Findings], results: Sequence[Result], path: Path) -> None:
    """Write the page as one HTML file without anything from elsewhere.

    Raises:
        FileFormatError: the file cannot be written.
    """
    parts = [f"<h1>{escape(study.name)}</h1>", f"<p>{escape(_about(study))}</p>"]
    for one in found:
        done = [result for result in results if result.budget == one.budget and result.scores]
        parts.append(f"<h2>{escape(f'Every model trained on {one.budget}')}</h2>")
        parts.extend(_sentence(comparison.text, comparison.difference.conclusive) for comparison in one.comparisons)
        parts.extend(f'<p class="open">failed: {escape(failure)}</p>' for failure in one.failures)
        parts.append(_table([HEADINGS, *one.table]))
        parts.append(draw(done) if done else "")
    body = "\n".join(parts)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(study.name)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    with atomic_writer(path) as file:
        file.write(page.encode())


def _about(study: StudyConfig) -> str:
    windows = f"windows of about {study.context_bytes} bytes" if study.context_bytes else "windows of equal tokens"
    return (
        f"{len(study.tokenizers)} tokenizers, {len(study.seeds)} seeds, {windows}. Bits per byte counts every byte "
        "of the validation documents and the end of each document. A number after ± is the standard deviation of "
        "the seeds. Bands go from the lowest to the highest seed. The intervals of a table hold together in 19 of "
        "20 studies. Memory is predicted from the shapes, unless a GPU has measured it."
    )


def _sentence(text: str, conclusive: bool) -> str:
    return f"<p>{escape(text)}</p>" if conclusive else f'<p class="open">{escape(text)}</p>'


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    cells = "".join(f"<th>{escape(text)}</th>" for text in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in body)
    return f"<table><tr>{cells}</tr>{lines}</table>"

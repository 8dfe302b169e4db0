"""Known faults: what each costs, measured beside what is done here, and the test that guards against it."""

from __future__ import annotations

from reports.blocks import Block, Heading, Paragraph, Section, Table
from reports.formats import ratio, seconds, size
from reports.load import Evidence
from reports.sections.growth import left_out

TITLE = "Known faults of tokenizer programs"

TITLES = {
    "speed": "Of speed",
    "memory": "Of memory",
    "correctness": "Of correctness",
    "trainer": "Of programs that train a language model on the ids",
}

TOLD = ("correctness", "trainer")
"""Kinds whose results are words."""


def faults(evidence: Evidence) -> list[Section]:
    """Return the faults of speed, of memory and of correctness."""
    table = evidence.study("faults")
    if table is None:
        return [Section(TITLE, [Paragraph("Missing: the record has no study of faults.")])]
    blocks: list[Block] = []
    for kind, title in TITLES.items():
        rows = []
        for fault, sides in table[table["kind"] == kind].groupby("x", sort=False):
            by_side = {row["series"]: row for row in sides.to_dict("records")}
            if len(by_side) < 2:
                continue
            bad, good = by_side["faulty"], by_side["here"]
            write = size if kind == "memory" else seconds
            if kind in TOLD:
                rows.append([str(fault), bad["result"], good["result"], f"`{bad['test']}`"])
                continue
            spread = f"{ratio(bad['q1'] / good['q3'])} .. {ratio(bad['q3'] / good['q1'])}"
            cost = ratio(bad["median"] / good["median"])
            rows.append([str(fault), write(bad["median"]), write(good["median"]), cost, spread, f"`{bad['test']}`"])
        head = ["fault", "with it", "here", *([] if kind in TOLD else ["cost", "spread"]), "guarded by"]
        blocks += [Heading(title), Table(head, rows, () if kind in TOLD else (1, 2, 3, 4))]
    blocks += left_out(evidence.others["sweeps"]["studies"]["faults"])
    return [Section(TITLE, blocks, "python -m bench.sweeps --only faults")]

"""`python -m lm study`: train a model on several tokenizers and seeds, and say what the tokenizers did."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from impls.command_line import tell
from lm.commands import PROGRAM

OURS = {"texts", "data", "tokenizers", "cells", "results.jsonl", "index.html"}
"""Names in the folder of a study."""


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("study", type=Path, metavar="STUDY.yaml", help="the file that describes the study")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder; runs/studies/NAME by default")


def run(options: Namespace) -> int:
    """Run what is not finished, write the results and the page, and print the findings."""
    from impls.folders import claimed, refuse_same_file
    from impls.storage import atomic_writer
    from lm.study.cells import InterruptedStudyError, rows_of, run_cells
    from lm.study.config import load_study
    from lm.study.findings import findings, lines
    from lm.study.page import write_page

    study = load_study(options.study)
    folder = options.out or Path("runs", "studies", study.name)
    refuse_same_file(folder / "results.jsonl", options.study)
    with claimed(folder, "study", OURS):
        try:
            results = list(run_cells(study, folder, lambda line: print(line, file=sys.stderr, flush=True)))
        except InterruptedStudyError as error:
            again = " ".join(map(str, [options.study, *(["--out", options.out] if options.out else [])]))
            tell(PROGRAM.name, "error", f"{error}; go on with {PROGRAM.name} study {again}")
            return 128 + error.signal
        found = findings(study, results)
        with atomic_writer(folder / "results.jsonl") as file:
            for row in (row for result in results for row in rows_of(result)):
                file.write(json.dumps(row).encode() + b"\n")
            for comparison in (comparison for one in found for comparison in one.comparisons):
                file.write(json.dumps(comparison.row()).encode() + b"\n")
        write_page(study, found, results, folder / "index.html")
    for line in lines(found):
        print(line)
    print(f"\n{folder / 'index.html'} and {folder / 'results.jsonl'} were written")
    return int(any(one.failures for one in found))

"""The inputs of a comparison: files that head makes and both sides read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import Case
from bench.inputs import WORKERS, inputs_of
from data.workloads import Workload


@dataclass
class InputFiles:
    """Files of workloads, each made when it is first needed.

    Attributes:
        folder: for the files.
    """

    folder: Path
    _made: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def order(self, case: Case) -> dict[str, Any]:
        """Return the order by which a worker prepares a case."""
        return {
            "do": "prepare",
            "case": str(case),
            "stage": case.impl.stage,
            "impl": case.impl.name,
            "workers": WORKERS,
            **self._of(case.workload),
        }

    def _of(self, workload: Workload) -> dict[str, Any]:
        key = workload.name, workload.bytes
        if key not in self._made:
            self._made[key] = self._make(workload)
        return self._made[key]

    def _make(self, workload: Workload) -> dict[str, Any]:
        made, folder = inputs_of(workload), self.folder / f"{workload.name}-{workload.bytes}"
        folder.mkdir(parents=True)
        pretokens = made.pretokens
        np.savez(
            folder / "pretokens.npz", bytes_=pretokens.bytes_, offsets=pretokens.offsets, counts=pretokens.counts
        )
        made.tokenizer("naive").save(folder / "tokenizer")
        return {
            "text": str(made.text.path),
            "n_merges": made.n_merges,
            "pretokens": str(folder / "pretokens.npz"),
            "vocab": str(folder / "tokenizer" / "vocab.json"),
            "merges": str(folder / "tokenizer" / "merges.txt"),
        }

"""The registry knows every implementation, and every implementation keeps to the contract."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import impls
from impls import UsageError, contract
from impls.registry import STAGES, Impl, find, implementations, parent_of

ROWS = [row for stage in STAGES for row in implementations(stage)]
PROTOCOLS = {"count": contract.Counter.__call__, "train": contract.Trainer.__call__}


def parameters(function: object) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults, without self."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    return [(p.name, p.kind, p.default) for p in signature.parameters.values() if p.name != "self"]


def test_every_module_of_a_stage_is_registered() -> None:
    package = Path(impls.__file__).parent
    modules = {
        f"impls.{stage}.{path.stem}"
        for stage in STAGES
        for path in (package / stage).glob("*.py")
        if path.stem != "__init__"
    }
    rows = {row.target.split(":")[0] for row in ROWS}
    assert [f"{module} has no row in impls/registry.py" for module in sorted(modules - rows)] == []
    assert [f"{module} has a row in impls/registry.py, and no file" for module in sorted(rows - modules)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.stage}-{row.name}")
def test_signature_is_that_of_the_contract(row: Impl) -> None:
    target = row.load()
    if row.stage == "encode":
        assert parameters(target.__init__) == parameters(contract.Encoder.__init__)
        assert parameters(target.encode) == parameters(contract.Encoder.encode)
    else:
        assert parameters(target) == parameters(PROTOCOLS[row.stage])


def test_every_trainer_is_paired_with_a_counter() -> None:
    assert all(find("count", row.counter) for row in implementations("train"))


def test_a_row_comes_from_the_row_that_it_names_or_from_the_row_before() -> None:
    for row in ROWS:
        rows = implementations(row.stage)
        before = [other for other in rows[: rows.index(row)] if row.parent in ("", other.name)]
        assert parent_of(row) == (before[-1] if before else None)
    child = replace(ROWS[-1], parent=implementations(ROWS[-1].stage)[0].name)
    assert parent_of(child) == implementations(ROWS[-1].stage)[0]


def test_names_are_unique_in_their_stage() -> None:
    for stage in STAGES:
        names = [row.name for row in implementations(stage)]
        assert len(set(names)) == len(names)


def test_an_unknown_name_lists_what_exists() -> None:
    for stage in STAGES:
        with pytest.raises(UsageError, match="'no such'.*" + ", ".join(row.name for row in implementations(stage))):
            find(stage, "no such")
    with pytest.raises(UsageError, match="'split'.*" + ", ".join(STAGES)):
        implementations("split")


def test_importing_and_listing_imports_no_implementation() -> None:
    code = (
        "import sys, impls, impls.registry as r; [r.implementations(s) for s in r.STAGES];"
        "print([m for m in sys.modules if m.startswith(('impls.count', 'impls.train', 'impls.encode', 'numba'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

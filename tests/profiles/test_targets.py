"""What can be profiled: every implementation, where it can be finished; steps train the shipped model."""

from __future__ import annotations

import math
from typing import Any

import pytest

from impls import UsageError
from impls.registry import STAGES, find, implementations
from profiles import tools
from profiles.commands.suite import suite
from profiles.targets import LARGE, STEPS, TARGETS, Subject, check, in_one_process
from tests.profiles import NEEDS_TORCH, STEP


def test_every_implementation_can_be_profiled() -> None:
    assert {stage: TARGETS[stage].impls for stage in TARGETS if stage not in STEPS} == {
        stage: tuple(row.name for row in implementations(stage)) for stage in STAGES
    }
    for name, subject in suite(tools.NAMES):
        tool = tools.load(name)
        assert subject.impl in TARGETS[subject.stage].impls
        assert subject.row()
        assert subject.stage in (tool.stages or TARGETS)
        if subject.stage in STAGES:
            check(subject)


def test_a_pool_of_processes_gets_two_workers_and_the_rest_one() -> None:
    pools = {(row.stage, row.name) for stage in STAGES for row in implementations(stage) if row.parallel}
    pools -= {(row.stage, row.name) for stage in STAGES for row in implementations(stage) if row.compiled}
    for name, target in TARGETS.items():
        for impl in target.impls:
            assert target.workers(impl) == (2 if (name, impl) in pools else 1)
    assert pools


def test_a_tool_for_one_process_gets_what_it_can_see_all_of() -> None:
    found = in_one_process(LARGE)
    assert {subject.stage for subject in found} == set(STAGES)
    for subject in found:
        row = find(subject.stage, subject.impl)
        assert row.compiled or not row.parallel
        check(subject)


def test_a_part_of_a_workload_is_no_longer_what_its_digests_are_of() -> None:
    whole, part = Subject("train", "jit", LARGE).row(), Subject("train", "jit", LARGE, 1_000).row()
    assert whole.expected
    assert (part.bytes, dict(part.expected)) == (1_000, {})


def test_an_unknown_workload_lists_what_exists() -> None:
    with pytest.raises(UsageError, match="no workload 'w'; choose one of stories-100KB"):
        Subject("train", "naive", "w").row()


@pytest.mark.slow
@NEEDS_TORCH
def test_implementations_of_a_step_train_the_same_shipped_model_on_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from profiles import step

    monkeypatch.setattr(step, "STEPS", 2)
    losses: dict[str, list[list[float]]] = {stage: [] for stage in STEPS}
    threads, take = torch.get_num_threads(), step.optimizer_step
    for stage, target in STEPS.items():
        for impl in target.impls:
            found: list[float] = []

            def noted(*arguments: Any, found: list[float] = found) -> Any:
                loss, norm = take(*arguments)
                found.append(float(loss))
                return loss, norm

            monkeypatch.setattr(step, "optimizer_step", noted)
            step.prepare(target.model, impl, STEP.row(), threads)()
            losses[stage].append(found)
    for reference, fused in losses.values():
        assert len(reference) == 2
        assert reference == pytest.approx(fused, rel=1e-4)
        assert reference[0] == pytest.approx(math.log(320), rel=0.05)
    assert step.config_of("gpt2-2k-4l", "fused", 320).model.n_layers == 4

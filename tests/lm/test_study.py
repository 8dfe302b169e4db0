"""A study from its file to its page: cells, budgets, what fails, what is skipped, and what it finds."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from impls import MergelabError, Tokenizer
from lm.__main__ import main
from lm.accounting import training_flops_per_token
from lm.batches import open_data
from lm.config_files import load_run
from lm.evaluate import DocumentScore, Windows
from lm.metrics import read_metrics
from lm.results import Row, Scores, comparisons
from lm.study import cells, texts
from lm.study.cells import Result, make_cell, run_cells
from lm.study.config import Budget, StudyConfig, load_study
from tests.support import ROOT
from tests.support.lm_runs import quiet

SMALL: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "stories", "source": "corpus", "path": "stories", "bytes": 200_000},
    "tokenizers": {"whole": {"vocab_size": 500}},
    "seeds": [0, 1, 2],
    "budgets": [{"bytes": 40_000}],
    "model": {
        **{"architecture": "gpt2", "vocab_size": "auto", "context_length": 32},
        **{"d_model": 16, "n_layers": 1, "n_heads": 2, "d_ff": 32},
    },
    "training": {"device": "cpu", "learning_rate": 5e-3, "eval_batches": 2, "eval_bytes": 3000},
    "data": {"block_size": 32, "batch_size": 8},
    "points": 3,
    "eval_bytes": 20_000,
}


def study_file(folder: Path, **changes: Any) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}, sort_keys=False))
    return path


def rows_in(path: Path, kind: str) -> list[Row]:
    return [row for row in map(json.loads, path.read_text().splitlines()) if row["kind"] == kind]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study: a tokenizer, a copy of it, one with half of its merges, one that cannot encode the text."""
    folder = tmp_path_factory.mktemp("study")
    whole = tokenizer_of(folder)
    tokenizer = Tokenizer.load(whole)
    kept = tokenizer.merges[: len(tokenizer.merges) // 2]
    tokens = {i: bytes([i]) for i in range(256)} | {256 + i: a + b for i, (a, b) in enumerate(kept)}
    Tokenizer(tokens, kept, ["<|endoftext|>"]).save(folder / "halved")
    Tokenizer({i: bytes([i]) for i in range(90)} | {96: b"<|endoftext|>"}, [], ["<|endoftext|>"]).save(
        folder / "deaf"
    )
    paths = {name: {"path": str(folder / name)} for name in ("copy", "halved", "deaf")}
    path = study_file(folder, tokenizers={"whole": {"path": str(whole)}, **paths})
    assert main(["study", str(path), "--out", str(folder / "out")]) == 1  # One tokenizer failed.
    return folder


def tokenizer_of(folder: Path) -> Path:
    """The tokenizer that the study would train."""
    study = load_study(study_file(folder))
    made = texts.make_texts(study.dataset, folder / "first", quiet)
    config = texts.make_ids(study, "whole", made, folder / "first", quiet)
    tokenizer = Tokenizer.load(Path(config.data.folder) / "tokenizer")
    tokenizer.save(folder / "whole")
    tokenizer.save(folder / "copy")
    return folder / "whole"


@pytest.mark.slow
def test_results_hold_every_document_and_what_it_took(home: Path) -> None:
    path = home / "out" / "results.jsonl"
    facts = rows_in(path, "facts")
    assert [(row["tokenizer"], row["seed"]) for row in facts] == [
        (name, seed) for name in ("whole", "copy", "halved") for seed in (0, 1, 2)
    ]
    documents = rows_in(path, "document")
    chosen: dict[str, list[int]] = {}
    for row in rows_in(path, "run"):
        mine = [one for one in documents if (one["tokenizer"], one["seed"]) == (row["tokenizer"], row["seed"])]
        nats, n_bytes = sum(one["nats"] for one in mine), sum(one["n_bytes"] for one in mine)
        assert row["bits_per_byte"] == pytest.approx(nats / math.log(2) / n_bytes)
        chosen.setdefault(row["tokenizer"], []).append(n_bytes)
    assert len({n for side in chosen.values() for n in side}) == 1  # The same bytes for every tokenizer.
    for row in facts:
        assert row["vocabulary"] % 64 == 0
        assert abs(row["bytes"] - 40_000) <= 8 * 32 * row["bytes_per_token"] / 2 + 1
        assert row["tokens_per_second"] == pytest.approx(row["tokens"] / row["seconds"])


@pytest.mark.slow
def test_what_fails_is_named_and_the_rest_goes_on(home: Path) -> None:
    failed = rows_in(home / "out" / "results.jsonl", "failed")
    assert [(row["tokenizer"], row["seed"]) for row in failed] == [("deaf", seed) for seed in (0, 1, 2)]
    assert all("byte" in row["failure"] and "\n" not in row["failure"] for row in failed)
    assert "failed: deaf, seed 0" in (home / "out" / "index.html").read_text()


@pytest.mark.slow
def test_a_copy_is_inconclusive_and_half_of_the_merges_are_missed(home: Path) -> None:
    found = {(row["a"], row["b"]): row for row in rows_in(home / "out" / "results.jsonl", "comparison")}
    assert set(found) == {("whole", "copy"), ("whole", "halved"), ("copy", "halved")}
    assert found["whole", "copy"]["conclusive"] is False
    assert "inconclusive" in found["whole", "copy"]["sentence"]
    assert found["whole", "halved"]["conclusive"] is True
    assert found["whole", "halved"]["sentence"].endswith("whole is better.")
    assert found["whole", "halved"]["confidence"] == pytest.approx(1 - 0.05 / 3)


@pytest.mark.slow
def test_the_page_has_sentences_tables_and_curves(home: Path) -> None:
    page = (home / "out" / "index.html").read_text()
    for row in rows_in(home / "out" / "results.jsonl", "comparison"):
        assert row["sentence"] in page.replace("&#x27;", "'")
    assert page.count("<svg") == 1
    for label in ("MB of text", "TFLOPs", "seconds of training", "bits per byte", "<td>halved</td>"):
        assert label in page
    assert not re.search(r'(src|href)="(?!#)', page)  # Nothing is fetched from elsewhere.


@pytest.mark.slow
def test_finished_cells_are_skipped_and_the_results_are_the_same(home: Path, monkeypatch) -> None:
    before = (home / "out" / "results.jsonl").read_bytes()
    monkeypatch.setattr(cells, "train", refuse)
    monkeypatch.setattr(texts, "prepare", refuse)
    assert main(["study", str(home / "study.yaml"), "--out", str(home / "out")]) == 1
    assert (home / "out" / "results.jsonl").read_bytes() == before


def refuse(*_: object, **__: object) -> Any:
    raise AssertionError("it is made already")


def results_of(folder: Path, **changes: Any) -> list[Result]:
    return list(run_cells(load_study(study_file(folder, **changes)), folder / "out", quiet))


def test_texts_are_made_once(tmp_path: Path, monkeypatch) -> None:
    calls: list[object] = []
    prepare = texts.prepare
    monkeypatch.setattr(texts, "prepare", lambda *arguments: calls.append(arguments) or prepare(*arguments))
    monkeypatch.setattr(cells, "train", lambda *_, **__: 2)
    sizes = {"a": {"vocab_size": 300}, "b": {"vocab_size": 320, "pattern": "gpt4"}}
    with pytest.raises(MergelabError, match="interrupted"):
        results_of(tmp_path, tokenizers=sizes)
    assert len(calls) == 1


@pytest.mark.slow
def test_an_interrupted_study_goes_on(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    path, train = study_file(tmp_path, seeds=[0, 1]), cells.train
    states: list[bool] = []

    def stopped(config: Any, folder: Path, *, resume: bool) -> int:
        states.append(resume)
        if len(states) == 2:
            half = config.training.model_copy(update={"max_steps": config.training.max_steps // 2})
            train(config.model_copy(update={"training": half}), folder, resume=resume)
            return 2
        return train(config, folder, resume=resume)

    monkeypatch.setattr(cells, "train", stopped)
    words = ["study", str(path), "--out", str(tmp_path / "out")]
    assert main(words) == 130
    assert f"go on with python -m lm study {path} --out {tmp_path / 'out'}\n" in capsys.readouterr().err
    assert main(words) == 0
    assert states == [False, False, True]
    assert len(rows_in(tmp_path / "out" / "results.jsonl", "facts")) == 2


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyConfig, Any, Path]:
    folder = tmp_path_factory.mktemp("cells")
    study = load_study(study_file(folder))
    made = texts.make_texts(study.dataset, folder, quiet)
    return study, texts.make_ids(study, "whole", made, folder, quiet), folder


@pytest.mark.parametrize("budget", [{"bytes": 50_000}, {"tokens": 30_000}, {"flops": 2e9}])
def test_steps_fit_the_budget(budget: dict[str, Any], prepared: tuple[StudyConfig, Any, Path]) -> None:
    study, config, folder = prepared
    cell = make_cell(study, Budget(**budget), "whole", 1, config, folder)
    tokens = cell.config.training.max_steps * 8 * 32
    data = open_data(cell.config.data, cell.config.model.vocab_size)
    ratio = cell.bytes_per_token
    n_bytes = sum(len(text) for text in data.tokenizer.decode_bytes(data.train).split(b"<|endoftext|>"))
    assert ratio == pytest.approx(n_bytes / len(data.train))
    flops = training_flops_per_token(cell.config.model, 32)
    spent, one = {"bytes": (tokens * ratio, ratio), "tokens": (tokens, 1), "flops": (tokens * flops, flops)}[
        next(iter(budget))
    ]
    assert abs(spent - next(iter(budget.values()))) <= one * 8 * 32 / 2
    assert (cell.config.training.seed, cell.config.model.vocab_size) == (1, 512)


def test_windows_of_equal_bytes(prepared: tuple[StudyConfig, Any, Path]) -> None:
    study, config, folder = prepared
    study = study.model_copy(update={"context_bytes": 100})
    cell = make_cell(study, Budget(bytes=50_000), "whole", 0, config, folder)
    assert cell.config.data.block_size == cell.config.model.context_length == round(100 / cell.bytes_per_token)


@pytest.mark.slow
def test_a_budget_below_a_step_and_a_cell_without_memory_fail_alone(tmp_path: Path, monkeypatch) -> None:
    budgets = [{"bytes": 100}, {"bytes": 5000}]
    results = results_of(tmp_path, budgets=budgets, seeds=[0])
    assert re.search(
        r"budgets: 100 bytes of text are less than one step of whole, which takes \d+; give more", results[0].failure
    )
    assert results[1].scores is not None
    monkeypatch.setattr(cells, "_free_memory", lambda: 1000)
    (result,) = results_of(tmp_path, budgets=[{"bytes": 6000}], seeds=[0])
    assert re.search(r"takes .* GB of memory, and 1e-06 GB are free; lower data.batch_size", result.failure)


def test_memory_that_runs_out_is_a_failure_of_the_cell(tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes")

    monkeypatch.setattr(cells, "train", fail)
    assert [one.failure for one in results_of(tmp_path, seeds=[0])] == ["out of memory; lower data.batch_size"]


@pytest.mark.slow
def test_a_tokenizer_can_come_from_another_text(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("zyx zyxw zyxwv<|endoftext|>" * 500)
    dataset = {"name": "other", "source": "local", "files": {"train": str(other)}, "validation_share": 0.0}
    sizes = {"there": {"vocab_size": 262, "dataset": dataset}}
    (result,) = results_of(tmp_path, tokenizers=sizes, seeds=[0], budgets=[{"bytes": 4000}])
    assert result.failure == ""
    config = load_run(next((tmp_path / "out" / "cells").glob("*/config.yaml")))
    tokens = set(Tokenizer.load(Path(config.data.folder) / "tokenizer").vocab.values())
    assert b" zyx" in tokens or b"zyx" in tokens
    assert config.model.vocab_size == 320


def test_the_shipped_study_is_valid() -> None:
    study = load_study(ROOT / "lm/studies/vocabulary-small.yaml")
    assert (len(study.tokenizers), len(study.seeds), len(study.budgets)) == (3, 3, 2)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"speed": 1}, "speed: no such field"),
    ({"model": {**SMALL["model"], "wings": 2}}, r"study\.yaml: model: wings: no such field"),
    ({"training": {"steps": 2}}, r"study\.yaml: training: steps: no such field"),
    ({"data": {"block_size": "x", "batch_size": 8}}, r"study\.yaml: data: block_size: .* not 'x'"),
    ({"budgets": [{"bytes": 5, "tokens": 5}]}, "exactly one of bytes, tokens and flops"),
    ({"budgets": []}, "budgets: "),
    ({"tokenizers": {"a": {}}}, "either a path or a vocab_size"),
    ({"tokenizers": {"a": {"path": "x", "pattern": "gpt4"}}}, "is taken as it is"),
    ({"tokenizers": {"../a": {"vocab_size": 300}}}, "'../a' cannot name a folder"),
    ({"seeds": [1, 1]}, "has a seed twice"),
    ({"dataset": "nowhere"}, r"nowhere\.yaml: No such file"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message for _, message in BAD])
def test_studies_that_cannot_be_are_refused_in_one_line(
    changes: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(study_file(tmp_path, **changes)), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert re.search(message, told), told
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_items_of_hellaswag_are_scored_and_compared(tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    item = {"activity_label": "Play", "ctx_a": "The dog", "ctx_b": "ran", "endings": ["home.", "xqz."], "label": 0}
    items.write_text((json.dumps(item) + "\n") * 3)
    sizes = {"a": {"vocab_size": 300}, "b": {"vocab_size": 400}}
    path = study_file(tmp_path, tokenizers=sizes, seeds=[0, 1], hellaswag=str(items), budgets=[{"bytes": 9000}])
    assert main(["study", str(path), "--out", str(tmp_path / "out")]) == 0
    rows = rows_in(tmp_path / "out" / "results.jsonl", "item")
    assert [(row["tokenizer"], row["seed"], row["number"]) for row in rows] == [
        (name, seed, number) for name in "ab" for seed in (0, 1) for number in range(3)
    ]
    compared = rows_in(tmp_path / "out" / "results.jsonl", "comparison")
    assert [row["measure"] for row in compared] == ["bits per byte", "HellaSwag"]
    right = {
        name: np.array([row["right_by_characters"] for row in rows if row["tokenizer"] == name]) for name in "ab"
    }
    assert compared[1]["means"] == pytest.approx([right["a"].mean(), right["b"].mean()])
    only_a = int((right["a"][:3] & ~right["b"][:3]).sum())
    assert compared[1]["mcnemar"]["only_a"] == only_a
    assert "HellaSwag, share right" in (tmp_path / "out" / "index.html").read_text()


def test_only_scores_of_the_same_documents_are_compared() -> None:
    windows = Windows(8, 8)
    ours, theirs = (Scores(name, windows, [DocumentScore(0, n, 3, 2.0, 0.0)] * 2) for name, n in (("a", 5), ("b", 6)))
    with pytest.raises(MergelabError, match="a and b: were scored on different documents"):
        list(comparisons([ours], [theirs]))


@pytest.mark.slow
def test_a_damaged_score_is_named(tmp_path: Path) -> None:
    assert results_of(tmp_path, seeds=[0], budgets=[{"bytes": 9000}])[0].failure == ""
    (path,) = (tmp_path / "out" / "cells").glob("*/scores.jsonl")
    path.write_bytes(path.read_bytes()[:-30])
    (result,) = results_of(tmp_path, seeds=[0], budgets=[{"bytes": 9000}])
    assert result.failure == f"{path}: is damaged; remove this file and run the study again"
    path.unlink()
    (result,) = results_of(tmp_path, seeds=[0], budgets=[{"bytes": 9000}])
    assert result.scores is not None


def test_a_text_without_validation_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset: dict[str, Any] = {**SMALL["dataset"], "validation_share": 0.0}
    words: Sequence[str] = ["study", str(study_file(tmp_path, dataset=dataset)), "--out", str(tmp_path / "out")]
    assert main(words) == 1
    assert "no text fell to validation, so nothing could be compared" in capsys.readouterr().err


@pytest.mark.slow
def test_metrics_of_a_cell_go_on_after_a_resume(home: Path) -> None:
    rows = read_metrics(next((home / "out" / "cells").glob("*whole-s0*")))
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    assert sum(row["val_bits_per_byte"] is not None for row in rows) >= 3

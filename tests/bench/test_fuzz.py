"""Every case that ever failed holds, the same seed makes the same cases, and each kind finds a planted fault."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.__main__ import main
from bench.fuzz import KINDS, load
from bench.fuzz.finding import CASES, Finding, minimised, read, shortened, write
from bench.fuzz.kind import Case, Difference, Kind, verdict
from bench.fuzz.search import Searched, search, try_case
from impls.inputs.text import decode_utf8
from impls.train.naive import preference

FILES = sorted(CASES.glob("*.json"))

MOST_CASES = 400

Fault = Callable[[pytest.MonkeyPatch], object]


def kind_of(name: str) -> Kind:
    try:
        return load(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_kept_case_holds(path: Path) -> None:
    name, case = read(path)
    assert verdict(kind_of(name), case) is None


def test_every_kind_has_a_kept_case() -> None:
    assert {read(path)[0] for path in FILES} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_case_depends_on_kind_seed_and_number_alone(name: str) -> None:
    kind = kind_of(name)
    cases = [[kind.make(Random(f"{name} {seed} {number}")) for number in range(5)] for seed in (1, 1, 2)]
    assert cases[0] == cases[1]
    assert cases[0] != cases[2]


def never_merges(encoder: Any, pretoken: bytes) -> list[int]:
    return list(encoder.first_ids(pretoken))


def accepts_every_digest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("impls.formats.mergelab._checked", lambda definition, *_: definition)


def scans_as_another_pattern(patch: pytest.MonkeyPatch) -> None:
    from impls.count.jit import COUNT_TEXT

    patch.setitem(COUNT_TEXT, "gpt2", COUNT_TEXT["gpt4"])


def raises_errors_of_python(patch: pytest.MonkeyPatch) -> None:
    for name, module in tuple(sys.modules.items()):
        if name.startswith("lm.") and hasattr(module, "FileFormatError"):
            patch.setattr(module, "FileFormatError", RuntimeError)


FAULTS: dict[str, Fault] = {
    "scans": scans_as_another_pattern,
    "cuts": lambda patch: patch.setattr("impls.cuts.SafeCuts._spanned", lambda *_: False),
    "specials": lambda patch: patch.setattr("impls.kernels.specials._longest_first", lambda item: len(item[0])),
    "utf8": lambda patch: patch.setattr("impls.encode.decode_utf8", lambda data, name: decode_utf8(data, name, 1)),
    "vocabularies": lambda patch: patch.setattr("impls.encode.heap.HeapEncoder.encode_pretoken", never_merges),
    "trainers": lambda patch: patch.setattr(
        "impls.train.weighted.preference", lambda _, tokens: preference("greatest", tokens)
    ),
    "peer_trainers": lambda patch: patch.setattr("impls.train.jit.huggingface_byte_order", lambda: range(256)),
    "peer_encoders": lambda patch: patch.setattr("impls.encode.cached.CachedEncoder.encode_pretoken", never_merges),
    "tokenizer_folders": accepts_every_digest,
    "gpt2_files": lambda patch: patch.setattr("impls.formats.files.FileFormatError", RuntimeError),
    "records": lambda patch: patch.setattr("bench.record.RecordError", RuntimeError),
    "checkpoints": raises_errors_of_python,
    "exports": lambda patch: patch.setattr("lm.trained.check_manifest", lambda *_: None),
    "configs": lambda patch: patch.setattr("lm.config_files.ConfigError", RuntimeError),
}
"""Kind -> a fault that it must find: a wrong scan, a swapped tie, a digest that is not compared ..."""


def found(name: str) -> Finding | None:
    kind = kind_of(name)
    return next((one for number in range(MOST_CASES) if (one := try_case(name, kind, 1, number))), None)


def test_there_is_a_planted_fault_for_every_kind() -> None:
    assert list(FAULTS) == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_finds_a_planted_fault(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kind = kind_of(name)
    monkeypatch.setattr("bench.fuzz.finding.MINIMISING_SECONDS", 0.5)
    with monkeypatch.context() as patch:
        FAULTS[name](patch)
        finding = found(name)
        assert finding
        path = write(finding, tmp_path)
        assert read(path) == (name, finding.case)
        assert verdict(kind, read(path)[1])
    assert verdict(kind, read(path)[1]) is None


def test_a_finding_is_told_in_a_paragraph_written_and_replayed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        FAULTS["cuts"](patch)
        assert main(["fuzz", "--only", "cuts", "--minutes", "0.1", "--seed", "7", "--cases", str(tmp_path)]) == 1
        (path,) = tmp_path.iterdir()
        told = capsys.readouterr().out
        assert f"Replay: python -m bench fuzz --replay {path}" in told
        assert "cuts: seed 7, case " in told
        assert main(["fuzz", "--replay", str(path)]) == 1
        assert "cuts: expected [" in capsys.readouterr().out
    assert main(["fuzz", "--replay", str(path)]) == 0
    assert capsys.readouterr().out.startswith("cuts: holds.")


def test_the_search_says_how_many_cases_it_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--only", "cuts,gpt2_files", "--minutes", "0.002", "--cases", str(tmp_path / "none")]
    assert main(["fuzz", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["cuts", "gpt2_files"]
    assert all(line.endswith(" per second") for line in lines)
    assert not (tmp_path / "none").exists()


def test_a_kind_without_its_package_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "bench.fuzz.peer_encoders", raising=False)
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert main(["fuzz", "--only", "peer_encoders", "--minutes", "0.001"]) == 0
    assert "peer_encoders: skipped, since tiktoken is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--only", "scan"], ["--faults", "0"]])
def test_wrong_options_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", *words]) == 2
    assert f"python -m bench: error: {words[0]}: " in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", '{"kind": "scans"}', '{"kind": "x", "content": "", "parameters": {}}'])
def test_a_file_that_is_no_case_is_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "case.json"
    path.write_text(content)
    assert main(["fuzz", "--replay", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"python -m bench: error: {path}: ")


def refuse(_: Case) -> Difference | None:
    raise KeyError("over\nand out")


def hang(_: Case) -> Difference | None:
    while True:
        pass


def test_a_traceback_and_a_hang_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.fuzz.kind.SECONDS_PER_CASE", 0.05)
    raising, hanging = (Kind("", lambda _: Case(b""), check) for check in (refuse, hang))
    (_, told), (_, waited) = (verdict(kind, Case(b"")) or ("", "") for kind in (raising, hanging))
    assert "KeyError: 'over\\nand out' (" in told
    assert "TimeoutError: the case takes more than 0 s" in waited


def test_a_search_ends_with_the_first_case_that_fails() -> None:
    kind = Kind("", lambda random: Case(bytes([random.randrange(4)])), lambda _: Difference("a", "b"))
    assert search("made up", kind, 3, 10.0)[::2] == Searched(1, 0, try_case("made up", kind, 3, 0))[::2]


def test_a_failing_case_is_made_smaller() -> None:
    assert shortened("aaaaaXbbbb", lambda text: "X" in text) == "X"
    assert minimised(Case("世界".encode()), lambda case: "界" in case.content.decode()).content == "界".encode()
    assert minimised(Case(b"ab\xffcd"), lambda case: b"\xff" in case.content).content == b"\xff"

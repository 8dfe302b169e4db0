"""`python -m lm` from outside: the way from text to samples, exit statuses, one line per error."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from impls import UsageError
from lm.__main__ import main
from lm.checkpoint import read_checkpoint
from lm.commands import PROGRAM
from lm.config_files import save_run
from tests.support.lm_runs import ENVIRONMENT, tiny_config

Capture = pytest.CaptureFixture[str]


def status_of(arguments: Sequence[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained run."""
    folder = tmp_path_factory.mktemp("cli")
    config = folder / "tiny.yaml"
    save_run(tiny_config(folder), config)
    assert status_of(["train", "--config", str(config), "--out", str(folder / "run")]) == 0
    return folder


@pytest.mark.slow
def test_the_real_command_goes_from_text_to_samples(tmp_path: Path) -> None:
    save_run(tiny_config(tmp_path, data={"folder": "ids"}), tmp_path / "tiny.yaml")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lm", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)

    done = run("train", "--config", "tiny.yaml", "--set", "training.max_steps=4")
    assert (done.returncode, "step 4/4" in done.stderr) == (0, True), done.stderr
    assert (tmp_path / "runs" / "tiny" / "checkpoints" / "last.pt").exists()
    done = run("generate", "runs/tiny", "--prompt", "The", "--temperature", "0", "--tokens", "5")
    assert done.returncode == 0
    assert done.stdout.startswith("The")
    done = run("generate", "runs/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "runs/nowhere: holds no checkpoint; run `python -m lm train" in done.stderr


COMMANDS = list(PROGRAM.commands)


def in_a_fresh_process(script: str) -> str:
    """What a script prints; `main` and `sys` are there."""
    start = "import sys\nfrom lm.__main__ import main\n"
    done = subprocess.run([sys.executable, "-c", start + script], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_help_is_there_without_pytorch() -> None:
    said = in_a_fresh_process(f"""
for words in [["--help"], *([name, "--help"] for name in {COMMANDS})]:
    try:
        main(words)
    except SystemExit as stop:
        assert stop.code == 0
print(sorted({{"torch", "pydantic"}} & set(sys.modules)))
""")
    assert said.splitlines()[-1] == "[]"
    assert said.count("usage: python -m lm") == 1 + len(COMMANDS)


def test_without_pytorch_every_command_says_so_in_one_line() -> None:
    words = {"generate": ["x"], "demo": ["x"], "evaluate": ["x"], "export": ["x", "--out", "y"], "study": ["x"]}
    said = in_a_fresh_process(f"""
sys.modules["torch"] = None
sys.stderr = sys.stdout
for name in {COMMANDS}:
    assert main([name, *{words}.get(name, ["--config", "x"])]) == 1, name
""")
    line = "python -m lm: error: torch is not installed, but lm needs it; run pip install '.[lm]'"
    assert said.splitlines() == [line] * len(COMMANDS)


def test_generate_has_all_its_options(home: Path, capsys: Capture) -> None:
    run = str(home / "run")
    options = ["--prompt", "The", "--tokens", "6", "--top-k", "50", "--top-p", "0.9", "--seed", "3", "--samples", "2"]
    outputs = []
    for more in ([], ["--no-cache"], ["--raw"]):
        assert status_of(["generate", run, *options, *more]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[0].count("--- sample") == 2
    assert outputs[2] == re.sub(r"--- sample.*\n", "", outputs[0])
    assert status_of(["generate", run, "--bos", "--prompt", "The", "--tokens", "3"]) == 0
    assert status_of(["generate", run, "--tokens", "3"]) == 0


def test_export_and_generate_from_safetensors_agree(home: Path, capsys: Capture) -> None:
    assert status_of(["export", str(home / "run"), "--out", str(home / "out")]) == 0
    shown = capsys.readouterr()
    named = shown.out.strip().removeprefix(f"{home / 'out'}: ").replace("/", "").split(", ")
    assert (sorted(named), shown.err) == (sorted(path.name for path in (home / "out").glob("[!.]*")), "")
    greedy = ["--prompt", "The", "--temperature", "0", "--tokens", "8"]
    texts = []
    for source in ("run", "run/checkpoints/last.pt", "out"):
        assert status_of(["generate", str(home / source), *greedy]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] == texts[2]


def test_export_says_why_there_is_no_tokenizer_json(home: Path, capsys: Capture, monkeypatch) -> None:
    monkeypatch.setattr("lm.export.tokenizer_json.write", refuse)
    assert status_of(["export", str(home / "run"), "--out", str(home / "plain")]) == 0
    shown = capsys.readouterr()
    assert "tokenizer.json" not in shown.out
    assert shown.err == f"python -m lm: note: AutoTokenizer cannot load {home / 'plain'}: tokenizer.json: no\n"


def refuse(*_: object) -> None:
    raise UsageError("tokenizer.json: no")


def test_evaluate_prints_scores(home: Path, capsys: Capture) -> None:
    run = str(home / "run")
    assert status_of(["evaluate", run]) == 0
    first = capsys.readouterr().out
    assert re.match(
        rf"{re.escape(run)}: \d\.\d{{4}} bits per byte, 0\.\d{{4}} of it for special tokens .* loss \d\.\d{{4}} nats "
        r"per token, perplexity [\d.]+, \d+ tokens; windows of 32 tokens, 32 from one to the next\n",
        first,
    )
    items = home / "items.jsonl"
    items.write_text('{"activity_label": "A", "ctx": "b", "endings": ["c", "d"], "label": 0}\n' * 3)
    assert status_of(["evaluate", run, "--hellaswag", str(items), "--items", "2"]) == 0
    assert capsys.readouterr().out.startswith(f"{run}: HellaSwag: 2 items")
    assert status_of(["evaluate", run, "--text", str(home / "data" / "val.txt"), "--device", "cpu"]) == 0
    assert capsys.readouterr().out == first
    assert status_of(["evaluate", run, "--batch", "3"]) == 0
    assert capsys.readouterr().out == first
    assert status_of(["evaluate", run, "--block", "16", "--stride", "4"]) == 0
    assert "windows of 16 tokens, 4 from one to the next" in capsys.readouterr().out


def test_evaluate_pairs_models_and_prints_a_line_per_document(home: Path, capsys: Capture) -> None:
    runs = [str(home / "run"), str(home / "run" / "checkpoints" / "step-000002.pt")]
    items = home / "pairs.jsonl"
    items.write_text('{"activity_label": "A", "ctx": "b", "endings": ["c", "d e"], "label": 1}\n' * 3)
    words = ["evaluate", *runs, "--paired", "--text", str(home / "data" / "val.txt"), "--hellaswag", str(items)]
    assert status_of(words) == 0
    text, swag = capsys.readouterr().out.splitlines()[-2:]
    assert text.startswith(f"{runs[1]} against {runs[0]}: ")
    assert text.endswith(f"since there is one seed: {runs[0]} is better, as far as these two models go.")
    assert swag.endswith("McNemar's p is 1.")
    assert status_of([*words, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [row["kind"] for row in rows]
    assert kinds.count("item") == 6
    assert kinds.count("run") == kinds.count("comparison") == 2
    first = [row for row in rows if row["kind"] == "document" and row["run"] == runs[0]]
    total = next(row for row in rows if row["kind"] == "run")
    assert sum(row["nats"] for row in first) == pytest.approx(total["nats"])
    assert total["windows"] == {"block": 32, "stride": 32, "batch": 8}
    assert rows[-2]["sentence"] == text


def test_params_and_batch(home: Path, capsys: Capture) -> None:
    config = str(home / "tiny.yaml")
    assert status_of(["params", "--config", config, "--measure", "--memory", "1"]) == 0
    assert "measured" in capsys.readouterr().out
    assert status_of(["batch", "--config", config, "--limit", "2"]) == 0
    assert capsys.readouterr().out == "2 windows of 32 ids fit\n"


def test_resuming_may_prolong(home: Path) -> None:
    run = home / "longer"
    assert status_of(["train", "--config", str(home / "tiny.yaml"), "--out", str(run)]) == 0
    assert status_of(["train", "--resume", str(run), "--set", "training.max_steps=10"]) == 0
    assert read_checkpoint(run / "checkpoints" / "last.pt")["step"] == 10


def test_no_memory_is_one_line(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes")

    monkeypatch.setattr("lm.train.optimizer_step", fail)
    assert status_of(["train", "--config", str(home / "tiny.yaml"), "--out", str(home / "memory")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("python -m lm: error: out of memory; lower")


BAD = [
    (["train"], 2, "give --config FILE"),
    ([], 2, "COMMAND"),
    (["train", "--config", "nowhere.yaml"], 2, r"nowhere\.yaml: No such file"),
    (["train", "--config", "{home}/tiny.yaml", "--set", "model.n_heads=3"], 2, "n_heads: 3 does not divide"),
    (["train", "--config", "{home}/tiny.yaml", "--set", "data.stride=64"], 2, "stride: 64 is above block_size"),
    (["train", "--config", "{home}/tiny.yaml", "--set", "speed=1"], 2, "speed: no such field"),
    (["train", "--config", "{home}/tiny.yaml", "--set", "training.device=cuda:7"], 2, "this machine has no cuda:7"),
    (["train", "--config", "{home}/tiny.yaml", "--model", "none"], 2, r"none\.yaml: No such file"),
    (["train", "--config", "{home}/tiny.yaml", "--out", "{home}/run"], 1, "holds a run already"),
    (["train", "--config", "{home}/tiny.yaml", "--out", "{home}/tiny.yaml"], 1, "give another --out"),
    (["train", "--resume", "{home}"], 1, "holds no checkpoint"),
    (["train", "--resume", "{home}/run", "--set", "model.n_layers=3"], 1, r"last\.pt: is of another model: it lacks"),
    (
        ["train", "--resume", "{home}/run", "--set", "model.d_model=16"],
        1,
        r"last\.pt: is of another model: .* has the shape \[",
    ),
    (
        ["train", "--resume", "{home}/run", "--set", "training.optimizer=sgd"],
        1,
        "holds the state of another optimizer",
    ),
    (["train", "--resume", "{home}/run", "--set", "data.folder={home}"], 1, "run `python -m lm tokenize`"),
    (
        ["train", "--config", "{home}/tiny.yaml", "--set", "tokenizer.vocab_size=300"],
        1,
        "another dataset or tokenizer",
    ),
    (
        ["tokenize", "--config", "{home}/tiny.yaml", "--set", "data.folder={home}/tiny.yaml"],
        1,
        "File exists|must be a folder",
    ),
    (["generate", "{home}/run", "--temperature", "-1"], 2, "temperature"),
    (["generate", "{home}/run", "--temperature", "warm"], 2, "invalid float"),
    (["generate", "{home}/run", "--top-p", "2"], 2, "top-p"),
    (["generate", "{home}"], 1, "holds no checkpoint"),
    (["generate", "{home}/tiny.yaml"], 1, "config.yaml|checkpoint"),
    (["evaluate", "{home}/run", "--text", "{home}/none.txt"], 1, r"none\.txt"),
    (["evaluate", "{home}/run", "--hellaswag", "{home}/none"], 1, "none: No such file"),
    (["evaluate", "{home}/run", "--device", "cuda:7"], 2, "--device: this machine has no cuda:7"),
    (["generate", "{home}/run", "--device", "gpu"], 2, "--device: 'gpu' is not a device"),
    (["evaluate", "{home}/run", "--paired"], 2, "give at least two"),
    (["evaluate", "{home}/run", "--items", "0"], 2, "--items: 0 is below 1"),
    (["evaluate", "{home}/run", "--block", "64"], 2, "block size: 64 is above the context length 32"),
    (["demo", "{home}"], 1, "holds no checkpoint"),
    (["export", "{home}/run", "--out", "{home}/tiny.yaml"], 1, "give another folder"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line(arguments: list[str], status: int, message: str, home: Path, capsys: Capture) -> None:
    assert status_of([argument.replace("{home}", str(home)) for argument in arguments]) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("python -m lm")
    assert shown.err.count("\n") == 1
    assert re.search(message, shown.err), shown.err

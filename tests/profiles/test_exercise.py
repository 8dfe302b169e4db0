"""The exercise computes a forward pass, and its commands run as they stand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from profiles import exercise
from tests.profiles import why_not
from tests.support import ROOT


def test_exercise_computes_a_forward_pass(capsys: pytest.CaptureFixture[str]) -> None:
    layers = exercise.make_layers([3, 5, 2])
    x = np.array([[1, -2, 0.5]], np.float32)
    hidden = x.astype(np.float64) @ layers[0][0] + layers[0][1]
    hidden = 0.5 * hidden * (1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)))
    expected = hidden @ layers[1][0] + layers[1][1]
    for activate in exercise.GELU.values():
        assert exercise.forward(x, layers, activate) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert exercise.operations(4, [3, 5, 2]) == 2 * 4 * (15 + 10)
    assert exercise.main(["--batch", "4", "--layers", "3,5,2", "--passes", "1"]) == 0
    assert "4 x 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--layers", "3"], "is a single width; give at least two"),
        (["--layers", "3,0"], "'0' is not a number of at least 1"),
        (["--layers", "3,wide"], "'wide' is not a number of at least 1"),
        (["--batch", "0"], "'0' is not a number of at least 1"),
        (["--passes", "few"], "'few' is not a number of at least 1"),
    ],
)
def test_bad_usage_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        exercise.main(words)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not("scalene") or why_not("memray")), reason="scalene or memray is not installed")
def test_commands_of_the_exercise_run(tmp_path: Path) -> None:
    lines = [line.strip() for line in (exercise.__doc__ or "").splitlines() if line.strip().startswith("python -m")]
    assert len(lines) == 7
    for line in lines:
        words = line.replace("mlp.", f"{tmp_path}/mlp.").split()
        if words[2] != "memray" or words[3] == "run":
            words = [{"300": "40"}.get(word, word) for word in words] + (
                [] if words[2] == "scalene" else ["--passes", "2"]
            )
        done = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
    assert json.loads((tmp_path / "mlp.json").read_text())
    assert (tmp_path / "mlp.html").exists()

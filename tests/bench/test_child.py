"""A child gets an order and answers with a report; whatever else it does is one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench import child
from bench.memory import children
from impls.errors import MergelabError
from tests.bench.conftest import has_ended
from tests.support import ROOT

ECHO = """
import os, sys
from bench.child import answer
from impls.errors import UsageError

def carry_out(order):
    print("a tool says", order["say"])
    if order["say"] == "wrong":
        raise UsageError("say: 'wrong' is wrong")
    if order["say"] == "crash":
        raise RuntimeError("over and out")
    return {**order, "cache": os.environ.get("MERGELAB_CACHE"), "folder": os.getcwd()}

if __name__ == "__main__":
    status = answer(carry_out)
    print("bye")
    sys.exit(status)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module that answers with its order."""
    (tmp_path / "echo_child.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    monkeypatch.setenv("MERGELAB_CACHE", "kept")
    return "echo_child"


def test_an_order_is_answered(echo: str) -> None:
    before = time.monotonic()
    report = child.order(echo, {"say": "ü"})
    assert before < report.pop("spawned") < time.monotonic()
    assert report == {"say": "ü", "cache": "kept", "folder": str(ROOT)}


def test_an_empty_cache_is_a_new_folder_that_goes_away(echo: str) -> None:
    folder = Path(child.order(echo, {"say": ""}, empty_cache=True)["cache"])
    assert folder.name != "kept"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("say", "message"), [("wrong", "say: 'wrong' is wrong"), ("crash", "RuntimeError: over and out")]
)
def test_an_order_that_fails_is_the_last_line_of_its_errors(echo: str, say: str, message: str) -> None:
    with pytest.raises(MergelabError, match=f"^{re.escape(message)}$"):
        child.order(echo, {"say": say})


def python(code: str, **options: float) -> str:
    return child.run([sys.executable, "-c", code], **options)


def test_output_is_returned_and_input_is_empty() -> None:
    assert python("import sys; print(repr(sys.stdin.read())); print('noise', file=sys.stderr)") == "''\n"
    with_variable = [sys.executable, "-c", "import os; print(os.environ['MADE_UP'], 'PATH' in os.environ)"]
    assert child.run(with_variable, environment={"MADE_UP": "yes"}) == "yes True\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit(3)", "the process ended with status 3; run it by itself"),
        ("import sys; sys.exit('first\\n\\nlast\\n \\n')", "last"),
        ("import os; os.kill(os.getpid(), 9)", "the process ended with status -9; run it by itself"),
    ],
)
def test_a_command_that_fails_says_why(code: str, message: str) -> None:
    with pytest.raises(MergelabError, match=f"^{message}$"):
        python(code)


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(
        MergelabError,
        match=r"^/no/such/program: cannot be started: .*; install it, or correct its path$",
    ):
        child.run(["/no/such/program"])


GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


def test_a_command_that_hangs_ends_with_all_that_it_started() -> None:
    started = time.monotonic()
    with pytest.raises(MergelabError, match=r"^the process did not end within 0\.5 s; give it less work$"):
        python(GRANDCHILD, timeout=0.5)
    assert time.monotonic() - started < 10
    assert not children(os.getpid())


def test_an_interrupt_ends_a_command_at_once() -> None:
    found: list[int] = []

    def interrupt() -> None:
        while len(found) < 2:
            found[:] = children(os.getpid())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        python(GRANDCHILD)
    thread.join()
    assert all(map(has_ended, found))


def test_a_report_is_found_whatever_is_around_it() -> None:
    assert child.report_in('{"old": 1}\nnoise\n{"n": 2}\nbye\n') == {"n": 2}
    with pytest.raises(MergelabError, match="ended with status 0 but printed no report"):
        child.report_in("noise\n")
    assert child.last_line("") == ""


def test_a_child_imports_little() -> None:
    code = "import sys; import bench.child; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "impls", "subprocess", "tempfile", "concurrent.futures"} & set(done.stdout.split())


def test_the_peak_is_at_least_what_is_held() -> None:
    before = child.peak_rss()
    held = b"x" * 50_000_000
    assert child.peak_rss() >= max(before, len(held))

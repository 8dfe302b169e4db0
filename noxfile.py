"""Sessions: `nox -l` lists them. Every version comes from pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True

PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """Install the project, editable, with dependency groups; indirect dependencies are pinned too."""
    constraints = Path(session.create_tmp()) / "constraints.txt"
    constraints.write_text("\n".join(PROJECT["dependency-groups"]["transitive"]))
    names = [name for group in groups for name in nox.project.dependency_groups(PROJECT, group)]
    session.install("--quiet", "--constraint", str(constraints), "--editable", f".{extras}", *names)


def run_all(session: nox.Session, *commands: list[str]) -> None:
    """Run every command, whatever the ones before it did; fail if one of them failed."""
    failed = []
    for command in commands:
        try:
            session.run(*command)
        except nox.command.CommandFailed:
            failed.append(" ".join(command))
    if failed:
        session.error(f"failed: {'; '.join(failed)}")


@nox.session
def bench(session: nox.Session) -> None:
    """Prove all implementations equal, time them, run the studies, write the report and what `auto` decides from."""
    install(session, "bench")
    session.run(
        "python", "-m", "pytest", "bench", "--quiet", "--benchmark-quiet", "--benchmark-autosave", *session.posargs
    )
    # With a choice of cases or a corpus, only these are measured.
    studies = [] if session.posargs else [["python", "-m", "bench", "studies"]]
    run_all(session, *studies, ["python", "-m", "reports"], ["python", "-m", "reports", "measurements"])


@nox.session
def compare(session: nox.Session) -> None:
    """Say what got faster or slower: `-- --base main` runs both in turns; without it, against the last record."""
    install(session, "bench")
    in_turns = any(word.split("=")[0] == "--base" for word in session.posargs)
    session.run("python", "-m", "bench" if in_turns else "reports", "compare", *session.posargs)


@nox.session
def profile(session: nox.Session) -> None:
    """Look inside the implementations and the trainer with every tool, write the report with what was seen."""
    install(session, "bench", "profile", extras="[lm]")
    run_all(session, ["python", "-m", "profiles", "suite", *session.posargs], ["python", "-m", "reports"])


@nox.session
def peers(session: nox.Session) -> None:
    """Measure against other tokenizers, print the table, keep a record."""
    install(session, "bench", extras="[peers]")
    session.run("python", "-m", "bench", "peers", *session.posargs)


@nox.session
def step(session: nox.Session) -> None:
    """Time a training step beside nanoGPT's and transformers' GPT-2, print the table, keep a record."""
    install(session, "bench", "lm-test", extras="[lm]")
    session.run("python", "-m", "bench", "step", *(session.posargs or ["--ops"]))


@nox.session
def report(session: nox.Session) -> None:
    """Write reports/latest/ again from the newest record."""
    install(session, "bench")
    session.run("python", "-m", "reports", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, and what runs compiled code once more without compiling."""
    install(session, "test", "profile", "lm-test", extras="[peers,lm]")
    session.run("python", "-m", "pytest", *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "pytest", "--quiet", "-m", "kernel", env={"NUMBA_DISABLE_JIT": "1"})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Search for faults with random inputs: `-- --minutes 5 --seed 1 --only scans,cuts`."""
    install(session, "bench", extras="[peers,lm]")
    session.run("python", "-m", "bench", "fuzz", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and layers."""
    install(session, "lint", "test", "profile", "lm-test", extras="[peers,lm]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")

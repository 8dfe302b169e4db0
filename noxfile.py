"""The sessions of nox: `nox -l` lists them. The versions of all packages come from pyproject.toml."""

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
    """Run every command, even if an earlier command failed; fail at the end if any command failed."""
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
    """Prove all implementations equal, time them, run the studies, and write the report and the times for `auto`.

    With arguments of pytest (`-- -k train`, `-- --corpus file:my.txt`), time the chosen cases and print the table.
    """
    install(session, "bench")
    measure = ["python", "-m", "pytest", "bench", "--quiet", "--benchmark-autosave"]
    if session.posargs:  # A choice of cases or a corpus: pytest-benchmark's table is all that comes of it.
        session.run(*measure, *session.posargs)
        return
    session.run(*measure, "--benchmark-quiet")
    reports = ["python", "-m", "reports"]
    run_all(session, ["python", "-m", "bench", "studies"], reports, [*reports, "measurements"])


@nox.session
def compare(session: nox.Session) -> None:
    """Say what got faster or slower: `-- --base main` runs both in turns; without it, against the last record."""
    install(session, "bench")
    in_turns = any(word.split("=")[0] == "--base" for word in session.posargs)
    session.run("python", "-m", "bench" if in_turns else "reports", "compare", *session.posargs)


@nox.session
def profile(session: nox.Session) -> None:
    """Profile the implementations and the training step with every tool, and write the report with the profiles.

    With arguments (`-- --only memray`), profile with some of the tools and write no report. A report needs a
    record of the benchmarks as well.
    """
    install(session, "bench", "profile", extras="[lm]")
    has_benchmarks = any(Path("bench", "records").glob("*/*Python*/*.json"))
    report = [["python", "-m", "reports"]] if has_benchmarks and not session.posargs else []
    run_all(session, ["python", "-m", "profiles", "suite", *session.posargs], *report)
    if not has_benchmarks:
        session.log("no report yet, since there is no record of the benchmarks: run nox -s bench")


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
    """Write reports/latest/ again from the newest records; `-- reference` writes reports/reference/ on purpose."""
    install(session, "bench")
    session.run("python", "-m", "reports", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite; then run the tests of compiled code again, without compiling."""
    install(session, "test", "profile", "lm-test", extras="[inputs,peers,lm]")
    session.run("python", "-m", "pytest", *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "pytest", "--quiet", "-m", "kernel", env={"NUMBA_DISABLE_JIT": "1"})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Search for faults with random inputs: `-- --minutes 5 --seed 1 --only scans,cuts`."""
    install(session, "bench", extras="[inputs,peers,lm]")
    session.run("python", "-m", "bench", "fuzz", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and layers."""
    install(session, "lint", "test", "profile", "lm-test", extras="[peers,lm]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")

"""`python -m bench try STAGE/NAME`: is an implementation right, is it faster, and where does its time go?

    python -m bench try encode/lru                       # beside its parent and the fastest
    python -m bench try encode/lru --against heap --workload stdlib-100KB
    python -m bench try encode/lru --corpus file:my-corpus.txt

First, the outputs of the implementation are compared with the outputs of the oracle, on real text, hostile texts and
random texts. A wrong output is shown by its first difference, and nothing is timed. Then the implementation takes
turns with its parent and with the fastest implementation, in one run. Last, a table shows the own time of each
function in the implementation and in its parent. No record is left.

Exit status 0 when all outputs are right, 1 when one is wrong, 2 for a name or an option that does not exist.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from bench.code import name_of
from bench.progress import progress, show_crashes
from bench.trial.report import profile_lines, timing_lines, told
from bench.trial.trial import Trial, planned


def configure(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("implementation", metavar="STAGE/NAME", help="the implementation to try, such as encode/lru")
    parser.add_argument("--against", metavar="NAME", help="compare with this implementation, not with the parent")
    parser.add_argument("--workload", help="a name of data/workloads.toml (default: stories-100KB)")
    parser.add_argument("--corpus", help="text to use instead: a name of `python -m data list`, or file:PATH")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="for the turns with the parent; more time shows smaller gains"
    )


def run(options: Namespace) -> int:
    """Check the outputs, let the sides take turns, and profile; returns the exit status."""
    show_crashes()
    trial = planned(options.implementation, options.against, options.workload, options.corpus, options.seconds)
    print(f"{name_of(trial.candidate)}: {trial.candidate.idea}\n\nIs it right?", flush=True)
    if not proven(trial):
        return 1
    print(f"\nIs it faster? On {trial.text()}:", flush=True)
    opponents = list(trial.opponents())
    for other, budget in opponents:
        progress(f"{trial.candidate.name} and {other.name} take turns")
        timed = trial.timed(other, budget)
        progress("")
        print("\n".join(f"  {line}" for line in timing_lines(trial, timed)), flush=True)
    print("\nWhere does the time go?")
    print("\n".join(f"  {line}" for other, _ in opponents[:1] for line in profile_lines(trial, other)))
    return 0


def proven(trial: Trial) -> bool:
    """Ask the questions up to the first wrong answer, and print the results; return whether all answers are right."""
    for name, ask in trial.proof():
        asked, wrong = ask()
        if wrong:
            print("\n".join(f"  {line}" for line in wrong.lines()))
            return False
        print(f"  {told(name, asked)}", flush=True)
    return True

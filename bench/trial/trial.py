"""One trial: an implementation, the implementations that it is compared with, and the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from bench.cases import Case
from bench.inputs import Inputs, inputs_of
from bench.options import named_workload
from bench.trial import timing
from bench.trial.proof import STAGES, Wrong, first_wrong, hostile, search
from bench.trial.question import Question
from bench.turns import Budget
from data.workloads import Workload, workloads, workloads_on
from impls import UsageError
from impls.errors import shown
from impls.registry import Impl, find, implementations, parent_of

PRECISION = 0.004
"""Half the width of the interval that is wanted for the ratio to the parent. A small width shows small gains."""

FASTEST_BUDGET = Budget(4.0, 0.02)
"""Seconds and precision of the turns with the fastest implementation, from which the candidate often differs much."""

RANDOM_SECONDS = 4.0
"""Seconds of the search for a fault on random texts."""

Asked = tuple[int, Wrong | None]
"""The number of questions asked, and the wrong answer; None if all answers were right."""


@dataclass(frozen=True)
class Trial:
    """An implementation to try, and everything that it is compared with.

    Attributes:
        candidate: the implementation.
        parent: the implementation that `--against` names, by default the parent; None if there is no parent.
        fastest: the last implementation of the ladder; None if this is the parent or the candidate itself.
        workload: the workload whose text both are compared on.
        whole: whether the turns use the whole text; otherwise they may use a short beginning.
        seconds: the time for the turns with the parent.
    """

    candidate: Impl
    parent: Impl | None
    fastest: Impl | None
    workload: Workload
    whole: bool
    seconds: float

    @cached_property
    def inputs(self) -> Inputs:
        """The text of the turns: the whole text, or a beginning that is short enough for many turns."""
        whole = self.workload
        return inputs_of(whole if self.whole else timing.fitting(whole, self.parent or self.candidate))

    def text(self) -> str:
        """Return the timed text in words."""
        return f"{self.workload.name}, {self.inputs.text.n_bytes:,} bytes"

    def opponents(self) -> Iterator[tuple[Impl, Budget]]:
        """Yield the implementations that the candidate takes turns with, each with the time for all turns."""
        if self.parent:
            yield self.parent, Budget(self.seconds, PRECISION)
        if self.fastest:
            yield self.fastest, FASTEST_BUDGET

    def role(self, other: Impl) -> str:
        """Return in words what another implementation is to the candidate, such as "its parent"."""
        words = {"its parent": parent_of(self.candidate), "the fastest": implementations(other.stage)[-1]}
        return " and ".join(word for word, impl in words.items() if impl == other) or "as asked for"

    def questions(self) -> Sequence[Question]:
        """Return the questions about real text."""
        skips = (place.split("/") for place in self.workload.skip)
        too_slow = frozenset(name for stage, name in skips if stage == self.candidate.stage)
        questions: list[Question] = STAGES[self.candidate.stage].real(
            self.workload.name, inputs_of(self.workload), too_slow
        )
        return questions

    def proof(self) -> Iterator[tuple[str, Callable[[], Asked]]]:
        """Yield the parts of the proof: a name, and a function that asks the questions of this part."""
        real, stage = self.questions(), self.candidate.stage
        yield self.workload.name, partial(first_wrong, real, self.candidate)
        yield "hostile texts", partial(first_wrong, hostile(stage), self.candidate)
        yield "random texts", partial(search, self.candidate, RANDOM_SECONDS)

    def timed(self, other: Impl, budget: Budget) -> timing.Timed:
        """Let the candidate take turns with another implementation."""
        return timing.take_turns(self.candidate, other, self.inputs, budget)


def planned(
    place: str,
    against: str | None = None,
    workload: str | None = None,
    corpus: str | None = None,
    seconds: float = 10.0,
) -> Trial:
    """Return the trial that the options of the command line ask for.

    Raises:
        UsageError: an implementation or workload does not exist, or the implementation is too slow for the workload.
        MergelabError: the corpus cannot be read.
    """
    stage, _, name = place.partition("/")
    candidate = find(stage, name)
    parent = find(stage, against) if against else parent_of(candidate)
    if parent == candidate:
        raise UsageError(f"--against: {shown(name)} is the implementation on trial; name another implementation")
    row = chosen_workload(workload, corpus)
    for impl in filter(None, (candidate, parent)):
        if reason := Case(impl, row).reason_to_skip:
            raise UsageError(f"{stage}/{impl.name} is too slow for {row.name} ({reason}); choose another --workload")
    if not 0 < seconds <= 3600:
        raise UsageError(f"--seconds: {seconds:g} is no time for turns; give more than 0, at most 3600")
    top = implementations(stage)[-1]
    fastest = None if top in (candidate, parent) else top
    return Trial(candidate, parent, fastest, row, workload is not None, seconds)


def chosen_workload(workload: str | None, corpus: str | None) -> Workload:
    """Return the workload that the options name; without `--workload`, return the first workload of the table.

    Raises:
        UsageError, DataError: there is no such workload or corpus.
    """
    if workload is None:
        return workloads_on(corpus)[0] if corpus else workloads()[0]
    row = named_workload(workload)
    return row.on(corpus) if corpus else row

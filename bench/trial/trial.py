"""One trial: the implementation, what it is compared with, and on which text."""

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
"""Of the comparison with the parent, which differs by little."""

FASTEST_BUDGET = Budget(4.0, 0.02)
"""The fastest often differs by much."""

RANDOM_SECONDS = 4.0
"""How long random texts are searched for a fault."""

Asked = tuple[int, Wrong | None]
"""How many questions were asked, and what was wrong."""


@dataclass(frozen=True)
class Trial:
    """An implementation on trial.

    Attributes:
        candidate: the implementation.
        parent: what it is compared with, also where another one was named; None for the first row of a stage.
        fastest: the top of the ladder; None if that is the parent or the implementation itself.
        workload: the text of the proof.
        whole: whether it takes turns on the whole text, however long a call takes.
        seconds: for the turns with the parent.
    """

    candidate: Impl
    parent: Impl | None
    fastest: Impl | None
    workload: Workload
    whole: bool
    seconds: float

    @cached_property
    def inputs(self) -> Inputs:
        """The text on which it takes turns: the whole text, or a beginning that is short enough for many turns."""
        whole = self.workload
        return inputs_of(whole if self.whole else timing.fitting(whole, self.parent or self.candidate))

    def text(self) -> str:
        """Return the timed text in words."""
        return f"{self.workload.name}, {self.inputs.text.n_bytes:,} bytes"

    def opponents(self) -> Iterator[tuple[Impl, Budget]]:
        """Yield what it takes turns with, each with the time for all turns."""
        if self.parent:
            yield self.parent, Budget(self.seconds, PRECISION)
        if self.fastest:
            yield self.fastest, FASTEST_BUDGET

    def role(self, other: Impl) -> str:
        """Return what another implementation is to this one, in words."""
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
        """Yield the parts of the proof: a name, and what asks its questions."""
        real, stage = self.questions(), self.candidate.stage
        yield self.workload.name, partial(first_wrong, real, self.candidate)
        yield "hostile texts", partial(first_wrong, hostile(stage), self.candidate)
        yield "random texts", partial(search, self.candidate, RANDOM_SECONDS)

    def timed(self, other: Impl, budget: Budget) -> timing.Timed:
        """Let it take turns with another implementation."""
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
        UsageError: an implementation or a workload does not exist, or cannot be finished.
        MergelabError: the corpus cannot be read.
    """
    stage, _, name = place.partition("/")
    candidate = find(stage, name)
    parent = find(stage, against) if against else parent_of(candidate)
    if parent == candidate:
        raise UsageError(f"--against: {shown(name)} is the implementation on trial; name another one")
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
    """Return the workload of the options: the first of the table where none is named.

    Raises:
        UsageError, DataError: there is no such workload or corpus.
    """
    if workload is None:
        return workloads_on(corpus)[0] if corpus else workloads()[0]
    row = named_workload(workload)
    return row.on(corpus) if corpus else row

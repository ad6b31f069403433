"""Verdict: what `measure` returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunewise.contenders import Contender
from tunewise.finding import Finding
from tunewise.learning_curve import Forecast
from tunewise.rankings import Rankings
from tunewise.task import Task
from tunewise.verdict.changes import Otherwise
from tunewise.verdict.decision import CANNOT_TELL, Decision
from tunewise.verdict.standing import Standing


@dataclass(frozen=True)
class Price:
    """What one contender takes, measured here.

    `fit_seconds` is from vectors and words to a contender that answers; documents are encoded
    at `encode_seconds_per_1000_documents` (None: no encoder, or not known); `query_ms` is one
    query, encoded and ranked among fifty, and `rank_ms` the part of it that is not encoding.
    """

    fit_seconds: float
    encode_seconds_per_1000_documents: float | None
    query_ms: float
    rank_ms: float


@dataclass(frozen=True)
class Skipped:
    """A contender that was not measured, and why.

    `tuned` is whether tuning would have made it. `cause` is "time" where the budget kept it out,
    "package" where one is not installed, and "other" where the data or the machine did; `seconds`
    is what it would have taken, where that was reckoned.
    """

    name: str
    why: str
    tuned: bool = False
    cause: str = "other"
    seconds: float | None = None

    @property
    def open(self) -> bool:
        """Whether tuning may bring more that nobody looked at, for want of time or a package."""
        return self.tuned and self.cause != "other"


@dataclass(frozen=True)
class Change:
    """One test query that two contenders answer differently; places are in the test queries."""

    place: int
    base: float
    winner: float


@dataclass(frozen=True)
class Stories:
    """Where two contenders differ: the queries most won and most lost by `winner`.

    `differences` holds winner minus base for every test query, largest first.
    """

    base: str
    winner: str
    won: Sequence[Change]
    lost: Sequence[Change]
    differences: Sequence[float]
    base_rankings: Rankings
    winner_rankings: Rankings


@dataclass(frozen=True)
class Verdict:
    """The answer and everything it stands on.

    `contenders` are in order of price, cheapest first, and `standings` beside them; `changes`
    says what other gains worth having would make of the answer; `data` and `settings` are plain
    values. Save it with `tunewise.save_verdict(verdict, folder)`.
    """

    decision: Decision
    task: Task
    contenders: Sequence[Contender]
    standings: Sequence[Standing]
    groups: Sequence[str]
    prices: Mapping[str, Price]
    skipped: Sequence[Skipped]
    stories: Stories | None
    forecast: Forecast | None
    changes: Sequence[Otherwise]
    findings: Sequence[Finding]
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    seconds: float

    @property
    def answer(self) -> str:
        """`tune`, `suffices`, `suffices with …` or `cannot tell yet`."""
        return self.decision.answer

    @property
    def sentence(self) -> str:
        """The answer in one sentence, with its interval."""
        return self.decision.sentence

    @property
    def contender(self) -> Contender:
        """The contender that is recommended."""
        return next(c for c in self.contenders if c.name == self.decision.contender)

    @property
    def base(self) -> Contender:
        """What it is to be held against: the best untuned contender, or the plain encoder."""
        if self.contender.tuned:
            return next(c for c in self.contenders if c.name == self.decision.best_untuned)
        return next((c for c in self.contenders if c.family == "pretrained"), self.contender)

    @property
    def rival(self) -> Contender | None:
        """The best tuned contender, where nobody can tell whether it pays and another is named."""
        if self.answer != CANNOT_TELL or self.contender.tuned:
            return None
        return next((c for c in self.contenders if c.name == self.decision.best_tuned), None)

    def __str__(self) -> str:
        return self.sentence

"""KindVerdict: what `measure_kind` returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunewise.finding import Finding
from tunewise.kinds import Contender, Kind, Shown
from tunewise.learning_curve import Forecast
from tunewise.verdict.changes import Otherwise
from tunewise.verdict.decision import CANNOT_TELL, Decision
from tunewise.verdict.standing import Standing
from tunewise.verdict.verdict import Price, Skipped


@dataclass(frozen=True)
class KindVerdict:
    """The answer over a task of some kind, and everything it stands on.

    `contenders` are in order of price, cheapest first, and `standings` beside them; `shown` is
    what the kind's panels are made of. Otherwise as `Verdict`.
    """

    kind: Kind
    decision: Decision
    contenders: Sequence[Contender]
    standings: Sequence[Standing]
    groups: Sequence[str]
    prices: Mapping[str, Price]
    skipped: Sequence[Skipped]
    forecast: Forecast | None
    changes: Sequence[Otherwise]
    findings: Sequence[Finding]
    shown: Shown
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
        return self._named(self.decision.contender)

    @property
    def rival(self) -> Contender | None:
        """The best tuned contender, where nobody can tell whether it pays and another is named."""
        tuned = self.decision.best_tuned
        open_still = self.answer == CANNOT_TELL and not self.contender.tuned
        return self._named(tuned) if tuned and open_still else None

    def _named(self, name: str) -> Contender:
        return next(one for one in self.contenders if one.name == name)

    def __str__(self) -> str:
        return self.sentence

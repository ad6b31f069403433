"""What would change the answer: the same scores, held against other gains worth having."""

from collections.abc import Sequence
from dataclasses import dataclass

from tunewise.finding import Finding
from tunewise.verdict.decision import Decision, decide
from tunewise.verdict.leaked import doubted
from tunewise.verdict.standing import Standing

WORTHS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""Gains that people take to be worth having, from a busy shop's to a wiki's."""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The answer if a gain of `worth` were worth having, and the contender to use."""

    worth: float
    answer: str
    contender: str


def otherwise(
    decision: Decision,
    standings: Sequence[Standing],
    groups: Sequence[str],
    findings: Sequence[Finding] = (),
    *,
    metric: str,
    worth: float,
    target: float | None = None,
    seed: int = 0,
    units: str = "queries",
) -> tuple[Otherwise, ...]:
    """What the rule says at each of `WORTHS` and at `worth`, smallest first.

    `decision` is what it said at `worth`, of the same standings and groups; what leaks by
    `findings` takes an answer away as it did there.
    """
    found = {worth: decision}
    for each in WORTHS:
        if each not in found:
            again = decide(
                standings,
                groups,
                metric=metric,
                worth=each,
                target=target,
                seed=seed,
                units=units,
                known=decision.known,
            )
            found[each] = doubted(again, findings)
    return tuple(Otherwise(at, found[at].answer, found[at].contender) for at in sorted(found))

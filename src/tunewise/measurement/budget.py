"""Budget: a long step that ends when the time is up, and what kept a contender from its turn."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from tunewise.contenders import Setting
from tunewise.kinds import Setting as KindSetting
from tunewise.verdict import Skipped

S = TypeVar("S", Setting, KindSetting)

BUDGET_SPENT = "the budget was used up; what is done of it is kept"
"""Why a contender was not measured whose fitting was broken off."""
NO_TURN = "the budget was used up before"
NOT_IN_TIME = "not every fold could be fitted in time"
NOTHING_TO_LEARN = "what it needs is not in the data, or its encoder cannot do it"


class BudgetSpent(Exception):  # noqa: N818 - no error: time is up, and what is done is kept
    """Raised from within a long step when the time is up."""


@contextmanager
def until(setting: S, end: float | None) -> Iterator[S]:
    """A setting that raises BudgetSpent after `end` (`time.monotonic`), as long as this lasts.

    What is fitted with it keeps it for good, and is not broken off later.
    """
    fitting = True

    def watched(what: str, done: int, total: int) -> None:
        if fitting and end is not None and time.monotonic() > end:
            raise BudgetSpent
        setting.progress(what, done, total)

    try:
        yield replace(setting, progress=watched)
    finally:
        fitting = False


def told_of(skipped: Sequence[Skipped]) -> dict[str, Any]:
    """What `verdict.decide` is told of those that were not measured: why, and what that leaves."""
    unmeasured = [one.name for one in skipped if one.open]
    return {"untried": why_untried(skipped), "unmeasured": unmeasured}


def why_untried(skipped: Sequence[Skipped]) -> str | None:
    """What kept all that is tuned from being measured, and what to do; None: nobody asked for it.

    >>> why_untried([Skipped("adapter", NO_TURN, tuned=True, cause="time")])
    'The budget left no time for one (adapter): give more with --budget.'
    """
    tuned = [one for one in skipped if one.tuned]
    late = [one.name for one in skipped if one.cause == "time"]
    if any(one.cause == "time" for one in tuned):
        names = [one.name for one in tuned if one.name in late]
        told = f"The budget left no time for one ({', '.join(names)})"
        if others := [name for name in late if name not in names]:
            told += f", nor for all that is untuned ({', '.join(others)}), which may do better too"
        return f"{told}: give more with --budget."
    if any(one.why == NOTHING_TO_LEARN for one in tuned):
        return "None could be fitted: what it learns from is not in the data."
    told = "; ".join(f"{one.name}: {one.why}" for one in tuned)
    return f"None could be fitted ({told})." if told else None

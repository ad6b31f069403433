"""Budget: a long step that ends when the time is up, and what kept a contender from its turn."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from tunewise.contenders import Setting
from tunewise.kinds import Setting as KindSetting
from tunewise.verdict import Skipped

S = TypeVar("S", Setting, KindSetting)

BUDGET_SPENT = "the budget was used up; what is done of it is kept"
"""Why a contender was not measured whose fitting was broken off."""
NO_TURN = "the budget was used up before"
OF_BUDGET = "of the budget are left"
"""How the reason ends where a contender would take longer than there is time."""
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


def why_untried(skipped: Sequence[Skipped], tuned: Collection[str]) -> str | None:
    """What kept the `tuned` families from being measured, and what to do; None: nobody asked.

    >>> why_untried([Skipped("adapter", NO_TURN)], ["adapter"])
    'The budget left no time for one (adapter): give more with --budget.'
    """
    why = {one.name: one.why for one in skipped if one.name.partition("-")[0] in tuned}
    late = [name for name, told in why.items() if _for_time(told)]
    if late:
        return f"The budget left no time for one ({', '.join(late)}): give more with --budget."
    if NOTHING_TO_LEARN in why.values():
        return "None could be fitted: what it learns from is not in the data."
    told = "; ".join(f"{name}: {said}" for name, said in why.items())
    return f"None could be fitted ({told})." if told else None


def _for_time(why: str) -> bool:
    return why in (BUDGET_SPENT, NO_TURN, NOT_IN_TIME) or why.endswith(OF_BUDGET)

"""Budget: a long step that ends when the time is up, and keeps what it made."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from tunewise.contenders import Setting
from tunewise.kinds import Setting as KindSetting

S = TypeVar("S", Setting, KindSetting)

BUDGET_SPENT = "the budget was used up; what is done of it is kept"
"""Why a contender was not measured whose fitting was broken off."""


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

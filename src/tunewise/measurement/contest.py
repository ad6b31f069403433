"""The contest: every family fitted in turn, cheapest first, while the budget lasts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tunewise.contenders import TABLE, Contender, Setting, line_up
from tunewise.verdict import Skipped

_DEEPER = Skipped(
    "partial, lora, full",
    "this version tunes adapters only; a deeper rung may gain where an adapter gains nothing",
)


class _BudgetSpent(Exception):  # noqa: N818 - no error: time is up, and what is done is kept
    """Raised from within a long step when the time is up."""


@dataclass(frozen=True)
class Contest:
    """Who was fitted, cheapest first, and who was not, and why."""

    contenders: Sequence[Contender]
    skipped: Sequence[Skipped]


def hold(setting: Setting, words: Sequence[str] | None, budget: float | None) -> Contest:
    """Fits each family that `words` names, in order of price, for `budget` seconds.

    The first family is always fitted. A step that is cut off by the budget keeps the vectors it
    made, so that the next run goes on from there.
    """
    fitted: list[Contender] = []
    skipped: list[Skipped] = []
    end = None if budget is None else time.monotonic() + budget
    for word in line_up(words):
        limited = setting if end is None or not fitted else _until(setting, end)
        try:
            limited.progress("", 0, 0)
            new = TABLE[word].fit(limited, fitted)
        except _BudgetSpent:
            skipped.append(Skipped(word, "the budget was used up"))
            continue
        if not new and word == "adapter":
            why = "there is no train part to learn from, or no dev part to stop on"
            skipped.append(Skipped(word, why))
        fitted.extend(new)
    return Contest(sorted(fitted, key=_price), [*skipped, _DEEPER])


def _until(setting: Setting, end: float) -> Setting:
    def watched(what: str, done: int, total: int) -> None:
        if time.monotonic() > end:
            raise _BudgetSpent
        setting.progress(what, done, total)

    return replace(setting, progress=watched)


def _price(contender: Contender) -> tuple[bool, bool, bool]:
    """What a contender costs to run and keep, coarsely: an untuned one least.

    Leaving stored vectors as they are comes before making them anew, and one index before two.
    """
    return contender.tuned, contender.reembed, contender.family == "hybrid"

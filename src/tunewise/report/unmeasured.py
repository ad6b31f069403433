"""What was not measured: who, why, what that leaves open, and the command that gives it time."""

import math
import shlex
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

_TIMES = 4  # the budget that was too short, where nothing is known of what is missing
_SPARE = 1.5  # for what was reckoned


def skipped(facts: Facts) -> list[tuple[str, str]]:
    """What was not measured and why, those of one reason together.

    >>> late = [{"name": name, "why": "no time"} for name in ("partial", "full")]
    >>> skipped({"skipped": late})
    [('partial, full', 'no time')]
    """
    names: dict[str, list[str]] = {}
    for one in facts["skipped"]:
        names.setdefault(one["why"], []).append(one["name"])
    return [(", ".join(some), why) for why, some in names.items()]


def left_open(facts: Facts) -> list[str]:
    """The tuned contenders that time or a package was missing for: what they bring is not known."""
    return [one["name"] for one in facts["skipped"] if one["tuned"] and one["cause"] != "other"]


def more_time(facts: Facts) -> str | None:
    """The command with a budget that is likely to do; None where the budget kept nothing out."""
    late = [one for one in facts["skipped"] if one["cause"] == "time"]
    budget = facts["settings"]["budget_seconds"]
    if not late or budget is None:
        return None
    reckoned = sum(one["seconds"] or 0.0 for one in late)
    wanted = max(_TIMES * budget, budget + _SPARE * reckoned)
    words = shlex.split(facts["reproduce"])
    words[words.index("--budget") + 1] = f"{math.ceil(wanted / 60)}m"
    return shlex.join(words)

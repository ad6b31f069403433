"""How sure the answer is, and what would change it, in sentences a manager can use."""

from collections.abc import Mapping
from typing import Any

from tunewise.report.amounts import plural, share
from tunewise.report.unmeasured import left_open
from tunewise.verdict import CANNOT_TELL, not_measured

Facts = Mapping[str, Any]

_SOURCES = {
    "queries": "the choice of queries",
    "training": "chance in training",
    "judgments": "chance in the judgments",
    "folds": "the choice of queries learned from",
    "unseen": "what so few differing queries have not shown",
}


def interval_words(facts: Facts) -> str:
    """What the interval of the gain means, and what it leaves open."""
    gain, worth = facts["gain"], facts["worth"]
    if facts["answer"] == CANNOT_TELL and gain["high"] < worth:
        return (
            f"Only {gain['wins'] + gain['losses']} of {gain['units']} come out differently, and "
            "what was not seen cannot be drawn: these ends lie too near to be relied on."
        )
    often, names = round(1 / (1 - gain["level"])), left_open(facts)
    subject = facts["best_tuned"] if names else "tuning"
    rest = f" {not_measured(names)}: what that would bring is not known." if names else ""
    return (
        f"What {subject} would gain over all queries like these lies between these ends, but for "
        f"one time in {often}. {_reading(gain, worth, subject)}{rest}"
    )


def _reading(gain: Facts, worth: float, subject: str) -> str:
    """Where the interval stands to nothing and to what is worth having."""
    low, middle, high = gain["low"], gain["difference"], gain["high"]
    if high < 0:
        return f"All of that is below 0: {subject} does harm."
    if high < worth:
        return f"All of that is below {worth:g}: whatever {subject} brings, it is too little."
    if low >= worth:
        return f"All of that is at or above {worth:g}: surely a gain worth having."
    if low <= 0:
        return f"There may be no gain at all, and there may be more than {worth:g}."
    if middle >= worth:
        return f"All of that is above 0: surely a gain, and probably one of {worth:g} or more."
    return f"All of that is above 0: surely a gain, and probably one below {worth:g}."


def sure_words(facts: Facts) -> str | None:
    """What the interval rests on and what makes it wide; None where nothing tuned was measured.

    Shares are of the variance, which add up; widths do not.
    """
    gain = facts["gain"]
    if gain is None:
        return None
    queries = plural(gain["units"], "test query", "test queries")
    rests = f"{queries} in {plural(gain['groups'], 'group')}"
    parts = [f"{share(part)} {_SOURCES.get(name, name)}" for name, part in gain["sources"].items()]
    told = f"The interval rests on {rests}. Its uncertainty (variance): {', '.join(parts)}."
    return f"{told}{_trained(facts)}"


def _trained(facts: Facts) -> str:
    """How often the best tuned contender was trained, and whether the interval allows for that."""
    name = facts["best_tuned"]
    times = next((one["trainings"] for one in facts["contenders"] if one["name"] == name), None)
    if times is None:
        return ""
    if facts["data"]["split"]["by"] == "fold":
        return f" {name} was trained once for each fold, on other queries each time."
    if times == 1:
        return f" {name} was trained once, so chance in training is not in the interval."
    same = "" if "training" in facts["gain"]["sources"] else ", to the same score each time"
    return f" {name} was trained {times} times{same}."


def changes_words(facts: Facts) -> str | None:
    """What the next smaller or larger gain worth having would make of the answer; None: nothing."""
    changes, worth = facts["changes"], facts["worth"]
    place = next((n for n, one in enumerate(changes) if one["worth"] == worth), len(changes))
    beside = [*changes[max(0, place - 1) : place], *changes[place + 1 : place + 2]]
    other = [one for one in beside if one["answer"] != facts["answer"]]
    if not other:
        return None
    told = "; ".join(f"with {one['worth']:g} it would be: {one['answer']}" for one in other)
    return f"The answer is for a gain worth having of {worth:g}; {told}."


def changes_rows(facts: Facts) -> list[tuple[str, str, str]]:
    """For the page: what would be otherwise, the answer then, and the contender to use then."""
    rows = []
    for one in facts["changes"]:
        mark = ", as set" if one["worth"] == facts["worth"] else ""
        rows.append((f"{one['worth']:g} worth having{mark}", one["answer"], one["contender"]))
    return [*rows, *_more_test(facts["needed"]), *_more_training(facts["forecast"])]


def _more_test(needed: Facts | None) -> list[tuple[str, str, str]]:
    if needed is None or not needed["more"]:
        return []
    more = plural(needed["more"], "more test query", "more test queries")
    return [(more, "settled, in four cases of five", "")]


def _more_training(forecast: Facts | None) -> list[tuple[str, str, str]]:
    """What the forecast supports: more training queries, and how likely a gain then pays."""
    if forecast is None:
        return []
    reach = max((one["queries"] for one in forecast["ahead"] if one["supported"]), default=0)
    rows = []
    for at, how in ((forecast["worth_at"], "probably"), (forecast["sure_at"], "with 90 % surety")):
        if at is not None and forecast["queries"] < at <= reach:
            more = plural(at - forecast["queries"], "more training query", "more training queries")
            rows.append((more, f"{how} a gain worth having", forecast["rung"]))
    return rows

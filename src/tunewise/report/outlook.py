"""What more labels would bring, by the learning curve: in sentences and in a table."""

from collections.abc import Mapping
from typing import Any

from tunewise.report.amounts import count, money, plural, signed, signed_interval

Facts = Mapping[str, Any]


def outlook_words(facts: Facts) -> str:
    """What more labels would bring, how many would pay and at what cost, or why nobody knows.

    `facts` are those of a verdict, or of a forecast by itself; there must be a forecast in them.
    """
    forecast = facts["forecast"]
    told = (_ahead_words(forecast), _worth_words(facts), forecast["why"])
    return " ".join(sentence for sentence in told if sentence)


def curve_words(forecast: Facts) -> str:
    """Which rung the curve is of, and what that leaves open."""
    rung, times = forecast["rung"], len(forecast["curve"])
    whole = plural(forecast["queries"], "training query", "training queries")
    told = f"The curve is that of {rung}, trained {times} times on the {whole} or parts of them."
    if rung.startswith("full"):
        return told
    return f"{told} Deeper rungs may learn more from the same labels, and were not forecast."


def labels_words(facts: Facts) -> str:
    """What a training query is taken to cost; empty where nobody has to label it."""
    each, price = _each(facts), facts["settings"]["prices"]
    if not each:
        return ""
    currency, amount = price["currency"], price["judgment"]
    return (
        f"Labels at {each:.3g} judgments a training query, as here, and "
        f"{money(amount, currency)} a judgment."
    )


def outlook_rows(facts: Facts) -> list[list[str]]:
    """A head, the gain there is, and for each multiple of the labels the gain forecast."""
    forecast = facts["forecast"]
    here = [gain for queries, gain in forecast["curve"] if queries == forecast["queries"]]
    rows = [["training queries", f"gain, {forecast['metric']}", "interval", "labels cost"]]
    rows.append([count(forecast["queries"]), signed(sum(here) / len(here)), "measured", "0"])
    for one in forecast["ahead"]:
        ends = signed_interval(one["gain"]["low"], one["gain"]["high"])
        rows.append(
            [
                f"{count(one['queries'])} ({one['times']}×)",
                signed(one["gain"]["mean"]),
                ends if one["supported"] else f"{ends}, too wide",
                _cost(facts, one["queries"]),
            ]
        )
    return rows if _each(facts) else [row[:-1] for row in rows]


def _ahead_words(forecast: Facts) -> str:
    """The gains that can be forecast, in one sentence; empty where none can."""
    told = [
        f"{signed(one['gain']['mean'])} "
        f"{signed_interval(one['gain']['low'], one['gain']['high'])} with {one['times']} times"
        for one in forecast["ahead"]
        if one["supported"]
    ]
    if not told:
        return ""
    return (
        f"By its learning curve {forecast['rung']} would gain {', '.join(told)} the labels "
        f"({forecast['metric']} over the best untuned contender)."
    )


def _worth_words(facts: Facts) -> str:
    """How many more labels would make the gain worth having, as far as the forecast reaches."""
    forecast = facts["forecast"]
    there, worth = forecast["queries"], f"{forecast['worth']:g} worth having"
    reach = max([there, *(one["queries"] for one in forecast["ahead"] if one["supported"])])
    probable, sure = (
        None if at is None or at > reach else at
        for at in (forecast["worth_at"], forecast["sure_at"])
    )
    if reach == there and sure is None:
        return ""  # nothing can be forecast, and what is seen is no more than likely
    if probable is None:
        return (
            f"Up to {count(reach)} training queries it would probably stay below the {worth}; a "
            "gain that begins later cannot be seen coming."
        )
    if probable <= there:
        told = f"With the labels there are it probably reaches the {worth}"
    else:
        told = f"It takes {_more(facts, probable)} to bring it probably to the {worth}"
    if sure is None:
        return f"{told}; how many make that 90 % sure cannot be told."
    if sure <= there:
        return f"{told}, with 90 % surety."
    return f"{told}; {_more(facts, sure)} to make that 90 % sure."


def _more(facts: Facts, queries: int) -> str:
    more = queries - facts["forecast"]["queries"]
    told = f"about {plural(more, 'more training query', 'more training queries')}"
    return f"{told} (labels: {_cost(facts, queries)})" if _each(facts) else told


def _cost(facts: Facts, queries: int) -> str:
    """What the labels still missing cost, for so many training queries in all."""
    prices = facts["settings"]["prices"]
    judgments = (queries - facts["forecast"]["queries"]) * _each(facts)
    return money(judgments * prices["judgment"], prices["currency"])


def _each(facts: Facts) -> float:
    """Judgments a query, as in the data measured; 0 where what is learned from is no label."""
    return float(facts["data"]["judgments"] / max(1, facts["data"]["judged"]))

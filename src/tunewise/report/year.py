"""A year with each contender: reckoned from what was measured, told in a sentence and a table."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tunewise.contenders import Contender
from tunewise.costs import PARTS, Encoding, Use, Work, always_on, year
from tunewise.encoders import is_hosted
from tunewise.prices import ORIGINS, Prices
from tunewise.report import amounts
from tunewise.verdict import Verdict

Facts = Mapping[str, Any]

_TOLD = 2  # parts named in a sentence, the largest ones
_STATED = (
    (
        "A first year from nothing: documents are embedded once, whatever is stored already, and "
        "tuning anew learns from the same judgments."
    ),
    (
        "An hour on this machine counts as an hour of the priced one, which has two cores; "
        "energy is these hours times its watts, without networks, disks and hosts."
    ),
)
_COLUMNS = ("total", "waiting", *PARTS, "kWh")


def year_facts(verdict: Verdict, use: Use, prices: Prices) -> dict[str, Any]:
    """Each contender's first year, the machine all of them share, and what all of it assumes."""
    documents = len(verdict.task.documents)
    return {
        "use": {**asdict(use), "corpus": use.corpus or documents},
        "contenders": {
            one.name: year(_work(one, verdict, documents), use, prices).to_dict()
            for one in verdict.contenders
        },
        "always_on": asdict(always_on(prices)),
        "assumptions": _assumptions(use, prices, documents),
    }


def _work(contender: Contender, verdict: Verdict, documents: int) -> Work:
    """What was measured of it; only judgments by hand that it learned from are its own."""
    price, task = verdict.prices[contender.name], verdict.task
    # queries that were made and clicks that were logged are there: nobody judged them
    by_hand = not task.made and not task.redrawn
    learned = [contender, *contender.parts.values()] if by_hand else []
    seconds = price.encode_seconds_per_1000_documents
    wait = (price.query_ms - price.rank_ms) / 1000
    return Work(
        documents=documents,
        fitting=price.fit_seconds,
        document=_encoding(contender, "documents", None if seconds is None else seconds / 1000),
        query=_encoding(contender, "queries", wait),
        ranking=price.rank_ms / 1000,
        bytes_per_document=contender.bytes_per_document,
        judgments=sum(one.settings.get("training_pairs", 0) for one in learned),
        tuned=contender.tuned,
        reembed=contender.reembed,
    )


def _encoding(contender: Contender, side: str, seconds: float | None) -> Encoding:
    encoder = contender.encoder
    if encoder is None:
        return Encoding(0.0)
    if not is_hosted(encoder.name):
        return Encoding(seconds)
    spent = getattr(encoder, "spent", None)
    # An endpoint that charges nothing for a text is one that does not say what it charges.
    tokens = (spent(side).tokens_per_text or None) if spent else None
    return Encoding(seconds, tokens, hosted=True)


def _assumptions(use: Use, prices: Prices, documents: int) -> list[str]:
    """What a reader has to know to trust the figures or replace them, in sentences."""
    shared = always_on(prices)
    money, kwh = amounts.money(shared.money, prices.currency), amounts.energy(shared.kwh)
    told = [
        *_STATED,
        (
            f"Serving is the time that queries take. A machine that is always on takes {money} and "
            f"{kwh} kWh a year with any contender, and is not in the totals."
        ),
    ]
    if use.corpus not in (None, documents):
        told.append(
            f"Measured over {amounts.count(documents)} documents: embedding, storing and exact "
            "ranking grow with them, and fitting does not."
        )
    if use.origin("traffic") == "assumed":
        told.append(f"{_number(use.traffic)} queries a day: an assumption; --traffic replaces it.")
    if use.origin("retunes") == "assumed":
        told.append(
            f"Tunings in the year after the first: {_number(use.retunes)}, an assumption; "
            "--retunes replaces it."
        )
    share = amounts.share(use.changed)
    changed = f"{share} of the documents are new or change in the year"
    why = "an assumption" if use.origin("changed") == "assumed" else "given"
    return [*told, f"{changed} and are embedded again: {why}."]


def use_words(use: Facts) -> str:
    """How the search is used, in a few words.

    >>> use_words({"traffic": 1000.0, "corpus": 25000})
    '1,000 queries a day over 25,000 documents'
    """
    asked = f"{_number(use['traffic'])} {'query' if use['traffic'] == 1 else 'queries'} a day"
    return f"{asked} over {amounts.plural(use['corpus'], 'document')}"


def use_flags(use: Use) -> list[str]:
    """The words of a command that ask for this use; what is as it would be anyway is left out."""
    flags = ("corpus", "traffic", "retunes")
    given = [name for name in flags if use.origin(name) == "given"]
    return [word for name in given for word in (f"--{name}", f"{getattr(use, name):.12g}")]


def year_words(facts: Facts) -> str:
    """What the recommended contender costs in a year, beside it the best of the other kind.

    That is the best untuned one, or the best tuned one where the untuned one is recommended.
    """
    costs, currency = facts["timing"]["costs"], facts["settings"]["prices"]["currency"]
    of, chosen = costs["contenders"], facts["contender"]
    parts = {name: of[chosen][name]["money"] for name in PARTS}
    largest = sorted((name for name in PARTS if parts[name]), key=lambda name: -parts[name])[:_TOLD]
    told = f"A year at {use_words(costs['use'])}: {_amount(of, chosen, currency)}"
    if largest:
        told += ", of which " + ", ".join(f"{one} {amounts.money(parts[one])}" for one in largest)
    others = [name for name in (facts["best_untuned"], facts["best_tuned"]) if name != chosen]
    if others and others[0]:
        told += f"; {_amount(of, others[0], currency)}"
    shared = amounts.money(costs["always_on"]["money"], currency)
    return f"{told}. A machine that is always on for it: {shared} more."


def year_rows(facts: Facts) -> list[dict[str, Any]]:
    """For each contender its cells: a label, the amount, and what that stands on."""
    costs = facts["timing"]["costs"]["contenders"]
    return [
        {"name": one["name"], "cells": _cells(costs[one["name"]])} for one in facts["contenders"]
    ]


def price_rows(prices: Facts) -> list[tuple[str, str, str]]:
    """Each price with its amount and where it comes from."""
    return [
        (name.replace("_", " "), f"{prices[name]:g}", prices["origins"][name]) for name in ORIGINS
    ]


def _cells(costs: Facts) -> list[tuple[str, str, str]]:
    hours, total = costs["waiting"]["hours"], costs["total"]
    wait = amounts.seconds(None if hours is None else 3600 * hours)
    shown = {name: (amounts.money(costs[name]["money"]), costs[name]["origin"]) for name in PARTS}
    shown["waiting"] = wait, costs["waiting"]["origin"]
    shown["total"] = amounts.money(total["money"]), total["origin"]
    shown["kWh"] = amounts.energy(total["kwh"]), total["origin"]
    return [(name, *shown[name]) for name in _COLUMNS]


def _amount(costs: Facts, name: str, currency: str) -> str:
    money = costs[name]["total"]["money"]
    return f"{name} {'not known' if money is None else amounts.money(money, currency)}"


def _number(value: float) -> str:
    return f"{value:,.12g}"

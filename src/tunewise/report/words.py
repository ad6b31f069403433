"""The sentences a report needs beside the verdict's own: headline, target, next steps, terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunewise.report.amounts import count, interval, plural, score, signed
from tunewise.report.unmeasured import left_open, more_time
from tunewise.verdict import not_measured

Facts = Mapping[str, Any]

_CHANGES = {"hybrid": "hybrid search", "lexical": "lexical search", "rerank": "a reranker"}

_METRICS = {
    "nDCG": "How well the first {k} results are ordered, from 0 to 1. A relevant document counts "
    "more the higher it stands; 1 means that no order would be better.",
    "Recall": "The share of a query's relevant documents found among the first {k} results.",
    "Precision": "The share of the first {k} results that are relevant.",
    "MRR": "1 divided by the place of the first relevant document: 1 if it stands first, 0.5 if "
    "second, 0 if it is not among the first {k}.",
    "MAP": "Precision averaged over the places where relevant documents stand.",
    "Success": "The share of queries with at least one relevant document among the first {k}.",
    "Rprec": "Precision at as many results as the query has relevant documents.",
}

_TERMS = {
    "test queries": "Queries that nothing was trained or chosen on. All figures on this page come "
    "from them unless they say dev.",
    "interval": "Where the true value lies, with 95 % confidence, given how much queries differ "
    "from each other. Written [low, high] and drawn as a line through the dot. Few queries make "
    "it wide.",
    "gain worth having": "The smallest improvement that would justify the work of tuning. It was "
    "set before measuring and can be changed with --worth.",
    "learning curve": "The gain by number of training queries: one contender, trained on parts of "
    "them and scored on the same test queries.",
    "forecast": "The learning curve drawn on to more labels than there are, with the interval that "
    "the trainings, the test queries and the form of the curve leave open.",
    "best untuned": "The contender that did best on the dev queries without any training on your "
    "data. Every tuned contender has to beat it.",
    "unjudged": "Results nobody has judged count as not relevant. If many are unjudged, a "
    "contender may be better than its score.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next: what, and the command for it if there is one."""

    what: str
    command: str | None = None


def headline(facts: Facts) -> str:
    """The answer in a few words that need no knowledge of the field.

    >>> headline({"answer": "suffices with hybrid", "gain": None})
    'Off the shelf suffices, with hybrid search.'
    """
    if facts["answer"] == "tune":
        return "Tuning pays."
    if facts["answer"] == "cannot tell yet":
        return "Cannot tell yet."
    _, _, change = facts["answer"].partition(" with ")
    named = f"'{change}'" if "kind" in facts else _CHANGES.get(change, f"'{change}'")
    far = ", as far as was measured" if facts["gain"] and left_open(facts) else ""
    return f"Off the shelf suffices{f', with {named}' if change else ''}{far}."


def target_words(target: Facts) -> str:
    """Whether the target is met, in one sentence with its numbers."""
    whose = "your target" if target["from"] == "yours" else "the usual mark"
    met = {True: "Met", False: "Not met", None: "Cannot tell"}[target["met"]]
    reached = f"{score(target['score'])} {interval(target['low'], target['high'])}".strip()
    metric = target["metric"]
    return f"{met}: {metric} is {reached}; {whose} is {score(target['value'])}."


def needed_words(needed: Facts) -> str:
    """How many judged queries would settle it, in one sentence and the reason."""
    if needed["more"] is None:
        have = plural(needed["have"], "judged query", "judged queries")
        return f"There are {have}. {needed['why']}".strip()
    if needed["more"] <= 0:
        return f"{count(needed['have'])} judged queries are enough. {needed['why']}".strip()
    more = plural(needed["more"], "more query", "more queries")
    total = f" (about {count(needed['queries'])} in all)" if needed["queries"] else ""
    how = (
        "What `tunewise label` draws is all measured on; of other queries, from 120 on, a quarter "
        "is, and the rest is learned from: so many times four."
    )
    return f"{count(needed['have'])} measured on so far; judge {more}{total}. {needed['why']} {how}"


def test_use_words(use: Facts) -> str:
    """How often the test part has been looked at, and what that means."""
    if use["earlier"] == 0:
        return "The test queries were used here for the first time."
    times = "once" if use["earlier"] == 1 else f"{count(use['earlier'])} times"
    return (
        f"The test queries had been used {times} before (this is use {count(use['ordinal'])}). "
        "Choices made after looking at them make the figures a little too good."
    )


def uses_words(uses: int) -> str:
    """How often the test part has been looked at by now, this time included.

    >>> uses_words(3)
    'The test queries have been used 3 times by now.'
    """
    times = "once" if uses == 1 else f"{count(uses)} times"
    return f"The test queries have been used {times} by now."


def next_steps(facts: Facts) -> list[Step]:
    """What to do now, most important first; never empty."""
    if facts["provisional"]:
        steps = _ask_people(facts)
    elif facts["answer"] == "cannot tell yet":
        steps = _collect(facts)
    elif facts["answer"] == "tune":
        steps = _use_tuned(facts)
    else:
        steps = _use_untuned(facts)
    return [*steps, *_look_closer(facts), Step("Try it by hand.", facts["trial"])]


def give_time(facts: Facts) -> list[Step]:
    """To measure what the budget kept out, if it did, with the command for it."""
    command = more_time(facts)
    late = [one["name"] for one in facts["skipped"] if one["cause"] == "time"]
    told = f"Give it more time: {not_measured(late)}." if late else ""
    return [Step(told, command)] if command else []


def glossary(facts: Facts) -> dict[str, str]:
    """The terms this report uses, each with a short explanation; only metrics that occur."""
    terms = {}
    for metric in dict.fromkeys([facts["metric"], *_metrics(facts)]):
        kind, _, k = metric.partition("@")
        if kind in _METRICS:
            terms[metric] = _METRICS[kind].format(k=k or "results")
    return terms | _TERMS


def _metrics(facts: Facts) -> list[str]:
    return [metric for contender in facts["contenders"] for metric in contender["scores"]]


def _ask_people(facts: Facts) -> list[Step]:
    advice = str(facts["provisional"]["advice"])
    return [
        Step(f"{advice[:1].upper()}{advice[1:]}, and measure on those."),
        Step("Look at the made queries, and take out those that nobody would ask."),
        Step(f"Until then, {facts['contender']} is a start: it is saved under model/."),
    ]


def _collect(facts: Facts) -> list[Step]:
    steps = give_time(facts)
    if facts["needed"]:
        steps.append(Step(needed_words(facts["needed"])))
        steps.append(Step("Then run the same command again.", facts["reproduce"]))
    kept = f"Until then, use {facts['contender']}: it is saved under model/."
    return [*steps, Step(kept)]


def _use_tuned(facts: Facts) -> list[Step]:
    steps = [Step(f"Use {facts['contender']}: it is saved under model/.")]
    chosen = [one for one in facts["contenders"] if one["name"] == facts["contender"]]
    documents = plural(facts["data"]["documents"], "document")
    if any(one["reembed"] for one in chosen):
        steps.append(Step(f"Embed your {documents} again with it: the old vectors do not fit it."))
    elif chosen:
        steps.append(Step("Keep your document vectors: only queries are encoded differently."))
    return steps


def _use_untuned(facts: Facts) -> list[Step]:
    steps = [Step(f"Use {facts['contender']} as it is: it is saved under model/.")]
    gain = facts["gain"]
    if gain is None:
        told = Step("Nothing tuned was measured; see why under Not measured.")
        return [*steps, told, *give_time(facts)]
    if left_open(facts):
        return [*steps, *give_time(facts)]
    if gain["high"] < 0:
        return [*steps, Step("Leave tuning for now: what was tuned here did worse than this.")]
    most = signed(gain["high"])
    worth = score(facts["worth"])
    why = f"tuning would bring {most} {gain['metric']} at most; {worth} would be worth having."
    return [*steps, Step(f"Leave tuning for now: {why}")]


def _look_closer(facts: Facts) -> list[Step]:
    steps = []
    serious = [one for one in facts["findings"] if one["severity"] != "note"]
    if serious:
        codes = ", ".join(one["code"] for one in serious)
        steps.append(
            Step(f"Look at what was noticed in the data ({codes}): it may move the figures.")
        )
    target = facts["target"]
    if target and target["met"] is False:
        missed = f"{target['metric']} {score(target['value'])} is not reached by any choice here."
        steps.append(Step(f"{missed} The queries most lost show what is missing."))
    return steps

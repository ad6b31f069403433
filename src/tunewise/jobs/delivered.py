"""Delivered: which vectors a verdict leaves to serve, and the figures that are theirs."""

from collections.abc import Iterator, Mapping
from typing import Any

from tunewise.contenders import Contender
from tunewise.errors import OptionError
from tunewise.verdict import Verdict
from tunewise.verdict.standing import difference


def vectors_of(verdict: Verdict) -> Contender:
    """What of the recommended contender has vectors of its own; the plain encoder if nothing has.

    A hybrid has its vectors' encoder and another score: what is served are the vectors. Raises
    OptionError where the plain encoder would be it and the budget was too short to measure it.
    """
    contender = verdict.contender
    while "vectors" in contender.parts:
        contender = contender.parts["vectors"]
    return contender if contender.encoder is not None else _plain(verdict)


def figures(verdict: Verdict, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Base and delivered vectors on test, their difference, and what was not tried.

    `facts` are the verdict's. `base` is the plain encoder, `tuned` what is delivered, `gain` the
    latter minus the former, None where they are the same; `best` is what the verdict recommends,
    words and all.
    """
    base, served = _plain(verdict), vectors_of(verdict)
    tuned = served.tuned and served.same_as is None
    return {
        "sentence": " ".join([facts["sentence"], *_besides(verdict, served)]),
        "delivered": "tuned" if tuned else "base",
        "metric": facts["metric"],
        "gain": _gain(verdict, base, served) if tuned else None,
        "base": _score(facts, base.name),
        "tuned": _score(facts, served.name),
        "best": {"name": facts["contender"], **_score(facts, facts["contender"])},
        "skipped": [{"name": one.name, "why": one.why} for one in verdict.skipped],
    }


def _plain(verdict: Verdict) -> Contender:
    for each in verdict.contenders:
        if each.family == "pretrained":
            return each
    raise OptionError(
        "The budget was used up before the model itself was measured, so nothing can be held "
        "against it. Ask again with a larger one: metadata 'budget', in seconds."
    )


def _besides(verdict: Verdict, served: Contender) -> Iterator[str]:
    """What the verdict's sentence does not say: which vectors are served, what was not tried."""
    if served.name != verdict.contender.name:
        yield f"Delivered: the vectors of {served.name} alone."
    if verdict.skipped:
        yield f"Not tried: {', '.join(one.name for one in verdict.skipped)}."


def _gain(verdict: Verdict, base: Contender, served: Contender) -> Mapping[str, Any]:
    standing = {one.name: one for one in verdict.standings}
    metric, seed = verdict.settings["metric"], verdict.settings["seed"]
    found = difference(
        standing[served.name], standing[base.name], verdict.groups, metric=metric, seed=seed
    )
    return {key: getattr(found, key) for key in ("difference", "low", "high", "units")}


def _score(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    [found] = [each for each in facts["contenders"] if each["name"] == name]
    scores: Mapping[str, Any] = found["scores"][facts["metric"]]
    return scores

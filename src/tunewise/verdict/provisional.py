"""What a verdict says when its queries were made of the documents: never as much as a real one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tunewise.data.making import ADVICE, BIAS, described
from tunewise.verdict.decision import SUFFICES, TUNE, Decision

_HEADLINES = {TUNE: "tuning looks worth trying", SUFFICES: "off the shelf looks sufficient"}


def provisional(decision: Decision, made: Mapping[str, Any]) -> Decision:
    """The decision told as one on made queries; the same decision if none were made.

    Answer and figures stay. The sentence begins with "Provisional: ", never claims that tuning
    pays, and asks for real queries.
    """
    if not made:
        return decision
    said = decision.sentence.removeprefix("Tune: ").rstrip(".")
    opening = f"{_HEADLINES[TUNE]}: " if decision.answer == TUNE else ""
    told = opening + (said if opening else said[:1].lower() + said[1:])
    tried = (
        f"Queries are {described(made)}; {made['kept']:,} of {made['made']:,} find their document "
        f"among the first 20 ({made['found']['words']:,} by words, {made['found']['vectors']:,} by "
        "vectors), and only these are asked."
    )
    return replace(
        decision,
        sentence=f"Provisional: {told}; {ADVICE}.",
        reasons=(BIAS, tried, *decision.reasons),
    )


def headline(answer: str) -> str:
    """A provisional answer in a few words that need no knowledge of the field.

    >>> headline("tune")
    'Provisional: tuning looks worth trying.'
    """
    kind, _, change = answer.partition(" with ")
    told = _HEADLINES.get(kind, kind)
    return f"Provisional: {told}{f', with {change}' if change else ''}."

"""What can be said before there is data: rules and their sources, what to collect, the price."""

from tunewise.advice.advice import Advice, Cost, Sample, advise, queries_to_show
from tunewise.advice.rules import Rule
from tunewise.advice.text import render
from tunewise.advice.worth import require_worth

__all__ = [
    "Advice",
    "Cost",
    "Rule",
    "Sample",
    "advise",
    "queries_to_show",
    "render",
    "require_worth",
]

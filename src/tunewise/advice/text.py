"""Advice as text for a terminal."""

import textwrap
from collections.abc import Sequence

from tunewise.advice.advice import Advice, Sample
from tunewise.advice.rules import Rule
from tunewise.prices import ORIGINS

WIDTH = 100

_NEXT = (
    "tunewise demo            see a verdict on data made from this machine",
    "tunewise check DATA      what is wrong with the data",
    "tunewise measure DATA    the verdict",
)


def render(advice: Advice) -> str:
    """The advice as text for a terminal, no line over 100 columns, without a final line break."""
    sections = [
        ("What the field says (nobody has measured it on your data)", _rule_lines(advice.rules)),
        ("How many judged queries show a gain", _sample_lines(advice.samples)),
        ("What to collect first", _listed(advice.collect)),
        (f"What it would cost ({advice.prices.currency})", _cost_lines(advice)),
        ("Assumed", _listed(advice.assumptions)),
        ("Then", _listed(_NEXT)),
    ]
    return "\n\n".join(f"{title}\n{'-' * len(title)}\n{body}" for title, body in sections)


def _rule_lines(rules: Sequence[Rule]) -> str:
    marks = {True: "> ", False: "  ", None: "? "}
    lines = []
    for rule in rules:
        lines += [
            _wrapped(f"{rule.when}: {rule.then}", marks[rule.applies], "  "),
            _wrapped(f"Source: {rule.source}.", "    ", "    "),
        ]
    legend = "> speaks to your case   ? you decide whether it does"
    return "\n".join([*lines, legend])


def _sample_lines(samples: Sequence[Sample]) -> str:
    return "\n".join(f"  a gain of {s.gain:<6.3g} {s.queries:>8,} queries" for s in samples)


def _cost_lines(advice: Advice) -> str:
    rows = [("", "", "once", "a year")]
    rows += [
        (cost.what, cost.quantity, _money(cost.once), _money(cost.per_year))
        for cost in advice.costs
    ]
    table = [f"  {a:<34} {b:<30} {c:>12} {d:>12}" for a, b, c, d in rows]
    origins = [
        _wrapped(
            f"{name.replace('_', ' ')} {getattr(advice.prices, name):g}: "
            f"{advice.prices.origin(name)}.",
            "  ",
            "    ",
        )
        for name in ORIGINS
        if name != "watt"  # advice tells of money alone
    ]
    return "\n".join([*(line.rstrip() for line in table), "Prices", *origins])


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount else "-"


def _listed(items: Sequence[str]) -> str:
    return "\n".join(_wrapped(item, "- ", "  ") for item in items)


def _wrapped(text: str, first: str, then: str) -> str:
    """Wrapped at word breaks; lines after a line break of its own are left as they are."""
    head, *kept = text.split("\n")
    lines = textwrap.wrap(
        head,
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*lines, *kept])

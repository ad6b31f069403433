"""Advice before there is data: the field's rules and their sources, what to collect, the price.

None of it is measured on the user's own data, which is why it is called advice and not a
verdict. The rules contradict one another; they are shown side by side, each with who says it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tunewise.advice.rules import Rule, rules_for
from tunewise.advice.worth import require_worth
from tunewise.errors import OptionError
from tunewise.prices import Prices

GAINS = (0.02, 0.05, 0.10)
"""Gains in nDCG@10 (or any mean between 0 and 1) for which the sample is worked out."""

DEVIATION = 0.30  # of per-query differences between two contenders: an assumption, see below
WORDS_PER_DOCUMENT = 150
TOKENS_PER_WORD = 1.4
WORDS_PER_QUERY = 10
DIMENSION = 384
TEXTS_PER_SECOND = 99.0

ASSUMPTIONS = (
    (
        "Differences between two contenders vary from query to query with a standard deviation "
        f"of {DEVIATION:.2f}; a gain that exists is then found four times out of five at the "
        f"usual 5 % level with ((1.96 + 0.84) x {DEVIATION:.2f} / gain)^2 queries. "
        "`tunewise measure` replaces the assumption by the deviation it finds."
    ),
    (
        f"A document has {WORDS_PER_DOCUMENT} words and a query {WORDS_PER_QUERY} unless given, "
        f"a word {TOKENS_PER_WORD} tokens; a vector has {DIMENSION} dimensions of four bytes."
    ),
    (
        f"Two cores encode {TEXTS_PER_SECOND:.0f} texts of middle length a second with a small "
        "encoder (measured in November 2026, torch 2.13 at full precision). "
        "`tunewise measure` replaces this too."
    ),
    (
        "One judgment a query: somebody points at the one document that answers it. Judging what "
        "several contenders put among the first ten costs ten to thirty judgments a query and "
        "shows more."
    ),
)

COLLECT = (
    "All documents that are to be searched, not only those that answer something.",
    (
        "Real queries, as typed, drawn at random from a log. Invented ones tend to repeat the "
        "document's own words, which flatters whatever matches words."
    ),
    (
        "For each query the document that answers it, chosen by somebody who knows the subject and "
        "not from one system's results alone: that system would win by having been asked."
    ),
    (
        "Judge for the test first: it shows where the untuned contenders stand. What tuning learns "
        "from comes on top, and only if they leave something to gain."
    ),
    (
        "One CSV file in UTF-8 with a header is enough, one row for each query and answer:\n"
        "    query,document\n"
        '    how do I give back a book,"Return books at the desk or in the box beside the door."'
    ),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """`queries` judged test queries show a gain of `gain` in four cases out of five."""

    gain: float
    queries: int


@dataclass(frozen=True, slots=True)
class Cost:
    """One thing to pay for: how much of it, and the money, once and for every year."""

    what: str
    quantity: str
    once: float = 0.0
    per_year: float = 0.0


@dataclass(frozen=True, slots=True)
class Advice:
    """What can be said before there is data."""

    rules: Sequence[Rule]
    samples: Sequence[Sample]
    collect: Sequence[str]
    costs: Sequence[Cost]
    prices: Prices
    assumptions: Sequence[str]

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return {
            "rules": [asdict(rule) for rule in self.rules],
            "samples": [asdict(sample) for sample in self.samples],
            "collect": list(self.collect),
            "costs": [asdict(cost) for cost in self.costs],
            "prices": self.prices.to_dict(),
            "assumptions": list(self.assumptions),
        }


def advise(
    *,
    pairs: int | None = None,
    documents: int | None = None,
    queries_per_month: int | None = None,
    words_per_document: int = WORDS_PER_DOCUMENT,
    worth: float = 0.02,
    prices: Prices | None = None,
) -> Advice:
    """What to expect, what to collect first and what it will cost, before there is data.

    `pairs`: judged pairs of query and document already at hand, which decides which rules speak;
    `documents` and `queries_per_month`: the collection and its traffic, without which their lines
    are missing from the costs; `worth`: the smallest gain worth having, for which the labels are
    priced. Raises OptionError for a negative number or a `worth` outside (0, 1).

    >>> advice = advise(pairs=60, documents=10_000)
    >>> [rule.then for rule in advice.rules if rule.applies][0][:17]
    'Use off-the-shelf'
    >>> [sample.queries for sample in advice.samples]
    [1764, 283, 71]
    """
    _check(pairs, documents, queries_per_month, words_per_document, worth)
    prices = prices or Prices()
    return Advice(
        rules=rules_for(pairs),
        samples=[Sample(gain, queries_to_show(gain)) for gain in sorted({*GAINS, worth})],
        collect=COLLECT,
        costs=[
            _labels(queries_to_show(worth), worth, prices),
            *_documents(documents, words_per_document, prices),
            *_queries(queries_per_month, prices),
        ],
        prices=prices,
        assumptions=ASSUMPTIONS,
    )


def queries_to_show(gain: float, *, deviation: float = DEVIATION) -> int:
    """Queries with which a paired comparison shows `gain` at 80 % power, 5 % level, two-sided.

    ((1.96 + 0.84) · deviation / gain)², rounded up: the usual normal approximation for the mean
    of paired differences (1.96 and 0.84 are the normal quantiles at 0.975 and 0.80).

    >>> queries_to_show(0.05)
    283
    """
    # Rounded before it is rounded up: 1764.0000000000002 queries are 1,764.
    return math.ceil(round(((1.96 + 0.84) * deviation / gain) ** 2, 6))


def _check(
    pairs: int | None, documents: int | None, queries: int | None, words: int, worth: float
) -> None:
    given = {
        "pairs": pairs,
        "documents": documents,
        "queries_per_month": queries,
        "words_per_document": words,
    }
    for name, number in given.items():
        if number is not None and number < 0:
            raise OptionError(f"{name}={number} is negative. Pass 0 or more.")
    require_worth(worth)


def _labels(queries: int, worth: float, prices: Prices) -> Cost:
    return Cost(
        f"labels to show a gain of {worth:g}",
        f"{queries:,} queries at {prices.judgment:g}",
        once=queries * prices.judgment,
    )


def _documents(documents: int | None, words: int, prices: Prices) -> list[Cost]:
    if documents is None:
        return []
    hours = documents / TEXTS_PER_SECOND / 3600
    tokens = documents * words * TOKENS_PER_WORD / 1e6
    gigabytes = documents * DIMENSION * 4 / 1e9
    again = hours * prices.machine_hour
    return [
        Cost("documents encoded on two cores", _duration(hours), once=again),
        Cost(
            "or by a hosted endpoint",
            f"{tokens:,.1f} million tokens",
            once=tokens * prices.million_tokens,
        ),
        Cost("encoded again after tuning", _duration(hours), once=again),
        Cost(
            "vectors kept", f"{gigabytes:,.2f} GB", per_year=12 * gigabytes * prices.gigabyte_month
        ),
    ]


def _queries(per_month: int | None, prices: Prices) -> list[Cost]:
    if per_month is None:
        return []
    tokens = 12 * per_month * WORDS_PER_QUERY * TOKENS_PER_WORD / 1e6
    hours = 24 * 365
    return [
        Cost(
            "a machine of two cores, all year", f"{hours:,} h", per_year=hours * prices.machine_hour
        ),
        Cost(
            "or queries by a hosted endpoint",
            f"{tokens:,.1f} million tokens a year",
            per_year=tokens * prices.million_tokens,
        ),
    ]


def _duration(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{hours * 60:,.1f} min"

"""Costs: what a year with one contender takes in money, machine hours and energy."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from tunewise.errors import OptionError
from tunewise.prices import Prices

_HOURS = 8760  # of a year
_MOST = 10**12  # what a sum of many can still be told of
_ORIGINS = ("measured", "given", "assumed")  # from the surest to the least sure


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How a search is used for a year: how much is searched, how often, and what changes.

    `corpus`: documents searched; None for those that were measured. `traffic`: queries a day.
    `retunes`: tunings in the year after the first, of contenders that are tuned. `changed`: the
    share of the documents that is new or changes in the year, which is embedded once more.

    Raises OptionError for a corpus below 1, and for what is negative, NaN or beyond 10¹².

    >>> Use(traffic=20_000).origin("traffic"), Use().origin("traffic"), Use().origin("corpus")
    ('given', 'assumed', 'measured')
    """

    corpus: int | None = None
    traffic: float = 1000.0
    retunes: float = 1.0
    changed: float = 0.2

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = 1 if name == "corpus" else 0
            if value is not None and not least <= value <= _MOST:  # NaN is in no range
                raise OptionError(
                    f"The year cannot be reckoned with {name}={value}. Pass {least} to {_MOST:,}."
                )

    def origin(self, name: str) -> str:
        """Where this number comes from: "given" if it is not the default, else "assumed".

        A corpus that is not given is the one that was measured.
        """
        default = {field.name: field.default for field in fields(self)}[name]
        if getattr(self, name) != default:
            return "given"
        return "measured" if name == "corpus" else "assumed"


@dataclass(frozen=True, slots=True)
class Encoding:
    """What encoding one text takes: seconds to wait, and tokens if a host does it.

    None is not known. `Encoding(0.0)` is what takes no encoder.
    """

    seconds: float | None
    tokens: float | None = None
    hosted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one contender takes, as measured over `documents` documents.

    `ranking` is one query's seconds without its encoding. `judgments` are those it learned from.
    `reembed`: whether documents need new vectors when it is tuned.
    """

    documents: int
    fitting: float
    document: Encoding
    query: Encoding
    ranking: float
    bytes_per_document: int
    judgments: int = 0
    tuned: bool = False
    reembed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a year: hours of a machine, money and energy; None where it is not known.

    `origin` says what the quantity stands on, prices aside: "measured" here, times a number that
    was "given", or times one that is "assumed".
    """

    hours: float | None
    money: float | None
    kwh: float | None
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The first year with one contender, from nothing; `waiting` is hours until it can be used."""

    waiting: float | None
    labelling: Part
    tuning: Part
    embedding: Part
    reembedding: Part
    storing: Part
    serving: Part

    @property
    def total(self) -> Part:
        """All parts together; a figure is None if one of its parts is."""
        return _sum([getattr(self, name) for name in PARTS])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        told = {name: asdict(getattr(self, name)) for name in (*PARTS, "total")}
        return {"waiting": {"hours": self.waiting, "origin": self.embedding.origin}, **told}


PARTS = ("labelling", "tuning", "embedding", "reembedding", "storing", "serving")
"""What the money of a year is made of, in the order in which it is spent."""


def year(work: Work, use: Use, prices: Prices) -> Year:
    """What the first year takes.

    Tuning is done once and `retunes` times again, on the same judgments. The corpus is embedded
    once, its changed share once more, and all of it at each new tuning if `reembed`. Ranking is
    exact, so it grows with the documents; fitting is taken as it was measured.
    """
    corpus = use.corpus or work.documents
    searched, asked, again = (use.origin(name) for name in ("corpus", "traffic", "retunes"))
    retunes = use.retunes if work.tuned else 0.0
    tuned = again if work.tuned else "measured"
    anew = use.changed + (retunes if work.reembed else 0.0)
    renewed = _weakest(searched, use.origin("changed"), tuned if work.reembed else "measured")
    queries = 365 * use.traffic
    served = _weakest(searched, asked)
    ranking = queries * work.ranking * corpus / max(work.documents, 1)
    first = work.document.seconds
    kept = 12 * work.bytes_per_document * corpus / 1e9 * prices.gigabyte_month
    return Year(
        waiting=None if first is None else (work.fitting + corpus * first) / 3600,
        labelling=Part(0.0, work.judgments * prices.judgment, 0.0, "measured"),
        tuning=_machine((1 + retunes) * work.fitting, tuned, prices),
        embedding=_encoded(corpus, work.document, searched, prices),
        reembedding=_encoded(anew * corpus, work.document, renewed, prices),
        storing=Part(0.0, kept, 0.0, searched),
        serving=_sum(
            [_encoded(queries, work.query, served, prices), _machine(ranking, served, prices)]
        ),
    )


def always_on(prices: Prices) -> Part:
    """A machine that is on all year, whether it is asked or not.

    >>> always_on(Prices(machine_hour=0.1, watt=10)).money
    876.0
    """
    return _machine(3600 * _HOURS, "assumed", prices)


def _machine(seconds: float | None, origin: str, prices: Prices) -> Part:
    """Time of a machine at its price."""
    if seconds is None:
        return Part(None, None, None, origin)
    hours = seconds / 3600
    return Part(hours, hours * prices.machine_hour, hours * prices.watt / 1000, origin)


def _encoded(texts: float, one: Encoding, origin: str, prices: Prices) -> Part:
    """So many texts encoded: tokens where a host counts them, else time of a machine."""
    if not texts:
        return Part(0.0, 0.0, 0.0, origin)
    if not one.hosted:
        return _machine(None if one.seconds is None else texts * one.seconds, origin, prices)
    charged = None if one.tokens is None else texts * one.tokens / 1e6 * prices.million_tokens
    return Part(None, charged, None, origin)


def _sum(parts: Sequence[Part]) -> Part:
    return Part(
        _added([part.hours for part in parts]),
        _added([part.money for part in parts]),
        _added([part.kwh for part in parts]),
        _weakest(*(part.origin for part in parts)),
    )


def _added(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _weakest(*origins: str) -> str:
    return max(origins, key=_ORIGINS.index)

"""Names of metrics, and the one parser for them."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tunewise.errors import OptionError

Kind = Literal["nDCG", "Recall", "Precision", "MRR", "MAP", "Success", "Rprec"]

DEFAULT_METRICS = (
    "nDCG@10",
    "Recall@10",
    "Recall@100",
    "Precision@10",
    "MRR@10",
    "MAP@100",
    "Success@10",
    "Rprec",
)

_SPELLINGS: Mapping[str, Kind] = {
    "ndcg": "nDCG",
    "recall": "Recall",
    "r": "Recall",
    "precision": "Precision",
    "p": "Precision",
    "mrr": "MRR",
    "rr": "MRR",
    "map": "MAP",
    "ap": "MAP",
    "success": "Success",
    "hit": "Success",
    "rprec": "Rprec",
    "r-precision": "Rprec",
}
KNOWN = "nDCG@k, Recall@k, Precision@k, MRR@k, MAP@k, Success@k, Rprec"
_DEEPEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its one canonical name, its kind, and its depth k (None for Rprec)."""

    name: str
    kind: Kind
    k: int | None

    def __str__(self) -> str:
        return self.name


def parse_metric(text: str) -> Metric:
    """The metric a name stands for, whatever its case; OptionError if there is none.

    nDCG@k, Recall@k (R@k), Precision@k (P@k), MRR@k (RR@k), MAP@k (AP@k), Success@k (Hit@k)
    and Rprec (R-precision), with k from 1 to 1,000,000.

    >>> parse_metric("ndcg@10").name
    'nDCG@10'
    >>> parse_metric("AP@100")
    Metric(name='MAP@100', kind='MAP', k=100)
    """
    word, at, depth = text.strip().partition("@")
    kind = _SPELLINGS.get(word.strip().lower())
    if kind is None:
        raise OptionError(f"'{text}' is no metric Tunewise knows.{_nearest(word)} Known: {KNOWN}.")
    if kind == "Rprec":
        if at:
            raise OptionError(
                f"'{text}' gives R-precision a depth, but its depth is each query's number of "
                "relevant documents. Write: Rprec."
            )
        return Metric("Rprec", "Rprec", None)
    if not re.fullmatch(r"\s*[0-9]{1,7}\s*", depth) or not 1 <= int(depth) <= _DEEPEST:
        raise OptionError(
            f"'{text}' needs a depth: how many documents of each ranking count, a whole number "
            f"from 1 to {_DEEPEST:,}. Write, for example: {kind}@10."
        )
    return Metric(f"{kind}@{int(depth)}", kind, int(depth))


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word.strip().lower(), _SPELLINGS, n=1)
    if not near:
        return ""
    kind = _SPELLINGS[near[0]]
    return f" Did you mean {kind if kind == 'Rprec' else f'{kind}@10'}?"

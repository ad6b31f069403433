"""Clicks: what a log of them says of queries and documents, as judgments.

Documents further up are clicked more because more people look there, so a click is no judgment
yet. What clicks say once that is taken out is estimated in `attraction.py`; here it is decided
what of it can be judged by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.data.attraction import DRAWS, Attraction, estimate
from tunewise.data.clicklog import ClickLog, read_log
from tunewise.data.columns import CLICKS, Columns, assign
from tunewise.data.records import Records
from tunewise.data.tables import open_table
from tunewise.errors import DataError
from tunewise.task import Judgments

LEAST_SHOWN = 10  # times a query's list must have been shown for its documents to be judged
LEAST_LOOKS = 1.0  # people estimated to have looked at a document, below which nobody did
RELEVANT = 0.5  # share of what the best document of a typical query attracts
_FEW_CLICKS = 5  # of a query, below which what is relevant to it may be chance
_ONE_RANK = 0.95  # share of clicks at one rank from which they tell the rank alone
_LOW = 0.01  # click-through below which a log tells little for its size
_TOLD_RANKS = 10  # whose examination is told

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


def add_clicks(records: Records, path: Path, chosen: Mapping[str, str], *, listed: bool) -> Columns:
    """Adds the judgments that the log at this path amounts to; returns the columns taken.

    `listed`: queries are in a file of their own, already read. The grade is the estimated
    attraction (0 to 1, four digits), and a document is relevant from half of what the best
    document of a typical query attracts: half the median over queries with a click. Documents
    that fewer than one person is estimated to have looked at stay unjudged, and so do queries
    whose list was shown fewer than ten times (D084). Raises DataError if nothing can be estimated.
    """
    table = open_table(path)
    columns = assign(table, CLICKS, chosen, records.remarks)
    log = read_log(records, table, columns, listed=listed)
    _require_clicks(log, records, path)
    found, asked = estimate(log), _asked(log)
    often = asked.shown >= LEAST_SHOWN
    for place in np.flatnonzero(~often).tolist():
        example = f"query '{asked.ids[place]}': shown {asked.shown[place]} times"
        records.remarks.add("D084", example)
    judged = often[asked.of_pair] & (found.looks >= LEAST_LOOKS)
    if not judged.any():
        raise DataError(
            f"No query of '{path}' was shown {LEAST_SHOWN} times or more, so its clicks say too "
            "little to judge by. Log for longer, or judge by hand."
        )
    records.take(
        _judgments(log, judged, found.grades),
        relevant_from=_threshold(found, asked, judged),
        redrawn=tuple(_judgments(log, judged, grades) for grades in found.redrawn),
    )
    _remark_estimate(records, log, found, judged, path)
    _remark_weakness(records, log, asked, judged, path)
    return columns


def _require_clicks(log: ClickLog, records: Records, path: Path) -> None:
    if not len(log.pair):
        lost = [
            each for code in ("D081", "D082", "D083") for each in records.remarks.examples(code)
        ]
        why = f" (for example: {lost[0]})" if lost else ""
        raise DataError(
            f"No row of '{path}' can be used{why}. A row is a query, the id of a document, the "
            "rank it was shown at, from 1, and clicked: 0 or 1. Check that ids are spelled as in "
            "the other files."
        )
    if not log.clicked.any():
        raise DataError(
            f"'{path}' holds no click, so it says nothing. Check that clicked is 1 where somebody "
            "clicked."
        )
    if log.clicked.all():
        raise DataError(
            f"Every row of '{path}' is clicked. What was shown and passed over must be logged too: "
            "without it nobody knows how often a document was there to be clicked."
        )


@dataclass(frozen=True)
class _Asked:
    """The queries of a log: how often each one's list was shown, and how often clicked.

    `of_pair` is the place of each pair's query. A list is shown as often as its rank that is
    shown most often.
    """

    ids: Sequence[str]
    of_pair: Places
    shown: Places
    clicks: Places


def _asked(log: ClickLog) -> _Asked:
    place: dict[str, int] = {}
    of_pair = np.array([place.setdefault(query, len(place)) for query, _ in log.pairs], np.int64)
    query = of_pair[log.pair]
    lists, count = np.unique(query << 32 | log.rank, return_counts=True)
    shown = np.zeros(len(place), np.int64)
    np.maximum.at(shown, lists >> 32, count)
    return _Asked(
        list(place), of_pair, shown, np.bincount(query[log.clicked], minlength=len(place))
    )


def _judgments(log: ClickLog, judged: Flags, grades: NDArray[np.float64]) -> Judgments:
    by_query: dict[str, dict[str, float]] = {}
    for (query, document), grade in zip(
        compress(log.pairs, judged), grades[judged].tolist(), strict=True
    ):
        by_query.setdefault(query, {})[document] = grade
    return by_query


def _threshold(found: Attraction, asked: _Asked, judged: Flags) -> float:
    """Half the attraction of the best document of a typical query, of those with a click."""
    clicked = judged & (asked.clicks > 0)[asked.of_pair]
    of = clicked if clicked.any() else judged
    best = np.zeros(len(asked.ids))
    np.maximum.at(best, asked.of_pair[of], found.grades[of])
    return float(f"{RELEVANT * float(np.median(best[best > 0])):.4g}")


def _remark_estimate(
    records: Records, log: ClickLog, found: Attraction, judged: Flags, path: Path
) -> None:
    curve = zip(found.ranks.tolist(), found.examination.tolist(), strict=True)
    shown = ", ".join(f"{rank}: {seen:.2f}" for rank, seen in islice(curve, _TOLD_RANKS))
    samples = f"spread from {DRAWS} samples of {log.session.max() + 1:,} sessions"
    add = records.remarks.add
    add("D080", f"'{path}': examination by rank {shown}", times=int(judged.sum()))
    add("D080", f"relevant from {records.relevant_from:g} of 1", times=0)
    add("D080", samples, times=0)
    for rank in found.ranks[~found.told].tolist():
        add("D085", f"rank {rank}")


def _remark_weakness(
    records: Records, log: ClickLog, asked: _Asked, judged: Flags, path: Path
) -> None:
    for place in np.unique(asked.of_pair[judged]).tolist():
        if asked.clicks[place] < _FEW_CLICKS:
            records.remarks.add("D086", f"query '{asked.ids[place]}': {asked.clicks[place]}")
    at = np.bincount(log.rank[log.clicked])
    if len(np.unique(log.rank)) > 1 and at.max() >= _ONE_RANK * at.sum():
        records.remarks.add("D092", f"rank {at.argmax()}", times=int(at.max()))
    if (through := float(log.clicked.mean())) < _LOW:
        records.remarks.add("D087", f"'{path}': {through:.2%}", times=int(log.clicked.sum()))

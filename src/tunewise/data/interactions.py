"""Interactions: rows of user, item, time and perhaps a rating, gathered as numbers."""

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.columns import Kind, assign, match, normal, require_found
from tunewise.data.fields import mended, short, text_of
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Place, Row, Table, format_of, open_table
from tunewise.data.textfile import lines
from tunewise.errors import DataError

Numbers = NDArray[np.int64]

INTERACTIONS = Kind(
    "interactions",
    {
        "user": (
            "user", "user_id", "userid", "customer", "customer_id", "customerid", "visitor_id",
            "visitorid", "reviewer_id", "reviewerid", "member_id", "session_id", "session",
        ),
        "item": (
            "item", "item_id", "itemid", "product", "product_id", "productid", "movie_id",
            "movieid", "article_id", "articleid", "track_id", "book_id", "asin", "parent_asin",
            "isbn",
        ),
        "time": (
            "timestamp", "time", "date", "datetime", "ts", "created_at", "event_time",
            "unixreviewtime", "unix_timestamp",
        ),
        "rating": ("rating", "score", "stars", "overall", "grade"),
    },
    ("user", "item", "time"),
    frozenset({"user", "item", "timestamp", "time", "rating"}),
)  # fmt: skip
_RATINGS = ("user", "item", "rating", "timestamp")  # of files without names, by custom
_OTHERS = frozenset({"query", "question", "document", "text", "label"})  # of other kinds
_LIKED = 0.6  # of the way from the lowest rating to the highest
_SCALE = 100  # above it, numbers are counts and no ratings


@dataclass(frozen=True)
class Interactions:
    """Rows as numbers: user and item by place in their names, time, rating (NaN: none)."""

    users: Mapping[str, int]
    items: Mapping[str, int]
    user: Numbers
    item: Numbers
    time: NDArray[np.float64]
    rating: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.user)

    def liked(self, threshold: str | None, remarks: Remarks) -> Numbers:
        """The rows that count: all of them without ratings, else those from a threshold up."""
        if self.rating is None:
            return np.arange(len(self))
        low, high = float(self.rating.min()), float(self.rating.max())
        if threshold is not None:
            kept, told = self.rating >= float(threshold), f"liked from {float(threshold):g}, said"
        elif high > _SCALE:
            kept, told = self.rating > 0, f"up to {high:g}, taken as counts: liked above 0"
        else:
            least = low + _LIKED * (high - low)
            kept = self.rating >= least
            told = f"ratings of {low:g} to {high:g}: liked from {self.rating[kept].min():g}"
        if not kept.any():
            raise DataError(f"No rating is {threshold} or more, so nothing is liked. Lower liked.")
        if lost := int((~kept).sum()):
            remarks.add("D130", f"{told}; {lost:,} of {len(self):,} rows are below", times=lost)
        return np.flatnonzero(kept)


def is_interactions(names: Sequence[str]) -> bool:
    """Whether columns with these names say who chose what, and when, and nothing of a search.

    >>> is_interactions(["userId", "movieId", "rating", "timestamp"]), is_interactions(["text"])
    (True, False)
    """
    complete = set(INTERACTIONS.required) <= match(names, INTERACTIONS, {}).by_role.keys()
    return complete and _OTHERS.isdisjoint(normal(name) for name in names)


def open_interactions(path: Path) -> Table:
    """The table in a file of interactions, in any format of tables, or parted by `::`.

    Of the latter (MovieLens) the columns are user, item, rating and time. Raises DataError for a
    first line that holds no names.
    """
    if format_of(path) != "parquet":
        first = next((line for line in lines(path) if line.strip()), "")
        if first.count("::") == len(_RATINGS) - 1:
            return Table(str(path), _RATINGS, partial(_parted_rows, path))
    table = open_table(path)
    if any(math.isfinite(number_of(name)) for name in table.columns):
        shown = ", ".join(f"'{name}'" for name in table.columns)
        raise DataError(
            f"The first line of '{path}' holds no names but values ({shown}), so it is not known "
            "what its columns are. Write a line before it that names them, such as "
            "user,item,rating,timestamp."
        )
    return table


def _parted_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    del columns  # there are always these four
    for number, line in enumerate(lines(path), start=1):
        place, fields = Place("Line", number, str(path)), line.strip().split("::")
        if len(fields) == len(_RATINGS):
            yield place, dict(zip(_RATINGS, fields, strict=True))
        elif line.strip():
            raise DataError(
                f"{place} has {len(fields)} fields parted by '::', and a rating has "
                f"{len(_RATINGS)}: user, item, rating, time. Mend or remove it."
            )


def read_interactions(table: Table, chosen: Mapping[str, str], remarks: Remarks) -> Interactions:
    """The rows of a table that name a user and an item.

    Raises DataError for a column that is missing, a time or a rating that is none.
    """
    required = tuple(role for role in INTERACTIONS.required if chosen.get(role) != "")
    mine = {role: name for role, name in chosen.items() if role in INTERACTIONS.names}
    columns = assign(table, replace(INTERACTIONS, required=required), mine, remarks)
    require_found(mine, [columns], table.source)
    names = [columns[role] for role in ("user", "item", "time", "rating")]
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    user, item, time, rating = array("q"), array("q"), array("d"), array("d")
    moment = _moments()
    for place, row in table.rows(columns.used):
        who, what, when, grade = (None if name is None else row.get(name) for name in names)
        one, other = (mended(text_of(value, place).strip()) for value in (who, what))
        if not one or not other:
            remarks.add("D135", place)
            continue
        user.append(users.setdefault(one, len(users)))
        item.append(items.setdefault(other, len(items)))
        time.append(len(time) if names[2] is None else moment(when, place))
        if names[3] is not None:
            rating.append(_rating(grade, place))
    if not user:
        raise DataError(
            f"'{table.source}' holds no rows that can be used. Check that it was written to the "
            "end and is the one you meant."
        )
    return Interactions(
        users,
        items,
        np.array(user, np.int64),
        np.array(item, np.int64),
        np.array(time, np.float64),
        np.array(rating, np.float64) if names[3] is not None else None,
    )


def moment_of(value: Any) -> float | None:
    """A time as a number: what is one already, or an ISO date in seconds since 1970 (UTC).

    >>> moment_of("1970-01-02"), moment_of("86400"), moment_of("soon")
    (86400.0, 86400.0, None)
    """
    found = number_of(value)
    if math.isfinite(found):
        return found
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return None


def number_of(value: Any) -> float:
    """A value as a number, NaN if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _moments() -> Callable[[Any, Place], float]:
    """How the times of one file are read: all of them numbers, or all of them dates."""
    first: list[bool] = []

    def moment(value: Any, place: Place) -> float:
        found = moment_of(value)
        numeric = math.isfinite(number_of(value))
        if found is None:
            raise DataError(
                f"{place} has the time {short(str(value))}, which is neither a number nor an ISO "
                "date such as 2025-06-30 or 2025-06-30T12:00:00Z. Mend it, name another column "
                "(columns={'time': …}; --column time=NAME), or none, to go by the order of rows "
                "(columns={'time': ''}; --column time=)."
            )
        if not first:
            first.append(numeric)
        if numeric is not first[0]:
            raise DataError(
                f"{place} has the time {short(str(value))}, a {'number' if numeric else 'date'}, "
                f"but the rows before have {'dates' if numeric else 'numbers'}, and the two "
                "cannot be put in order. Write all of them alike."
            )
        return found

    return moment


def _rating(value: Any, place: Place) -> float:
    found = number_of(value)
    if not math.isfinite(found):
        raise DataError(
            f"{place} has the rating {short(str(value))}, which is not a number. Mend or remove "
            "the row, or say columns={'rating': ''} (--column rating=) to count every row as liked."
        )
    return found

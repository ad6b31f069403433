"""Click logs: rows of query, document, rank and click, gathered as numbers."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.columns import CLICKS, Columns, match
from tunewise.data.fields import mended, short, text_of
from tunewise.data.records import Records
from tunewise.data.tables import Place, Table, format_of, open_table
from tunewise.errors import DataError

_LEAST_SESSIONS = 20  # of a log, below which drawing them anew shows no spread
_CLICKED = {"1": True, "true": True, "0": False, "false": False}

QueryOf = Callable[[Mapping[str, Any], Place], str | None]
"""The id of a row's query; None, and a remark, where it has none that is known."""


@dataclass(frozen=True)
class ClickLog:
    """A log's rows: what was shown at which rank, whether clicked, in which session.

    `pairs` holds (query id, document id); `pair` is each row's place in it. `rank` is from 1, and
    rows of equal `session` (0, 1, …) are drawn together.
    """

    pairs: Sequence[tuple[str, str]]
    pair: NDArray[np.int64]
    rank: NDArray[np.int64]
    clicked: NDArray[np.bool_]
    session: NDArray[np.int64]


def is_click_log(names: tuple[str, ...], chosen: Mapping[str, str]) -> bool:
    """Whether columns with these names hold a click log: a rank, and whether it was clicked.

    >>> is_click_log(("query", "document", "rank", "clicked"), {})
    True
    """
    return {"rank", "clicked"} <= match(names, CLICKS, chosen).by_role.keys()


def is_click_file(path: Path, chosen: Mapping[str, str]) -> bool:
    """Whether there is a table at this path whose columns are those of a click log."""
    is_table = path.is_file() and format_of(path) is not None
    return is_table and is_click_log(open_table(path).columns, chosen)


def refuse_clicks(table: Table, chosen: Mapping[str, str]) -> None:
    """Raises DataError if this table, read as pairs, is a click log: its documents are ids."""
    if is_click_log(table.columns, chosen):
        raise DataError(
            f"'{table.source}' is a click log (it has a rank and whether that was clicked), and "
            "the texts of its documents are missing. Give the file that holds them: documents= "
            "(--documents FILE)."
        )


def read_log(records: Records, table: Table, columns: Columns, *, listed: bool) -> ClickLog:
    """The rows of this table that name a document known, and a query.

    With `listed`, queries are those known already, named by id or text; otherwise the log's own
    texts become the queries. What cannot be used is left out and remarked (D081 to D083).
    """
    named = _by_list(records, columns) if listed else _by_text(records, columns, table)
    return _gathered(records, table, columns, named)


def _by_list(records: Records, columns: Columns) -> QueryOf:
    """How a row says which of the queries known it means: by id, or else by text."""
    names = [name for role in ("query_id", "query") if (name := columns[role])]
    queries = records.queries

    @cache
    def known(value: str) -> str | None:
        key = mended(value.strip())
        return key if key in queries else queries.with_text(value) or queries.with_text(key)

    def query_of(row: Mapping[str, Any], place: Place) -> str | None:
        values = [value for name in names if (value := text_of(row.get(name), place))]
        found = next((key for value in values if (key := known(value)) is not None), None)
        if values and found is None:
            records.remarks.add("D083", f"{place}: {short(values[0])}")
        elif not values:
            records.remarks.add("D081", f"{place}: no query")
        return found

    return query_of


def _by_text(records: Records, columns: Columns, table: Table) -> QueryOf:
    """How a row brings a query of its own: its text, with an id or without."""
    text_name, key_name = columns["query"], columns["query_id"]
    if text_name is None:
        raise DataError(
            f"'{table.source}' names queries by id, and their texts are missing. Give the file "
            "that holds them: queries= (--queries FILE), or add a column query with the text."
        )

    def query_of(row: Mapping[str, Any], place: Place) -> str | None:
        text = text_of(row.get(text_name), place)
        if not text.strip():
            records.remarks.add("D081", f"{place}: no query")
            return None
        key = text_of(row.get(key_name), place).strip() if key_name else ""
        if not key:
            return records.queries.named(text, place)
        records.queries.add(mended(key), text, place)
        return mended(key)

    return query_of


def _gathered(records: Records, table: Table, columns: Columns, query_of: QueryOf) -> ClickLog:
    pairs: dict[tuple[str, str], int] = {}
    sessions: dict[str, int] = {}
    pair, rank, clicked, session = array("q"), array("q"), array("b"), array("q")
    name_of_session = columns["session"]
    for place, row in table.rows(columns.used):
        shown = _shown(records, row, columns, place)
        query = query_of(row, place) if shown else None
        if shown is None or query is None:
            continue
        document, at, was = shown
        pair.append(pairs.setdefault((query, document), len(pairs)))
        rank.append(at)
        clicked.append(was)
        name = text_of(row.get(name_of_session), place) if name_of_session else ""
        # A row without a session is one of its own.
        session.append(sessions.setdefault(name or f"\0{len(rank)}", len(sessions)))
    return ClickLog(
        list(pairs),
        np.array(pair, np.int64),
        _from_one(np.array(rank, np.int64), records, table),
        np.array(clicked, np.bool_),
        _drawn(np.array(session, np.int64), records, columns, table),
    )


def _from_one(rank: NDArray[np.int64], records: Records, table: Table) -> NDArray[np.int64]:
    zeros = int(np.count_nonzero(rank == 0))
    if zeros:
        records.remarks.add("D088", f"'{table.source}'", times=zeros)
    return rank + 1 if zeros else rank


def _drawn(
    session: NDArray[np.int64], records: Records, columns: Columns, table: Table
) -> NDArray[np.int64]:
    """What is drawn together: sessions, or single rows where there are too few of them."""
    if columns["session"] and len(session) and session.max() + 1 >= _LEAST_SESSIONS:
        return session
    records.remarks.add("D089", f"'{table.source}'", times=len(session))
    return np.arange(len(session))


def _shown(
    records: Records, row: Mapping[str, Any], columns: Columns, place: Place
) -> tuple[str, int, bool] | None:
    """The row's document, rank and click; None, and a remark, where one cannot be used."""
    by_role = columns.by_role
    document = mended(text_of(row.get(by_role["document_id"]), place).strip())
    rank = _rank(text_of(row.get(by_role["rank"]), place))
    was = _CLICKED.get(text_of(row.get(by_role["clicked"]), place).strip().casefold())
    if rank is None or was is None or not document:
        wrong = "rank" if rank is None else "clicked" if was is None else "document_id"
        value = text_of(row.get(by_role[wrong]), place)
        records.remarks.add("D081", f"{place}: {by_role[wrong]} {short(value)}")
        return None
    if document not in records.documents:
        records.remarks.add("D082", f"{place}: document {short(document)}")
        return None
    return document, rank, was


@cache
def _rank(text: str) -> int | None:
    try:
        rank = float(text)
    except ValueError:
        return None
    return int(rank) if rank.is_integer() and 0 <= rank < 2**31 else None

"""Documents, queries and judgments in files of their own, as BEIR and TREC keep them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tunewise.data.clicks import add_clicks
from tunewise.data.columns import DOCUMENTS, JUDGMENTS, QUERIES, Columns, assign, match
from tunewise.data.fields import grade_of, id_of, joined, text_of
from tunewise.data.records import Records
from tunewise.data.tables import Place, Row, delimited, delimiter_of, format_of, open_table
from tunewise.data.textfile import lines
from tunewise.errors import DataError


@dataclass(frozen=True)
class Separate:
    """Where documents, queries and judgments are; judgments by part (None: not divided).

    A click log stands in for judgments, and its own texts for queries if they have no file.
    """

    documents: Path
    queries: Path | None
    judgments: tuple[tuple[str | None, Path], ...]
    clicks: Path | None = None


class Judgment(NamedTuple):
    """One line of a judgments file; no grade means relevant."""

    place: Place
    query: str
    document: str
    grade: float


def add_separate(records: Records, files: Separate, chosen: Mapping[str, str]) -> Sequence[Columns]:
    """Adds the records of these files; returns the columns taken from each."""
    used = [_add_documents(records, files.documents, chosen)]
    if files.queries is not None:
        used.append(add_queries(records, files.queries, chosen))
    if files.clicks is not None:
        listed = files.queries is not None
        used.append(add_clicks(records, files.clicks, chosen, listed=listed))
    for part, path in files.judgments:
        columns, judgments = _judgments(records, path, chosen)
        used.append(columns)
        for judgment in judgments:
            _judge(records, judgment, part)
    return used


def _add_documents(records: Records, path: Path, chosen: Mapping[str, str]) -> Columns:
    table = open_table(path)
    columns = assign(table, DOCUMENTS, chosen, records.remarks)
    key_name, text_name = columns.by_role["document_id"], columns.by_role["document"]
    title_name = columns["title"]
    for place, row in table.rows(columns.used):
        text = text_of(row.get(text_name), place)
        if title_name:
            text = joined(text_of(row.get(title_name), place), text)
        if not records.documents.add(id_of(row.get(key_name), "document", place), text, place):
            records.remarks.add("D003", place)
    return columns


def add_queries(records: Records, path: Path, chosen: Mapping[str, str]) -> Columns:
    """Adds the queries in this table; returns the columns taken."""
    table = open_table(path)
    columns = assign(table, QUERIES, chosen, records.remarks)
    for place, row in table.rows(columns.used):
        key = id_of(row.get(columns.by_role["query_id"]), "query", place)
        text = text_of(row.get(columns.by_role["query"]), place)
        if not records.queries.add(key, text, place):
            records.remarks.add("D003", place)
        if name := columns["split"]:
            records.put_named(key, text_of(row.get(name), place), place)
        if (name := columns["group"]) and (group := text_of(row.get(name), place).strip()):
            records.group(key, group)
    return columns


def _judge(records: Records, judgment: Judgment, part: str | None) -> None:
    place, query, document, grade = judgment
    if query not in records.queries:
        records.remarks.add("D008", f"{place}: query '{query}'")
    elif document not in records.documents:
        records.remarks.add("D007", f"{place}: document '{document}'")
    else:
        if not records.judge(query, document, grade, place):
            records.remarks.add("D003", place)
        if part is not None:
            records.put(query, part)


def _judgments(
    records: Records, path: Path, chosen: Mapping[str, str]
) -> tuple[Columns, Iterator[Judgment]]:
    if format_of(path) in ("json", "parquet"):
        table = open_table(path)
        columns = assign(table, JUDGMENTS, chosen, records.remarks)
        return columns, _by_name(table.rows(columns.used), columns)
    first = next(_fields(path), None)
    if first is None:
        raise DataError(f"'{path}' holds no judgments, only blank lines.")
    columns = match(first[1], JUDGMENTS, chosen)
    if {"query_id", "document_id"} <= columns.by_role.keys():
        return columns, _by_name(_rows(path, first[1]), columns)
    return Columns({}), _by_place(path, len(first[1]))


def _by_name(rows: Iterator[Row], columns: Columns) -> Iterator[Judgment]:
    score = columns["score"]
    for place, row in rows:
        yield _judgment(
            place,
            row.get(columns.by_role["query_id"]),
            row.get(columns.by_role["document_id"]),
            1.0 if score is None else row.get(score),
        )


def _rows(path: Path, names: Sequence[str]) -> Iterator[Row]:
    fields = _fields(path)
    next(fields)
    for place, values in fields:
        _require_width(place, values, len(names))
        yield place, dict(zip(names, values, strict=True))


def _by_place(path: Path, width: int) -> Iterator[Judgment]:
    for place, fields in _fields(path):
        if width not in (3, 4):
            raise DataError(
                f"{place} has {width} fields, but a judgment is `query document grade` or, as "
                "TREC writes it, `query 0 document grade`, separated by tabs, commas or blanks."
            )
        _require_width(place, fields, width)
        yield _judgment(place, fields[0], fields[-2], fields[-1])


def _judgment(place: Place, query: Any, document: Any, grade: Any) -> Judgment:
    return Judgment(
        place,
        id_of(query, "query", place),
        id_of(document, "document", place),
        grade_of(grade, place),
    )


def _require_width(place: Place, fields: Sequence[str], width: int) -> None:
    if len(fields) != width:
        raise DataError(
            f"{place} has {len(fields)} fields, but the first line has {width}. Write each "
            "judgment alike: query, document and grade."
        )


def _fields(path: Path) -> Iterator[tuple[Place, list[str]]]:
    first = next((line for line in lines(path) if line.strip()), "")
    if "\t" in first:
        return delimited(path, "\t")
    words, delimiter = first.split(), delimiter_of(first)
    by_blanks = len(words) in (3, 4) and not words[0].endswith(delimiter)
    if delimiter in first and (format_of(path) == "csv" or not by_blanks):
        return delimited(path, delimiter)
    return (
        (Place("Line", number, str(path)), line.split())
        for number, line in enumerate(lines(path), start=1)
        if line.strip()
    )

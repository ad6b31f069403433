"""Rows: lines of query and document, with negatives or scores, become records."""

from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

from tunewise.data.columns import Columns
from tunewise.data.fields import grade_of, id_of, text_of
from tunewise.data.records import Records
from tunewise.data.tables import Place, Table
from tunewise.errors import DataError


def add_pairs(records: Records, table: Table, columns: Columns, *, part: str | None) -> int:
    """Adds every row of a table of pairs; `part` is where its queries are put, if anywhere.

    A document without a score gets grade 1, a negative grade 0. A field may hold a list
    of texts (JSONL, Parquet): each is a document or a negative of its own. Empty negatives are
    no negatives, nor are those that equal a right answer of their row but for white space (D015).
    Rows that bring nothing new are counted (D003). Returns how many negatives were taken.
    """
    taken = 0
    negatives = Negatives(records, named_by_text=columns["document_id"] is None)
    for place, row in table.rows(columns.used):
        query = _query(records, row, columns, place)
        new = _add_documents(records, query, row, columns, place)
        for text in _negatives(records, row, columns, place):
            new |= negatives.add(query, text, place)
            taken += 1
        if not new:
            records.remarks.add("D003", place)
        if part is not None:
            records.put(query, part)
        elif name_of_split := columns["split"]:
            records.put_named(query, text_of(row.get(name_of_split), place), place)
        if (name_of_group := columns["group"]) and (
            key := text_of(row.get(name_of_group), place).strip()
        ):
            records.group(query, key)
    negatives.judge()
    return taken


class Negatives:
    """Texts judged not relevant. They have no ids of their own, only their texts.

    Where documents have ids, a negative may be a document of a later row, so negatives wait
    until all documents are known.
    """

    def __init__(self, records: Records, *, named_by_text: bool) -> None:
        self._records = records
        self._at_once = named_by_text
        self._waiting: dict[str, dict[str, Place]] = {}

    def add(self, query: str, text: str, place: Place) -> bool:
        """Adds one; False if it is there already."""
        if self._at_once:
            document = self._records.documents.named(text, place)
            return self._records.judge(query, document, 0.0, place)
        queries = self._waiting.setdefault(text, {})
        if query in queries:
            return False
        queries[query] = place
        return True

    def judge(self) -> None:
        """Turns those that wait into judgments."""
        for text, queries in self._waiting.items():
            for query, place in queries.items():
                document = self._records.documents.named(text, place)
                self._records.judge(query, document, 0.0, place)


def _query(records: Records, row: Mapping[str, Any], columns: Columns, place: Place) -> str:
    text = text_of(row.get(columns.by_role["query"]), place)
    name = columns["query_id"]
    if name is None:
        return records.queries.named(text, place)
    key = id_of(row.get(name), "query", place)
    records.queries.add(key, text, place)
    return key


def _add_documents(
    records: Records, query: str, row: Mapping[str, Any], columns: Columns, place: Place
) -> bool:
    texts = _texts(row.get(columns.by_role["document"]), place)
    score = columns["score"]
    grade = 1.0 if score is None else grade_of(row.get(score), place)
    new = False
    for key, text in zip(_keys(row, columns, texts, place), texts, strict=False):
        if key is None:
            document = records.documents.named(text, place)
        else:
            document = key
            records.documents.add(key, text, place)
        new |= records.judge(query, document, grade, place)
    return new


def _negatives(
    records: Records, row: Mapping[str, Any], columns: Columns, place: Place
) -> Iterator[str]:
    """The row's negatives that can be wrong answers."""
    if not columns.negatives:
        return
    score = columns["score"]
    right = score is None or grade_of(row.get(score), place) > 0
    answers = _texts(row.get(columns.by_role["document"]), place) if right else []
    folded = {_folded(answer) for answer in answers}
    for name in columns.negatives:
        for text in _texts(row.get(name), place):
            if text and _folded(text) in folded:
                records.remarks.add("D015", place)
            elif text:
                yield text


def _folded(text: str) -> str:
    return " ".join(text.split())


def _keys(
    row: Mapping[str, Any], columns: Columns, texts: list[str], place: Place
) -> "list[str] | repeat[None]":
    name = columns["document_id"]
    if name is None:
        return repeat(None)
    value = row.get(name)
    values = value if isinstance(value, list) else [value]
    if len(values) != len(texts):
        raise DataError(
            f"{place} has {len(texts)} documents and {len(values)} document ids. Give each "
            "document its id, in the same order."
        )
    return [id_of(value, "document", place) for value in values]


def _texts(value: Any, place: Place) -> list[str]:
    if isinstance(value, list | tuple):
        return [text_of(item, place) for item in value]
    return [text_of(value, place)]

"""Tables: each row of a CSV, TSV or JSONL file is a document, its other columns are fields."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tunewise.data.columns import DOCUMENTS, Columns, match
from tunewise.data.fields import id_of, joined, text_of
from tunewise.data.tables import Place, delimited, delimiter_of, open_table
from tunewise.data.textfile import lines
from tunewise.documents.blocks import cleaned, told
from tunewise.documents.document import Document, Failure
from tunewise.documents.scalars import KINDS, Scalar, kind_of
from tunewise.documents.source import Source
from tunewise.errors import DataError

_ROW = replace(DOCUMENTS, required=("document",))
_MOST = 2**63  # stores keep whole numbers in 64 bits


def read_csv(source: Source) -> Iterator[Document | Failure]:
    """A document a row; what separates the columns is told from the first line."""
    first = next((line for line in lines(source.path) if line.strip()), "")
    return _delimited(source, delimiter_of(first))


def read_tsv(source: Source) -> Iterator[Document | Failure]:
    """A document a row."""
    return _delimited(source, "\t")


def read_jsonl(source: Source) -> Iterator[Document | Failure]:
    """A document a line; values that are lists or objects become fields as JSON."""
    for number, line in enumerate(lines(source.path), start=1):
        if not line.strip():
            continue
        place = Place("Line", number, source.name)
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as wrong:
            yield Failure(_name(source, place), f"It is not valid JSON: {wrong}.")
            continue
        if isinstance(record, dict):
            yield _row(source, place, record, _scalars)
        else:
            yield Failure(_name(source, place), "It is no JSON object with named fields.")


def _delimited(source: Source, delimiter: str) -> Iterator[Document | Failure]:
    names = open_table(source.path).columns  # looks at them too: twice the same name is refused
    _columns(names, source.columns)
    if next(_rows(source, delimiter), None) is None:
        raise DataError(f"'{source.name}' has only a first line, of column names, and no rows.")
    kinds = _kinds(names, (fields for _, fields in _rows(source, delimiter)))
    for place, fields in _rows(source, delimiter):
        if len(fields) == len(names):
            record = dict(zip(names, fields, strict=True))
            yield _row(source, place, record, lambda row: _typed(row, kinds))
        else:
            yield Failure(
                _name(source, place),
                f"It has {len(fields)} fields, but the first line names {len(names)} columns. Put "
                f"quotes around a text that holds {delimiter!r} or a line break.",
            )


def _rows(source: Source, delimiter: str) -> Iterator[tuple[Place, list[str]]]:
    rows = delimited(source.path, delimiter)
    next(rows, None)
    return rows


def _row(
    source: Source,
    place: Place,
    record: Mapping[str, Any],
    fields: Callable[[Mapping[str, Any]], Mapping[str, Scalar]],
) -> Document | Failure:
    place = place._replace(source=source.name)
    name = _name(source, place)
    try:
        columns = _columns(tuple(record), source.columns)
        text = cleaned(text_of(record[columns.by_role["document"]], place)).strip()
        heading = cleaned(text_of(record.get(columns["title"] or ""), place))
        title = " ".join(heading.split())
        if not text:
            return Failure(name, f"Its column '{columns['document']}' has no text.")
        if len(text) > source.limits.characters:
            return Failure(name, f"It has more than {source.limits.characters:,} characters.")
        key = columns["document_id"]
        id_ = name if key is None else id_of(record.get(key), "document", place)
    except DataError as wrong:
        return Failure(name, str(wrong))
    unused = {column: record[column] for column in columns.unused}
    # A title stands before its text, as in `read_task`: what is served is what was measured.
    whole, headings = joined(title, text), [(0, title)] if title else []
    return Document(id_, whole, title, told(source, fields(unused)), headings)


def _columns(names: tuple[str, ...], chosen: Mapping[str, str]) -> Columns:
    missing = [name for role, name in chosen.items() if name and name not in names]
    columns = match(names, _ROW, chosen)
    if missing or columns["document"] is None:
        asked = f"named '{missing[0]}'" if missing else "of texts by its name"
        shown = ", ".join(f"'{name[:40]}'" for name in names[:20])
        raise DataError(
            f"It has no column {asked}; its columns are {shown or 'none'}. Say which is which "
            "with --column document=NAME (columns={'document': 'NAME'}); title and document_id "
            "can be named as well."
        )
    return columns


def _name(source: Source, place: Place) -> str:
    return f"{source.name}:{place.number}"


# What the fields of a CSV file are


def _kinds(
    names: Sequence[str], rows: Iterator[list[str]]
) -> Mapping[str, Callable[[str], Scalar]]:
    """What the values of each column become, so that all of a column are of one type."""
    found: list[int | None] = [None] * len(names)
    for fields in rows:
        for column, value in enumerate(map(str.strip, fields[: len(names)])):
            kind = found[column]
            if value and (kind is None or not KINDS[kind][0](value)):
                own = kind_of(value)
                found[column] = own if kind is None or (kind, own) == (0, 1) else len(KINDS) - 1
    return {name: KINDS[kind or 0][1] for name, kind in zip(names, found, strict=True)}


def _typed(
    record: Mapping[str, str], kinds: Mapping[str, Callable[[str], Scalar]]
) -> Mapping[str, Scalar]:
    stripped = {name: cleaned(value).strip() for name, value in record.items()}
    return {name: kinds[name](value) for name, value in stripped.items() if value}


def _scalars(record: Mapping[str, Any]) -> Mapping[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name, value in record.items():
        if isinstance(value, bool | str):
            found[name] = cleaned(value) if isinstance(value, str) else value
        elif isinstance(value, int):
            found[name] = value if abs(value) < _MOST else str(value)
        elif isinstance(value, float):
            found |= {name: value} if math.isfinite(value) else {}
        elif value is not None:
            found[name] = json.dumps(value, ensure_ascii=False)
    return found

"""Tables: rows with named columns, from CSV, TSV, JSONL, JSON and Parquet files."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from tunewise.data.textfile import lines
from tunewise.errors import DataError
from tunewise.extras import need

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
UNDERSTOOD = ".csv, .tsv, .jsonl, .json (these also with .gz) and .parquet"

_BATCH = 1000


class Place(NamedTuple):
    """Where a record stands, for messages: "Line 12 of 'pairs.csv'"."""

    unit: str
    number: int
    source: str

    def __str__(self) -> str:
        return f"{self.unit} {self.number} of '{self.source}'"


Row = tuple[Place, Mapping[str, Any]]


@dataclass(frozen=True)
class Table:
    """Rows with named columns; `rows(columns)` reads them anew, with at least these columns."""

    source: str
    columns: tuple[str, ...]
    rows: Callable[[Sequence[str]], Iterator[Row]]


def format_of(path: Path) -> str | None:
    """The format a file's name announces (csv, tsv, json, parquet), None if none of these."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return FORMATS.get(plain.suffix.lower())


def open_table(path: Path) -> Table:
    """The table in this file; its rows are read when asked for.

    Raises DataError if the format is not understood or the file has no columns.
    """
    match format_of(path):
        case "csv":
            return _delimited_table(path, delimiter_of(_first_line(path)))
        case "tsv":
            return _delimited_table(path, "\t")
        case "json":
            return _json_table(path)
        case "parquet":
            return _parquet_table(path)
    # A binary file is a more likely mistake than a wrong name: say that first.
    _first_line(path)
    raise DataError(
        f"'{path}' has a name that announces no known format. Understood are {UNDERSTOOD}; "
        "rename the file, or save the data as one of these."
    )


def delimiter_of(line: str) -> str:
    """What separates the columns of a CSV file: the commonest of , ; | and tab in its first line.

    >>> delimiter_of("frage;antwort")
    ';'
    """
    return max(",;\t|", key=line.count)


def delimited(path: Path, delimiter: str) -> Iterator[tuple[Place, list[str]]]:
    """The fields of every line that is not blank, unquoted; the place is where a row begins.

    Tab-separated files in the wild are written with csv quoting or with none at all. When
    every line has the same number of tabs, no field spans lines: each is taken as it is, or
    unquoted if it is quoted as a whole. Otherwise quotes are read as csv writes them.
    """
    if delimiter == "\t" and _one_row_a_line(path):
        return _plain(path)
    return _quoted(path, delimiter)


def _plain(path: Path) -> Iterator[tuple[Place, list[str]]]:
    for number, line in enumerate(lines(path), start=1):
        if line.strip():
            fields = [_unquoted(field) for field in line.rstrip("\n").split("\t")]
            yield Place("Line", number, str(path)), fields


def _unquoted(field: str) -> str:
    if len(field) < 2 or field[0] != '"' or field[-1] != '"':
        return field
    inside = field[1:-1]
    if '"' in inside.replace('""', ""):
        return field
    return inside.replace('""', '"')


def _one_row_a_line(path: Path) -> bool:
    counts = (line.count("\t") for line in lines(path) if line.strip())
    first = next(counts, 0)
    return all(count == first for count in counts)


def _quoted(path: Path, delimiter: str) -> Iterator[tuple[Place, list[str]]]:
    # strict: otherwise a quote that is never closed swallows the rest of the file silently
    reader = csv.reader(lines(path, newline=""), delimiter=delimiter, strict=True)
    while batch := _batch(reader, path):
        yield from ((place, fields) for place, fields in batch if len(fields) > 1 or _said(fields))


def _said(fields: list[str]) -> bool:
    return any(field.strip() for field in fields)


def _batch(reader: Any, path: Path) -> list[tuple[Place, list[str]]]:
    # The limit on a field's length belongs to the whole process, so it is raised only while
    # a batch is read and put back after it, never while the caller works.
    batch = []
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    begin = reader.line_num + 1
    try:
        for fields in reader:
            batch.append((Place("Line", begin, str(path)), fields))
            if len(batch) == _BATCH:
                break
            begin = reader.line_num + 1
    except csv.Error as wrong:
        raise DataError(
            f"Line {begin} of '{path}' cannot be read as CSV: {wrong}. Most often a quote "
            'is not closed, or a quote within a quoted text is not doubled ("").'
        ) from wrong
    finally:
        csv.field_size_limit(before)
    return batch


def _delimited_table(path: Path, delimiter: str) -> Table:
    header = next(delimited(path, delimiter), None)
    if header is None:
        raise DataError(f"'{path}' holds no rows, only blank lines. Check how it was written.")
    columns = tuple(name.strip() for name in header[1])
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise DataError(
            f"'{path}' has more than one column named '{repeated[0]}'. Its first line must give "
            "each column a name of its own."
        )
    return Table(str(path), columns, partial(_delimited_rows, path, delimiter, columns))


def _delimited_rows(
    path: Path, delimiter: str, columns: tuple[str, ...], _: Sequence[str]
) -> Iterator[Row]:
    width = len(columns)
    rows = delimited(path, delimiter)
    next(rows)
    for place, fields in rows:
        if len(fields) != width:
            raise DataError(
                f"{place} has {len(fields)} fields, but the first line names {width} columns. "
                f"Put quotes around a text that holds {delimiter!r} or a line break."
            )
        yield place, dict(zip(columns, fields, strict=True))


def _json_table(path: Path) -> Table:
    if _first_line(path).lstrip().startswith("["):
        return _array_table(path)
    there = path.stat()
    columns = _json_columns(path, there.st_size, there.st_mtime_ns)
    return Table(str(path), columns, partial(_json_lines, path))


@lru_cache
def _json_columns(path: Path, size: int, changed: int) -> tuple[str, ...]:
    """Every field that a record has; asked again of the same file, it is not read again.

    A command opens a table to see what kind it is of, and again to read it.
    """
    del size, changed  # they tell one state of the file from another
    columns: dict[str, None] = {}
    for _, record in _json_lines(path, ()):
        if not columns.keys() >= record.keys():
            columns.update(dict.fromkeys(record))
    return tuple(columns)


def _json_lines(path: Path, _: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        place = Place("Line", number, str(path))
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as wrong:
            raise DataError(
                f"{place} is not valid JSON: {wrong}. Each line must be one object, "
                'such as {"query": "…", "document": "…"}.'
            ) from wrong
        yield place, _object(record, place)


def _array_table(path: Path) -> Table:
    try:
        records = json.loads("".join(lines(path)))
    except (ValueError, RecursionError) as wrong:
        raise DataError(
            f"'{path}' is not valid JSON: {wrong}. Write a list of objects, or one object a line."
        ) from wrong
    rows = [
        (place, _object(record, place))
        for number, record in enumerate(records, start=1)
        for place in (Place("Record", number, str(path)),)
    ]
    columns = tuple(dict.fromkeys(chain.from_iterable(record for _, record in rows)))
    return Table(str(path), columns, lambda _: iter(rows))


def _object(record: object, place: Place) -> Mapping[str, Any]:
    if isinstance(record, dict):
        return record
    raise DataError(
        f"{place} is a JSON {type(record).__name__}, not an object. Each record must be an "
        'object with named fields, such as {"query": "…", "document": "…"}.'
    )


def _parquet_table(path: Path) -> Table:
    columns = tuple(str(name) for name in _parquet_file(path).schema_arrow.names)
    return Table(str(path), columns, partial(_parquet_rows, path))


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    number = 0
    batches = _parquet_file(path).iter_batches(batch_size=_BATCH, columns=list(columns))
    while True:
        try:
            batch = next(batches, None)
        except (OSError, ValueError) as wrong:
            raise _bad_parquet(path, wrong) from wrong
        if batch is None:
            return
        for record in batch.to_pylist():
            number += 1
            yield Place("Row", number, str(path)), record


def _parquet_file(path: Path) -> Any:
    parquet = need("pyarrow.parquet", extra="parquet")
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as wrong:  # pyarrow's own errors are ValueErrors
        raise _bad_parquet(path, wrong) from wrong


def _bad_parquet(path: Path, wrong: Exception) -> DataError:
    return DataError(
        f"'{path}' cannot be read as Parquet: {wrong}. It may be cut off or of another format; "
        "write it again, or save the data as CSV or JSONL."
    )


def _first_line(path: Path) -> str:
    return next((line for line in lines(path) if line.strip()), "")

"""Queries in a file of their own, to be asked: nothing is known of their answers."""

from pathlib import Path

from tunewise.data.beir import add_queries
from tunewise.data.records import Records
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Place, format_of
from tunewise.data.textfile import lines
from tunewise.errors import DataError
from tunewise.task import Texts


def read_queries(path: Path) -> Texts:
    """The queries in a file: a query a line, or a table with ids and texts as data has them.

    The third line's query is `q3`; blank lines are passed over. Tables are JSONL (`_id`, `text`),
    CSV, TSV and Parquet. Raises DataError for a file without queries, or one that cannot be read.
    """
    records = Records(Remarks())
    if format_of(path) is None:
        for number, line in enumerate(lines(path), start=1):
            if line.strip():
                place = Place("Line", number, str(path))
                records.queries.add(f"q{number}", line.strip(), place)
    else:
        add_queries(records, path, {})
    found = records.queries
    if not found.ids:
        raise DataError(f"'{path}' holds no queries, only blank lines. Write one query a line.")
    return Texts(found.ids, found.texts)

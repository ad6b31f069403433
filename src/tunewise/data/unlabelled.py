"""Unlabelled: the queries that nobody has judged, of a task or of a file beside it."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from tunewise.data.columns import QUERIES, Kind, assign
from tunewise.data.fields import id_of, mended, short, text_of
from tunewise.data.remarks import Remarks
from tunewise.data.tables import format_of, open_table
from tunewise.data.textfile import lines
from tunewise.errors import DataError
from tunewise.task import Task, Texts

_ASKED = Kind("queries", {name: QUERIES.names[name] for name in ("query_id", "query")}, ("query",))


def unlabelled(task: Task, file: str | Path | None = None) -> Texts:
    """The queries of the task that have no judgments, or those of a file.

    The file is a table with a column of queries (and maybe one of ids), or a text file (.txt) with
    one query a line. Each text counts once; one that the task has keeps its id there, and is left
    out if it is judged. Raises DataError if no query is left.
    """
    if file is None:
        found = {
            key: text
            for key, text in zip(task.queries.ids, task.queries.texts, strict=True)
            if text.strip() and not task.judgments.get(key)
        }
    else:
        found = _beside(task, Path(file))
    if not found:
        where = f"'{task.source}'" if file is None else f"'{file}'"
        raise DataError(
            f"{where} has no query without judgments, so there is nothing to label. Give queries "
            "that people asked with --queries FILE: one a line (.txt), or a table with a column "
            "'query'."
        )
    return Texts(list(found), list(found.values()))


def _beside(task: Task, file: Path) -> dict[str, str]:
    known = {text.strip(): key for key, text in
             zip(task.queries.ids, task.queries.texts, strict=True)}  # fmt: skip
    found: dict[str, str] = {}
    for key, text in _queries(file):
        name = known.setdefault(text.strip(), key)
        if found.setdefault(name, text).strip() != text.strip() or _taken(task, name, text):
            raise DataError(
                f"'{file}' gives the query id '{name}' to {short(text)}, but another query has it "
                "already. Ids must be unique: rename it, or leave the ids out."
            )
    return {key: text for key, text in found.items() if not task.judgments.get(key)}


def _taken(task: Task, key: str, text: str) -> bool:
    known = task.queries.position
    return key in known and task.queries.text(key).strip() != text.strip()


def _queries(file: Path) -> Iterator[tuple[str, str]]:
    """Ids and texts; where the file has no ids they are made of the texts, to stay the same."""
    if file.suffix.lower() == ".txt" and format_of(file) is None:
        texts = (mended(line.strip()) for line in lines(file))
        yield from ((_named(text), text) for text in texts if text)
        return
    table = open_table(file)
    columns = assign(table, _ASKED, {}, Remarks())
    for place, row in table.rows(columns.used):
        text = mended(text_of(row.get(columns.by_role["query"]), place))
        if text.strip():
            name = columns["query_id"]
            yield (_named(text) if name is None else id_of(row.get(name), "query", place)), text


def _named(text: str) -> str:
    digest = blake2b(text.strip().encode("utf-8", "surrogatepass"), digest_size=5)
    return f"asked-{digest.hexdigest()}"

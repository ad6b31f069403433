"""Documents alone: what is there before anybody has asked or judged anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tunewise.data.columns import (
    DOCUMENTS,
    PAIRS,
    Columns,
    Kind,
    assign,
    match,
    require_found,
    validated,
)
from tunewise.data.fields import id_of, joined, mended, text_of
from tunewise.data.folders import documents_in, is_there
from tunewise.data.hub import PREFIX, hub_tables
from tunewise.data.records import Entries
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Place, Table, open_table
from tunewise.data.textfile import exists, lines
from tunewise.errors import DataError
from tunewise.finding import Finding
from tunewise.task import Texts

_PLAIN = (".txt", ".md", ".markdown", ".rst")


@dataclass(frozen=True)
class Documents:
    """Documents as read, their titles ("" for none) beside them and not in their texts."""

    texts: Texts
    titles: Sequence[str]
    source: str
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def whole(self, place: int) -> str:
        """Title and text of the document at this place, as `read_task` joins them."""
        return joined(self.titles[place], self.texts.texts[place])


def read_documents(
    path: str | Path,
    *,
    documents: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Documents:
    """The documents at this path; queries and judgments that lie beside them are left aside.

    `path` is a table (CSV, TSV, JSONL, JSON, Parquet) with a column of texts, maybe one of titles
    and one of ids; a folder with such a table (corpus.jsonl, documents.csv …) or several; a folder
    of text and Markdown files, each of which is a document; or `hf:NAME`. `documents` names the
    file, as in `read_task`. Documents without ids are one document if their texts are equal.
    Raises DataError for what cannot be read or holds no document.
    """
    chosen, remarks = validated(columns), Remarks()
    entries = Entries("document", remarks)
    titles: dict[str, str] = {}
    tables = _tables(path, documents, remarks)
    used = [_add(table, chosen, entries, titles, remarks) for table in tables]
    if tables:
        require_found(chosen, used, path)
    else:
        for place, key, text in _files(Path(path)):
            entries.add(key, text, place)
    if not any(text.strip() for text in entries.texts):
        raise DataError(
            f"'{path}' holds no documents with a text. Understood are a table with a column of "
            f"texts, and folders of {', '.join(_PLAIN)} files."
        )
    read_with: dict[str, Any] = {} if documents is None else {"documents": str(documents)}
    return Documents(
        Texts(entries.ids, entries.texts),
        [titles.get(key, "") for key in entries.ids],
        str(path),
        {**read_with, **({"columns": dict(columns)} if columns else {})},
        remarks.findings(),
    )


def _tables(path: str | Path, documents: str | Path | None, remarks: Remarks) -> list[Table]:
    if str(path).startswith(PREFIX):
        return [table for _, table in hub_tables(str(path), remarks)]
    place = is_there(Path(path))
    if documents is not None:
        beside = place / documents
        return [open_table(beside if exists(beside) and place.is_dir() else Path(documents))]
    return [open_table(file) for file in (documents_in(place) if place.is_dir() else [place])]


def _add(
    table: Table,
    chosen: Mapping[str, str],
    entries: Entries,
    titles: dict[str, str],
    remarks: Remarks,
) -> Columns:
    columns = assign(table, _kind(table, chosen), chosen, remarks)
    key_name, title_name = columns["document_id"], columns["title"]
    for place, row in table.rows(columns.used):
        text = text_of(row.get(columns["document"] or ""), place)
        title = text_of(row.get(title_name), place).strip() if title_name else ""
        if key_name:
            key = id_of(row.get(key_name), "document", place)
            if not entries.add(key, text, place):
                remarks.add("D003", place)
        elif text.strip():
            key = entries.named(text, place)
        else:
            continue
        titles.setdefault(key, mended(title))
    return columns


def _kind(table: Table, chosen: Mapping[str, str]) -> Kind:
    """Documents, which need no id; in a table of pairs a bare `id` is the row's."""
    names = dict(DOCUMENTS.names)
    if match(table.columns, PAIRS, chosen)["query"]:
        names["document_id"] = PAIRS.names["document_id"]
    return replace(DOCUMENTS, names=names, required=("document",))


def _files(folder: Path) -> list[tuple[Place, str, str]]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _PLAIN and path.is_file() and not path.name.startswith(".")
    )
    return [
        (Place("Line", 1, str(path)), path.relative_to(folder).as_posix(), "".join(lines(path)))
        for path in found
        if path.stat().st_size
    ]

"""Reading: a user's files, folder or hub data set become a `Task`.

What reading had to decide or leave out stands in `Task.findings`:

| code | severity | meaning |
|---|---|---|
| D001 | note | Columns taken by their names |
| D002 | warning | More than one column could be the query or the document |
| D003 | note | Repeated rows, kept once |
| D004 | warning | Queries in more than one part, kept in the part nearest to test |
| D005 | warning | The same query and document with different grades, the highest kept |
| D006 | warning | Grades below 0, counted as 0 |
| D007 | warning | Judgments for documents that do not exist, left out |
| D008 | warning | Judgments for queries that do not exist, left out |
| D009 | note | Grades with fractions: relevant means at least half the highest grade |
| D010 | note | Files or splits left aside |
| D011 | warning | Texts with half a character (a lone UTF-16 surrogate), replaced by U+FFFD |
| D012 | warning | Judged queries without a part while others have one, counted as train |
| D013 | warning | A column named like a division holds none of train, dev and test, left aside |
| D014 | warning | Queries in more than one group, the first kept |
| D015 | warning | Negatives that say what a right answer of their row says, left out |
| D016 | warning | Queries of the label file without any grade, left out |
| D080 | note | Judgments estimated from clicks, position bias taken out |
| D081 | warning | Rows of a click log that cannot be read, left out |
| D082 | warning | Rows of a click log whose document does not exist, left out |
| D083 | warning | Rows of a click log whose query does not exist, left out |
| D084 | note | Queries shown fewer than ten times, left out of what is judged by clicks |
| D085 | warning | Ranks whose examination the log does not tell, taken as 1/rank |
| D086 | warning | Queries with fewer than five clicks: what is relevant to them may be chance |
| D087 | warning | Click-through below one in a hundred |
| D088 | warning | Ranks that begin at 0, all counted one higher |
| D089 | note | No sessions in the click log, or too few: rows are drawn anew one by one |
| D092 | warning | Clicks nearly all at one rank: they tell of the rank, not of documents |
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunewise.data.beir import Separate, add_separate
from tunewise.data.clicklog import is_click_file, refuse_clicks
from tunewise.data.columns import PAIRS, assign, require_found, undivided, validated
from tunewise.data.docstrings import docstring_task
from tunewise.data.folders import Tables, is_there, layout, separate
from tunewise.data.hub import PREFIX, hub_tables, is_saved
from tunewise.data.labels import with_labels
from tunewise.data.making import told_made
from tunewise.data.records import Records
from tunewise.data.remarks import Remarks
from tunewise.data.rows import add_pairs
from tunewise.data.tables import Table, open_table
from tunewise.data.textfile import exists
from tunewise.data.write import stated
from tunewise.errors import DataError, OptionError
from tunewise.task import Task

DOCSTRINGS = "docstrings:"


def read_task(
    path: str | Path,
    *,
    documents: str | Path | None = None,
    queries: str | Path | None = None,
    judgments: str | Path | None = None,
    clicks: str | Path | None = None,
    labels: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Task:
    r"""The task in a file, a folder or a data set of the hub.

    `path` is one of
    - a file with pairs (query, document), triplets (… and negative) or scored pairs (… and
      score): CSV, TSV, JSONL, JSON or Parquet;
    - a folder with such files named train, dev and test;
    - a folder with documents, queries and judgments, as BEIR keeps them (corpus.jsonl,
      queries.jsonl, qrels/test.tsv) or in any of these formats, judgments also as TREC qrels,
      or with a log of clicks in their place (clicks.csv: query, document, rank, clicked);
    - `hf:NAME`, `hf:NAME:CONFIG` or `hf:NAME:CONFIG:SPLIT` for the datasets library;
    - `docstrings:` for the documentation of installed Python packages, or
      `docstrings:numpy,scipy` for that of some.

    `documents`, `queries` and `judgments` are paths for files with other names, looked up from
    here and then from the folder `path`; if `path` is a file beside documents and queries, it
    holds the judgments. `clicks` is a log of them to estimate judgments from, `path` itself if it
    is one beside documents: grades are then attraction, 0 to 1, and `Task.redrawn` its spread.
    `columns` says which column is which where the names do not (roles: query, document, negative,
    score, split, group, query_id, document_id, title, rank, clicked, session); "" means none.
    `labels` is a file that `tunewise label` wrote and somebody filled in: its grades are added as
    judgments of queries to be measured on.

    Texts are kept as they are, except that a title goes before its text on a line of its own.
    Documents without ids are one document if their texts are equal; so are queries. Raises
    DataError for what cannot be used and says where it is and what to do.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pairs = Path(folder, "pairs.csv")
    ...     _ = pairs.write_text("question,answer\nhow tall,300 m\nhow old,135 years\n")
    ...     task = read_task(pairs)
    >>> task.judgments
    {'q1': {'d1': 1.0}, 'q2': {'d2': 1.0}}
    >>> task.findings[0].title
    'Columns taken by their names'
    """
    given = {"documents": documents, "queries": queries, "judgments": judgments, "clicks": clicks}
    files = {role: str(file) for role, file in given.items() if file is not None}
    task = _read(path, files, columns)
    read_with: dict[str, Any] = {**files, "columns": dict(columns)} if columns else {**files}
    task = replace(task, read_with=read_with)
    return task if labels is None else with_labels(task, labels)


def _read(path: str | Path, given: Mapping[str, str], columns: Mapping[str, str] | None) -> Task:
    chosen = validated(columns)
    records = Records(Remarks())
    named = {role: Path(file) for role, file in given.items()}
    if named.keys() >= {"judgments", "clicks"}:
        raise OptionError(
            "judgments= and clicks= both say which documents answer which queries. Give one."
        )
    if set(named) - {"queries"} == {"documents"} and is_click_file(Path(path), chosen):
        named["clicks"] = Path(path)
    if str(path).startswith(DOCSTRINGS):
        packages = str(path).removeprefix(DOCSTRINGS)
        return docstring_task(packages.split(",") if packages else None)
    opened = open_all(path, records.remarks, named)
    if isinstance(opened, Separate):
        require_found(chosen, add_separate(records, opened, chosen), path)
        own = not named.keys() & {"judgments", "clicks"}
        return _as_stated(records, path, clicks=opened.clicks is not None, own=own)
    return _from_tables(records, opened, chosen, str(path))


def _as_stated(records: Records, path: str | Path, *, clicks: bool, own: bool) -> Task:
    """The records as a task, with what `write_task` said of them beside the files.

    A threshold goes with judgments, not with `clicks`; what was drawn anew with its `own` ones.
    """
    said = stated(Path(path))
    if said is None:
        return records.task(str(path))
    task = records.task(str(path), relevant_from=None if clicks else said.relevant_from)
    redrawn = task.redrawn or (said.redrawn_for(task.judgments) if own else ())
    findings = (*task.findings, *told_made(said.made))
    return replace(task, weights=said.weights, redrawn=redrawn, made=said.made, findings=findings)


def open_all(
    path: str | Path, remarks: Remarks, named: Mapping[str, Path] | None = None
) -> Sequence[tuple[str | None, Table]] | Separate:
    """The tables at this path, each with the part it is, or the files of documents and queries.

    `named` are the user's files by role. Raises DataError if nothing can be read there.
    """
    if str(path).startswith(PREFIX):
        if named:
            raise OptionError(
                "documents=, queries=, judgments= and clicks= go with a folder, not with hf:NAME. "
                "Leave them out, or save the data set as files."
            )
        return hub_tables(str(path), remarks)
    place = is_there(Path(path))
    if not named and place.is_dir() and is_saved(place):
        return hub_tables(str(path), remarks)
    stated(place)  # a task of ours that is unfinished is refused before it is guessed at
    files = _files(place, named or {}, remarks)
    if isinstance(files, Separate):
        return files
    return [(part, open_table(file)) for part, file in files.files]


def _files(place: Path, named: Mapping[str, Path], remarks: Remarks) -> Separate | Tables:
    if place.is_dir() and named:
        found = {role: _looked_up(file, place) for role, file in named.items()}
        return separate(place, remarks, **found)
    if place.is_dir():
        return layout(place, remarks)
    if not named:
        return Tables(((None, place),))
    if named.get("clicks") == place and "documents" in named:
        found = {role: _looked_up(file, place.parent) for role, file in named.items()}
        return Separate(found["documents"], found.get("queries"), (), place)
    if named.keys() >= {"documents", "queries"} and named.get("judgments", place) == place:
        found = {role: _looked_up(file, place.parent) for role, file in named.items()}
        return Separate(found["documents"], found["queries"], ((None, place),))
    raise OptionError(
        f"'{place}' is a file, so with documents= and queries= it is read as the judgments. Give "
        "both of these and no other judgments=, or the folder that holds the files. A click log is "
        "given as the data itself, beside documents=."
    )


def _looked_up(file: Path, folder: Path) -> Path:
    return is_there(folder / file if not exists(file) and exists(folder / file) else file)


def _from_tables(
    records: Records,
    tables: Sequence[tuple[str | None, Table]],
    chosen: Mapping[str, str],
    source: str,
) -> Task:
    negatives = 0
    for part, table in tables:
        refuse_clicks(table, chosen)
        columns = assign(
            table, PAIRS if part is None else undivided(PAIRS), chosen, records.remarks
        )
        require_found(chosen, [columns], table.source)
        negatives += add_pairs(records, table, columns, part=part)
    if not negatives and (equal := records.remarks.examples("D015")):
        raise DataError(
            f"Every negative of '{source}' says what the right answer of its row says "
            f"({equal[0]}), so nothing would be wrong. Check which columns are taken: "
            "columns={'document': …, 'negative': …} (--column negative=NAME), or '' for none."
        )
    return records.task(source)

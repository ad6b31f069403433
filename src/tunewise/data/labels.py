"""Labels: queries and documents in a file for people to grade, and read back as judgments.

The file is a CSV that a spreadsheet opens: one row for each query and document, `grade` left empty.
What a spreadsheet would run as a formula stands behind an apostrophe, and may come back with or
without it. Every query carries the weight of its draw (`measurement/label.py`).
"""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from tunewise.data.fields import id_of, short, text_of
from tunewise.data.tables import Place, Table, open_table
from tunewise.errors import DataError
from tunewise.files import whole
from tunewise.finding import Finding
from tunewise.task import Judgments, Task, Texts

COLUMNS = ("query_id", "query", "document_id", "document", "grade", "weight", "drawn")
_LEAST_MEAN = 1e-3  # of weights: drawn ones average 1, without their points up to a million
_NEEDED = ("query_id", "query", "document_id", "grade", "weight")
_CLIPPED = 1000  # characters of a document that are shown
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what spreadsheets run, or have been told not to
_MANGLED = (
    "Spreadsheets change what looks like a number or a date (007 becomes 7): open the file with "
    "all columns as text."
)


@dataclass(frozen=True)
class Drawn:
    """Queries to be labelled, in the order of the file, with what is to be looked at for each.

    `weights` and `documents` have one entry a query; `grades` those that are known already, from
    an earlier draw; `how` says how a query was drawn.
    """

    queries: Texts
    weights: Mapping[str, float]
    documents: Mapping[str, Sequence[str]]
    how: Mapping[str, str]
    grades: Judgments


def write_labels(drawn: Drawn, documents: Texts, path: Path) -> None:
    """Writes the file to be labelled, whole. Raises OutputError if it cannot be written."""
    # The byte order mark tells spreadsheets that this is UTF-8.
    with whole(path) as beside, beside.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for query, text in zip(drawn.queries.ids, drawn.queries.texts, strict=True):
            known = drawn.grades.get(query, {})
            for document in drawn.documents[query]:
                grade = f"{known[document]:g}" if document in known else ""
                shown = (query, text, document, _snippet(documents.text(document)))
                last = (grade, f"{drawn.weights[query]:.6f}", _guarded(drawn.how[query]))
                rows.writerow((*map(_guarded, shown), *last))


def with_labels(task: Task, path: str | Path) -> Task:
    """The task with the grades of a label file as judgments, its queries in the test part.

    A query of which no row is graded is left out and reported (D016); one that the task does not
    have is added to it. Raises DataError for documents or queries that are not those of the task,
    grades that are no numbers, rows that repeat each other, queries that are judged already, or
    a file without any grade.
    """
    rows = _rows(task, open_table(Path(path)))
    grades: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.grade is not None:
            grades.setdefault(row.query, {})[row.document] = row.grade
    if not grades:
        raise DataError(
            f"No row of '{path}' has a grade. Fill in the column 'grade': 0 for a document that "
            "does not answer the query, 1 or more for one that does."
        )
    texts = {row.query: row.text for row in rows if row.query in grades}
    new = {query: text for query, text in texts.items() if query not in task.queries.position}
    weights = _weights(rows)
    return replace(
        task,
        queries=Texts([*task.queries.ids, *new], [*task.queries.texts, *new.values()]),
        judgments={**task.judgments, **grades},
        parts={**task.parts, **dict.fromkeys(grades, "test")} if task.parts else task.parts,
        read_with={**task.read_with, "labels": str(path)},
        findings=(*task.findings, *_skipped(rows, grades)),
        weights={**task.weights, **{query: weights[query] for query in grades}},
        redrawn=tuple({**again, **grades} for again in task.redrawn),  # a grade by hand is fixed
    )


class _Row(NamedTuple):
    place: Place
    query: str
    text: str
    document: str
    grade: float | None
    weight: float | None


def _rows(task: Task, table: Table) -> list[_Row]:
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise DataError(
            f"'{table.source}' has no column {' and no '.join(map(repr, missing))}, so it is no "
            "file that `tunewise label` wrote. Judgments from elsewhere go with --judgments."
        )
    said = {_plain(text): key for key, text in
            zip(task.queries.ids, task.queries.texts, strict=True)}  # fmt: skip
    found: dict[tuple[str, str], _Row] = {}
    for place, cells in table.rows(table.columns):
        row = _row(place, cells)
        _check_query(task, row, said)
        _check_document(task, row, _unguarded(text_of(cells.get("document"), place)))
        if (row.query, row.document) in found:
            first = found[row.query, row.document].place
            raise DataError(
                f"{place} has query '{row.query}' and document '{row.document}' again, after "
                f"line {first.number}. Keep one of the two."
            )
        found[row.query, row.document] = row
    return list(found.values())


def _row(place: Place, cells: Mapping[str, Any]) -> _Row:
    query, text, document, grade, weight = (text_of(cells.get(n), place) for n in _NEEDED)
    return _Row(
        place,
        id_of(_unguarded(query), "query", place),
        _unguarded(text),
        id_of(_unguarded(document), "document", place),
        _number(grade, "grade", place, "0 for not relevant, 1 or more for relevant"),
        _number(weight, "weight", place, "what `tunewise label` wrote there"),
    )


def _number(cell: str, name: str, place: Place, wanted: str) -> float | None:
    """A number from 0 up, with a decimal point or comma; None for nothing."""
    if not cell.strip():
        return None
    try:
        number = float(cell.replace(",", ".").replace("_", " "))  # 1_0 is no number a person types
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise DataError(
            f"{place} has the {name} {short(cell)}, which is no number from 0 up. Write {wanted}"
            f"{', or nothing if nobody looked' if name == 'grade' else ''}."
        )
    return number


def _check_query(task: Task, row: _Row, said: Mapping[str, str]) -> None:
    place, query, text = row.place, row.query, _plain(row.text)
    if query not in task.queries.position:
        if text in said:
            raise DataError(
                f"{place} has a query '{query}', but in the data the query that says so is "
                f"'{said[text]}'. {_MANGLED}"
            )
        if not text:
            raise DataError(
                f"{place} has a query '{query}' that '{task.source}' does not have, and no text "
                "for it. Write its text in the column 'query', or give the data it was drawn from."
            )
    elif text and text != _plain(task.queries.text(query)):
        raise _other(place, "query", query, text, task.queries.text(query))
    if row.grade is not None and task.judgments.get(query):
        raise DataError(
            f"{place} grades query '{query}', which has judgments in '{task.source}' already. "
            "Remove it from one of the two."
        )


def _check_document(task: Task, row: _Row, shown: str) -> None:
    if row.document not in task.documents.position:
        raise DataError(
            f"{row.place} has a document '{row.document}' that '{task.source}' does not have. Give "
            f"the data that the file was drawn from. {_MANGLED}"
        )
    there = _snippet(task.documents.text(row.document))
    if row.grade is not None and shown and _plain(shown) != there:
        raise _other(row.place, "document", row.document, shown, there)


def _other(place: Place, noun: str, key: str, here: str, there: str) -> DataError:
    return DataError(
        f"{place}: {noun} '{key}' says {short(here)}, but in the data it says {short(there)}. If "
        f"it is another {noun} by now, label anew; if only its wording was changed, empty this "
        f"cell of the column '{noun}'."
    )


def _weights(rows: Sequence[_Row]) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    for row in rows:
        if row.weight is not None and weights.setdefault(row.query, row.weight) != row.weight:
            raise DataError(
                f"{row.place} gives query '{row.query}' the weight {row.weight:g}, and an earlier "
                f"row {weights[row.query]:g}. All rows of a query have the weight of its draw."
            )
    without = next((row for row in rows if not weights.get(row.query)), None)
    if without is not None:
        raise DataError(
            f"{without.place}: query '{without.query}' has no weight above 0. Leave the column "
            "'weight' as `tunewise label` wrote it; without it a mean over drawn queries is biased."
        )
    if not _LEAST_MEAN <= (mean := sum(weights.values()) / len(weights)) <= 1 / _LEAST_MEAN:
        raise DataError(
            f"The weights average {mean:g}, and about 1 as `tunewise label` wrote them. They may "
            "have lost their decimal points in a spreadsheet. Take the column 'weight' of the "
            "file as it was written."
        )
    return weights


def _skipped(rows: Sequence[_Row], grades: Judgments) -> list[Finding]:
    asked = {row.query: row.text for row in rows}
    left = [query for query in asked if query not in grades]
    found = Finding(
        "D016",
        "warning",
        "Queries of the label file without any grade, left out",
        len(left),
        tuple(f"query '{query}': {short(asked[query])}" for query in left[:3]),
        f"Label them too; {len(grades):,} of {len(asked):,} are. The file is in random order, so "
        "stopping halfway does no harm, but passing over those that are hard or have no answer "
        "moves the result.",
    )
    return [found] if left else []


def _snippet(text: str) -> str:
    line = _plain(text)
    return line if len(line) <= _CLIPPED else line[: _CLIPPED - 1] + "…"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell

"""Writing: a task as a BEIR folder, so that people and other tools can look into it."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tunewise.errors import DataError, OutputError
from tunewise.files import whole, write_text, writing
from tunewise.task import Judgments, Task

MANIFEST = "tunewise.json"
"""What BEIR has no place for; also the sign that the folder may be overwritten."""

_VERSION = 1
_PARTS = ("train", "dev", "test")


def write_task(task: Task, folder: str | Path) -> None:
    """Writes documents, queries and judgments to a folder that `read_task` reads.

    The files are corpus.jsonl, queries.jsonl, qrels/{train,dev,test}.tsv (or qrels.tsv if the
    task is not divided) and tunewise.json. Each is written whole, and a folder left unfinished
    is not read but can be written again. What is read back has the same fingerprint. Raises
    OutputError if the folder holds anything else than an earlier task or cannot be written, and
    DataError if only some judged queries have a part.

    >>> import tempfile
    >>> from tunewise.data.read import read_task
    >>> from tunewise.task import Texts
    >>> task = Task(Texts(["d1"], ["300 m"]), Texts(["q1"], ["how tall"]), {"q1": {"d1": 1.0}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_task(task, folder)
    ...     read_task(folder).fingerprint == task.fingerprint
    True
    """
    folder = Path(folder)
    judgments = _by_part(task)
    check_free(folder)
    _write_manifest(folder, {"complete": False})
    corpus = (
        {"_id": key, "title": "", "text": text}
        for key, text in zip(task.documents.ids, task.documents.texts, strict=True)
    )
    _write_lines(folder / "corpus.jsonl", corpus)
    _write_lines(folder / "queries.jsonl", _queries(task))
    for path in _judgment_files(folder):
        part = path.stem if path.stem in _PARTS else ""
        if part in judgments:
            _write_judgments(path, task, judgments[part])
        else:
            with writing(folder):
                path.unlink(missing_ok=True)
    facts: dict[str, Any] = {"relevant_from": task.relevant_from, "source": task.source}
    if task.made:
        facts |= {"made": {**task.made, "fingerprint": task.fingerprint}}
    if task.redrawn:
        facts["redrawn"] = [_in_order(again) for again in task.redrawn]
    if task.weights:
        facts["weights"] = dict(task.weights)
    _write_manifest(folder, {"complete": True, **facts})


@dataclass(frozen=True)
class Stated:
    """What `write_task` says of a task beside its files."""

    relevant_from: float
    weights: Mapping[str, float]
    made: Mapping[str, Any]
    redrawn: tuple[tuple[float, ...], ...]
    """Grades drawn anew, in the order of the sorted pairs of query and document."""

    def redrawn_for(self, judgments: Judgments) -> tuple[Judgments, ...]:
        """The judgments drawn anew; DataError if they do not go with these, changed since."""
        pairs = _pairs(judgments)
        wrong = [grades for grades in self.redrawn if len(grades) != len(pairs)]
        if wrong:
            raise DataError(
                f"'{MANIFEST}' has {len(wrong[0])} judgments drawn anew, but the folder holds "
                f"{len(pairs)} judgments. Write the task again, or remove this file."
            )
        return tuple(_restored(judgments, pairs, grades) for grades in self.redrawn)


def stated(folder: Path) -> Stated | None:
    """What `write_task` said, if it wrote this folder; None otherwise.

    Raises DataError if it was interrupted, or wrote another format.
    """
    path = folder / MANIFEST
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        version, threshold = facts["format"], facts.get("relevant_from")
        complete = facts["complete"] is True and version == _VERSION
        if not complete:
            _refuse(path, version)
        weights = {query: float(weight) for query, weight in facts.get("weights", {}).items()}
        redrawn = tuple(tuple(map(float, grades)) for grades in facts.get("redrawn", ()))
        return Stated(float(threshold), weights, dict(facts.get("made") or {}), redrawn)
    except OSError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError) as wrong:
        raise DataError(
            f"'{path}' is broken ({wrong}). Write the task again, or remove this file."
        ) from wrong


def _restored(
    judgments: Judgments, pairs: Sequence[tuple[str, str]], grades: Sequence[float]
) -> Judgments:
    again: dict[str, dict[str, float]] = {query: {} for query in judgments}
    for (query, document), grade in zip(pairs, grades, strict=True):
        again[query][document] = grade
    return again


def _in_order(judgments: Judgments) -> list[float]:
    return [judgments[query][document] for query, document in _pairs(judgments)]


def _pairs(judgments: Judgments) -> list[tuple[str, str]]:
    return sorted((query, document) for query in judgments for document in judgments[query])


def _refuse(path: Path, version: object) -> NoReturn:
    if version == _VERSION:
        raise DataError(f"'{path.parent}' was not written to the end. Write the task again.")
    raise DataError(
        f"'{path}' has format {version}, but this version of Tunewise reads format {_VERSION}. "
        "Write the task again, or use the version that wrote it."
    )


def _write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    content = json.dumps({"format": _VERSION, **facts}, indent=2)
    write_text(folder / MANIFEST, content + "\n")


def check_free(folder: str | Path) -> None:
    """Makes the folder; OutputError if it cannot be, or holds anything but a task of ours."""
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        holds_other = any(folder.iterdir()) and not (folder / MANIFEST).exists()
    if holds_other:
        raise OutputError(
            f"'{folder}' already holds files that are not a task written by Tunewise. Choose an "
            "empty folder, so that nothing of yours is overwritten or mixed in."
        )


def _by_part(task: Task) -> Mapping[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for query in task.judgments:
        parts.setdefault(task.parts.get(query, ""), []).append(query)
    if "" in parts and len(parts) > 1:
        raise DataError(
            f"Query '{parts[''][0]}' has judgments but no part, while others have one. Give every "
            "judged query a part (train, dev or test), or none."
        )
    return parts


def _judgment_files(folder: Path) -> list[Path]:
    return [folder / "qrels.tsv", *(folder / "qrels" / f"{part}.tsv" for part in _PARTS)]


def _queries(task: Task) -> Iterable[Mapping[str, Any]]:
    for key, text in zip(task.queries.ids, task.queries.texts, strict=True):
        group = task.groups.get(key)
        yield {"_id": key, "text": text, **({} if group is None else {"group": group})}


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    # Half a surrogate pair cannot be UTF-8; its backslash escape is also how JSON writes it.
    with (
        whole(path) as beside,
        beside.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _write_judgments(path: Path, task: Task, queries: Iterable[str]) -> None:
    with whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(("query-id", "corpus-id", "score"))
        for query in queries:
            for document, grade in task.judgments[query].items():
                shown = str(int(grade)) if float(grade).is_integer() else repr(float(grade))
                rows.writerow((query, document, shown))

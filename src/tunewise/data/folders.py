"""Folders: which file in a user's folder is what."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tunewise.data.beir import Separate
from tunewise.data.making import ALONE
from tunewise.data.records import part_named
from tunewise.data.remarks import Remarks
from tunewise.data.tables import UNDERSTOOD, format_of
from tunewise.data.textfile import exists
from tunewise.data.write import MANIFEST
from tunewise.errors import DataError

_DOCUMENTS = ("documents", "corpus", "docs", "collection", "passages")
_QUERIES = ("queries", "topics", "questions")
_JUDGMENTS = ("judgments", "judgements", "qrels", "relevance")
_CLICKS = ("clicks", "click_log", "clicklog", "impressions")
_PLAIN = (".txt", ".trec", ".qrels", ".qrel", "")
"""Endings, beside those of tables, that a judgments file may have."""


@dataclass(frozen=True)
class Tables:
    """Files with pairs, each with the part it holds (None: not divided)."""

    files: tuple[tuple[str | None, Path], ...]


def layout(folder: Path, remarks: Remarks) -> Separate | Tables:
    """What the files of this folder are, told by their names.

    Raises DataError if nothing is recognised, or two files claim the same place.
    """
    documents, queries = _one(folder, _DOCUMENTS), _one(folder, _QUERIES)
    if documents and (queries or _one(folder, _CLICKS)):
        return separate(folder, remarks, documents=documents, queries=queries)
    tables = [path for path in _files(folder) if format_of(path)]
    divided = [(part, path) for path in tables if (part := part_named(_shard(path)))]
    if divided:
        _leave_aside(tables, [path for _, path in divided], remarks)
        return Tables(tuple(divided))
    if len(tables) == 1:
        return Tables(((None, tables[0]),))
    raise _unrecognised(folder)


def documents_in(folder: Path) -> list[Path]:
    """The files of this folder that hold documents: the one named so, else all tables."""
    named = _one(folder, _DOCUMENTS)
    return [named] if named else [path for path in _files(folder) if format_of(path)]


def file_named(folder: Path, names: Sequence[str]) -> Path | None:
    """The table of this folder that has one of these names; DataError if several do."""
    return _one(folder, names)


def separate(
    folder: Path,
    remarks: Remarks,
    *,
    documents: Path | None = None,
    queries: Path | None = None,
    judgments: Path | None = None,
    clicks: Path | None = None,
) -> Separate:
    """The kinds of files: those given, the others looked up in the folder by name.

    Of a log of clicks and judgments by hand the latter are taken, unless the log was given.
    """
    documents = documents or _required(folder, _DOCUMENTS, "documents")
    divided: Sequence[tuple[str | None, Path]] = []
    if not clicks:
        divided = [(None, judgments)] if judgments else _judgments(folder, remarks)
        clicks = None if divided else _one(folder, _CLICKS)
    # A log may bring its queries as texts; judgments name them by id.
    queries = queries or (_one if clicks else partial(_required, role="queries"))(folder, _QUERIES)
    if not divided and not clicks:
        raise DataError(
            f"'{folder}' holds no judgments: which documents answer which queries. Add "
            "qrels/test.tsv (and train.tsv, dev.tsv) or judgments.tsv with query, document and "
            "grade, or pass judgments=. A click log (clicks.csv, or clicks=) does too. "
            f"{ALONE}"
        )
    taken = [path for path in (documents, queries, clicks, *(p for _, p in divided)) if path]
    tables = [path for path in _files(folder) if format_of(path)]
    _leave_aside([*tables, *(_inner(folder) if clicks else ())], taken, remarks)
    return Separate(documents, queries, tuple(divided), clicks)


def _judgments(folder: Path, remarks: Remarks) -> Sequence[tuple[str | None, Path]]:
    files = _inner(folder)
    divided = [(part, path) for path in files if (part := part_named(_stem(path)))]
    beside = _one(folder, _JUDGMENTS, endings=_PLAIN)
    if divided:
        others = files if beside is None else [*files, beside]
        _leave_aside(others, [path for _, path in divided], remarks)
        return divided
    single = [*files, *([beside] if beside else [])]
    if len(single) > 1:
        raise _ambiguous(single, "judgments")
    return [(None, path) for path in single]


def _inner(folder: Path) -> list[Path]:
    """The files with judgments in a folder of their own."""
    inner = next((folder / name for name in _JUDGMENTS if (folder / name).is_dir()), None)
    return [] if inner is None else [path for path in _files(inner) if _may_hold_judgments(path)]


def _one(folder: Path, names: Sequence[str], endings: Sequence[str] = ()) -> Path | None:
    found = [
        path
        for path in _files(folder)
        if _stem(path) in names and (format_of(path) or path.suffix.lower() in endings)
    ]
    if len(found) > 1:
        raise _ambiguous(found, names[0])
    return found[0] if found else None


def _required(folder: Path, names: Sequence[str], role: str) -> Path:
    found = _one(folder, names)
    if found is None:
        raise DataError(
            f"'{folder}' holds no file with the {role} (such as {names[0]}.jsonl). Add it, or "
            f"pass {role}= with its path.{f' {ALONE}' if role == 'queries' else ''}"
        )
    return found


def _may_hold_judgments(path: Path) -> bool:
    return format_of(path) is not None or path.suffix.lower() in _PLAIN


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return iter(())
    found = sorted(is_there(folder).iterdir())
    return (path for path in found if path.is_file() and not _is_ours(path))


def _is_ours(path: Path) -> bool:
    return path.name.startswith(".") or path.name == MANIFEST


def _stem(path: Path) -> str:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.stem.lower()


def _shard(path: Path) -> str:
    # Hubs store a part in pieces: train-00000-of-00002.parquet
    return re.sub(r"-\d+-of-\d+$", "", _stem(path))


def _leave_aside(found: Sequence[Path], taken: Sequence[Path], remarks: Remarks) -> None:
    used = {path.resolve() for path in taken}
    for path in found:
        if path.resolve() not in used:
            remarks.add("D010", path)


def _ambiguous(found: Sequence[Path], role: str) -> DataError:
    names = " and ".join(f"'{path}'" for path in found)
    return DataError(
        f"Both {names} could hold the {role}. Keep one of them, or pass {role}= with the path."
    )


def _unrecognised(folder: Path) -> DataError:
    found = [path.name + "/" * path.is_dir() for path in sorted(folder.iterdir())]
    shown = ", ".join(found[:10]) + (", …" if len(found) > 10 else "")
    return DataError(
        f"Nothing in '{folder}' is recognised as a task; it holds {shown or 'nothing'}. "
        "Understood are: documents, queries and judgments (corpus.jsonl, queries.jsonl, "
        "qrels/test.tsv); pairs divided into train, dev and test (train.csv, …); or a single "
        f"file with pairs. Formats: {UNDERSTOOD}. You can also pass documents=, queries= and "
        f"judgments=. {ALONE}"
    )


def is_there(path: Path) -> Path:
    """The path, if there is something at it that can be looked into; DataError otherwise."""
    if not exists(path):
        raise DataError(f"'{path}' does not exist. Check the spelling and the current folder.")
    if path.is_dir():
        try:
            next(path.iterdir(), path).lstat()
        except OSError as wrong:
            raise DataError(
                f"Cannot read the folder '{path}': {wrong.strerror}. Check that you are allowed to."
            ) from wrong
    return path

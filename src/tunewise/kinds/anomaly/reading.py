"""Reading: files with texts, few or none of them marked as odd, divided into parts.

Nothing is learned from odd texts, so none stays in train: those that the user put there are in dev,
where choices are made. Where no odd text has a part of its own, half of them go to test.

| what marks a text as odd | where it is said |
|---|---|
| its label | `Source.options["odd"]`: one label, or several with commas between |
| a column of 0 and 1 | a column called odd, is_odd, anomaly, outlier, or named by columns |
| the file it is in | `Source.files["odd"]`: a file or folder with nothing but odd texts |
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunewise.data.beir import Separate
from tunewise.data.columns import LABELLED, Kind, match, validated
from tunewise.data.fields import listed, short
from tunewise.data.groups import fewest_groups
from tunewise.data.near import near_duplicates
from tunewise.data.portions import (
    Entry,
    Kinship,
    Parts,
    Tables,
    entries,
    kin,
    leaks,
    placed,
    require_rows,
    text_in,
)
from tunewise.data.read import open_all
from tunewise.data.remarks import Remarks
from tunewise.data.split import share_out
from tunewise.errors import DataError, OptionError
from tunewise.kinds.anomaly.examples import USUAL_ALARMS, MarkedTexts
from tunewise.kinds.kind import Source

_MARKED = Kind(
    "texts",
    {
        **LABELLED.names,
        "odd": ("odd", "is_odd", "anomaly", "is_anomaly", "outlier", "is_outlier"),
    },
    ("text",),
    frozenset({"text", "label", "odd"}),
)
_OPTIONS = ("odd", "alarms")
_MARKS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_FEW_ODD = 30  # in test, below which intervals are wide whatever the number of normal texts
_TO_TEST = 0.5  # of the odd texts that have no part; dev needs them as much, to choose by


class _Row(NamedTuple):
    entry: Entry
    text: str
    label: str
    odd: bool


def read_marked(source: Source) -> MarkedTexts:
    """The texts at `source.path`, in their parts.

    The user's own parts are kept, missing ones are cut by group. `source.options["alarms"]` is the
    share of normal texts that may be taken for odd (0.05). Raises DataError for what cannot be
    used, OptionError for options, files and columns that do not exist.
    """
    alarms, chosen = _validated(source)
    remarks, rows = Remarks(), list[_Row]()
    wanted = labels_in(source.options.get("odd", ""))
    tables = _opened(source.path, remarks)
    if wanted:
        _require_labels(tables, chosen, wanted, source.path)
    rows += _read(tables, chosen, remarks, lambda label: label in wanted)
    for path in source.files.values():
        only_text = {role: name for role, name in chosen.items() if role == "text"}
        rows += _read(_opened(path, remarks), only_text, remarks, lambda _: True)
    require_rows(rows, remarks, source.path)
    _require_found(rows, wanted, source.path)
    return _divided(rows, alarms, remarks, source)


def _validated(source: Source) -> tuple[float, Mapping[str, str]]:
    for given, known, what in (
        (source.options, _OPTIONS, "option"),
        (source.files, ("odd",), "file"),
    ):
        if unknown := [name for name in given if name not in known]:
            raise OptionError(
                f"There is no {what} '{unknown[0]}' for anomaly. Choose from {', '.join(known)}."
            )
    return alarms_of(source.options), validated(source.columns, tuple(_MARKED.names))


def alarms_of(options: Mapping[str, str]) -> float:
    """The share of normal texts that may be taken for odd. OptionError for what is no share."""
    told = options.get("alarms", str(USUAL_ALARMS))
    try:
        alarms = float(told)
    except ValueError:
        alarms = 0.0
    if not 0 < alarms < 1:
        raise OptionError(
            f"alarms='{told}' is no share of normal texts that may be taken for odd. Give a number "
            "between 0 and 1, such as 0.05."
        )
    return alarms


def labels_in(told: str) -> frozenset[str]:
    """The labels in a list with commas between."""
    return frozenset(name.strip() for name in told.split(",") if name.strip())


def _opened(path: str, remarks: Remarks) -> Tables:
    found = open_all(path, remarks)
    if isinstance(found, Separate):
        raise OptionError(
            f"'{path}' holds documents, queries and judgments, but oddness is measured on texts by "
            "themselves. Give the file with the texts."
        )
    return found


def _require_labels(
    tables: Tables, chosen: Mapping[str, str], wanted: frozenset[str], path: str
) -> None:
    if not any(match(table.columns, _MARKED, chosen)["label"] for _, table in tables):
        raise DataError(
            f"odd='{','.join(sorted(wanted))}' names a label, but '{path}' has no column of "
            "labels. Say which one it is with columns={'label': …} (--column label=NAME), or mark "
            "odd texts in a column called odd."
        )


def _read(
    tables: Tables,
    chosen: Mapping[str, str],
    remarks: Remarks,
    is_odd: Callable[[str], bool],
) -> Iterator[_Row]:
    """The rows with a text; those are odd whose label is, or that are marked."""
    for entry in entries(tables, _MARKED, chosen, remarks):
        text, label = text_in(entry, "text", remarks), text_in(entry, "label", remarks).strip()
        if text.strip():
            yield _Row(entry, text, label, _marked(entry, remarks) or is_odd(label))
        else:
            remarks.add("D065", entry.place)


def _marked(entry: Entry, remarks: Remarks) -> bool:
    if "odd" not in entry.values:
        return False
    told = text_in(entry, "odd", remarks).strip()
    if told.casefold() not in _MARKS:
        raise DataError(
            f"{entry.place} has {short(told)} in the column that marks odd texts. Write 1 for an "
            "odd text and 0 for a normal one; where the column holds labels, name it so and the "
            "odd ones: columns={'label': …}, odd='LABEL' (--column label=NAME --set odd=LABEL)."
        )
    return _MARKS[told.casefold()]


def _require_found(rows: Sequence[_Row], wanted: frozenset[str], path: str) -> None:
    there = {row.label for row in rows}
    if absent := sorted(wanted - there):
        shown = listed(sorted(there - {""})) or "none"
        raise DataError(
            f"No text of '{path}' has the label '{absent[0]}', which was named as odd. Its labels "
            f"are {shown}. Check the spelling (capitals count)."
        )


def _divided(rows: Sequence[_Row], alarms: float, remarks: Remarks, source: Source) -> MarkedTexts:
    texts = [row.text for row in rows]
    odd = np.array([row.odd for row in rows], dtype=bool)
    names = sorted({row.label for row in rows} - {""})
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number.get(row.label, -1) for row in rows], dtype=np.int64)
    alike = near_duplicates(texts)
    groups = kin(len(rows), [(np.arange(len(rows)), alike)], [row.entry.group for row in rows])
    kinship = Kinship(groups, [f"{row.text}\x1f{row.label}" for row in rows], labels + 1)
    parts = _placed([row.entry.part for row in rows], odd, kinship, remarks, source)
    for row in leaks(parts, [alike]).tolist():
        remarks.add("D067", f"{rows[row].entry.place}: {short(texts[row])}")
    _look(texts, odd, parts, remarks)
    options = {**source.options, "alarms": alarms}
    read_with = {"columns": dict(source.columns), "files": dict(source.files), "options": options}
    return MarkedTexts(
        texts, odd, labels, names, parts, groups, alarms,
        source.path, {**read_with, "seed": source.seed}, remarks.findings(),
    )  # fmt: skip


def _placed(
    given: Sequence[str],
    odd: NDArray[np.bool_],
    kinship: Kinship,
    remarks: Remarks,
    source: Source,
) -> Parts:
    """The part of each row: normal texts divided as any are, odd ones between dev and test."""
    parts = np.full(len(given), "", dtype="U5")
    normal, rare = np.flatnonzero(~odd), np.flatnonzero(odd)
    if not len(normal):
        raise DataError(
            f"All texts of '{source.path}' are marked as odd, so there is nothing that they differ "
            "from. Add normal texts: they are what is learned from."
        )
    own = [given[row] for row in normal.tolist()]
    parts[normal] = placed(
        own, _only(kinship, normal), remarks, source=source.path, seed=source.seed
    )
    own = [given[row] for row in rare.tolist()]
    theirs = "test" in given and any(own)
    parts[rare] = _kept(own) if theirs else _shared(_only(kinship, rare), source.seed)
    if theirs and (moved := own.count("train")):
        remarks.add("D110", f"{moved} texts", times=moved)
    if len(rare) and not np.any(parts[rare] == "dev"):
        remarks.add("D111", f"{len(rare)} odd texts, all in test", times=len(rare))
    return parts


def _only(kinship: Kinship, rows: NDArray[np.int64]) -> Kinship:
    assert kinship.strata is not None  # noqa: S101 - they are the labels
    keys = [kinship.keys[row] for row in rows.tolist()]
    return Kinship(kinship.groups[rows], keys, kinship.strata[rows])


def _kept(given: Sequence[str]) -> Parts:
    """The part of each odd text as the user has it, but for train: that learns from normal ones."""
    return np.array([part if part == "test" else "dev" for part in given], dtype="U5")


def _shared(kinship: Kinship, seed: int) -> Parts:
    """The part of each odd text, half of them test by group; all where there are very few."""
    order = sorted(range(len(kinship.keys)), key=kinship.keys.__getitem__)
    numbers: dict[int, int] = {}
    groups = [numbers.setdefault(group, len(numbers)) for group in kinship.groups[order].tolist()]
    parts = np.full(len(order), "test", dtype="U5")
    if len(numbers) > fewest_groups():
        wanted = {"test": round(_TO_TEST * len(order))}
        parts[order] = share_out(np.array(groups, dtype=np.int64), wanted, "dev", seed)
    return parts


def _look(texts: Sequence[str], odd: NDArray[np.bool_], parts: Parts, remarks: Remarks) -> None:
    """Remarks on texts that are marked both ways, and on few odd ones to measure by."""
    marks: dict[str, set[bool]] = {}
    for text, mark in zip(texts, odd.tolist(), strict=True):
        marks.setdefault(" ".join(text.split()), set()).add(mark)
    for text, both in marks.items():
        if len(both) > 1:
            remarks.add("D068", f"{short(text)}: odd and normal")
    few = int(np.sum(odd & (parts == "test")))
    if 0 < few < _FEW_ODD:
        remarks.add("D112", f"{few} odd texts in test", times=few)

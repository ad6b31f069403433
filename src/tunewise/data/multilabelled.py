"""Texts with several labels each, or none: an empty list is an answer too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunewise.data.aligned import among, fingerprint
from tunewise.data.beir import Separate
from tunewise.data.columns import MULTILABELLED, validated
from tunewise.data.fields import mended, short, text_of
from tunewise.data.groups import Numbers
from tunewise.data.near import near_duplicates
from tunewise.data.portions import (
    Entry,
    Kinship,
    entries,
    kin,
    leaks,
    placed,
    require_rows,
    rows_in,
    text_in,
)
from tunewise.data.read import open_all
from tunewise.data.remarks import Remarks
from tunewise.errors import DataError, OptionError
from tunewise.finding import Finding

_SEPARATORS = ("|", ";", ",")


@dataclass(frozen=True)
class MultiLabelledTexts:
    """Texts with their labels, the part each is in, and which belong together.

    `labels` (n, names) says of each text which of the `names` it has; otherwise as
    `LabelledTexts`.
    """

    texts: Sequence[str]
    labels: NDArray[np.bool_]
    names: Sequence[str]
    parts: NDArray[np.str_]
    groups: NDArray[np.int64]
    source: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything learned or measured would."""
        labels = (
            "\x1d".join(self.names[label] for label in np.flatnonzero(own).tolist())
            for own in self.labels
        )
        rows = zip(self.texts, labels, self.parts, self.groups.tolist(), strict=True)
        return fingerprint("texts with several labels 1", rows)

    def take(self, part: str) -> "MultiLabelledTexts":
        """Those in this part; all names are kept. OptionError for what is no part."""
        return self.among(rows_in(self.parts, part))

    def among(self, rows: NDArray[np.int64]) -> "MultiLabelledTexts":
        """Those at these places; all names are kept, so that labels mean the same."""
        return among(self, rows, "texts", "labels", "parts", "groups")


def read_multilabelled(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    separator: str | None = None,
    seed: int = 0,
) -> MultiLabelledTexts:
    r"""Texts with several labels each, from a table with a text and `labels` (or a label).

    A list in JSONL or Parquet is taken as it is; a text is cut at `separator`, or, where none is
    given, at the one of | ; and , that most of the column has (told as D075). Parts are kept or
    cut as `read_examples` does; a label with any text at all has one in train.

    Raises DataError for what cannot be used, OptionError for a role that does not exist.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part, row in {"train": "a,red|big\nb,red", "dev": "c,big", "test": "d,"}.items():
    ...         _ = Path(folder, f"{part}.csv").write_text(f"text,labels\n{row}\n")
    ...     texts = read_multilabelled(folder)
    >>> texts.names, texts.take("train").labels.tolist(), texts.take("test").labels.tolist()
    (['big', 'red'], [[True, True], [False, True]], [[False, False]])
    """
    chosen, remarks = validated(columns, tuple(MULTILABELLED.names)), Remarks()
    opened = open_all(path, remarks)
    if isinstance(opened, Separate):
        raise DataError(
            f"'{path}' holds documents, queries and judgments, not texts with labels. Give the "
            "file with a text and its labels in each row."
        )
    every = (_read(entry, remarks) for entry in entries(opened, MULTILABELLED, chosen, remarks))
    rows = [row for row in every if row is not None]
    require_rows(rows, remarks, str(path))
    read_with: dict[str, Any] = {"columns": dict(chosen)} if chosen else {}
    read_with |= {"options": {"separator": separator}} if separator is not None else {}
    found = _divided(rows, separator, remarks, source=str(path), seed=seed)
    return replace(found, read_with={**read_with, "seed": seed}, findings=remarks.findings())


class _Row(NamedTuple):
    """A row with its labels as they were told: a list, or a text that holds several."""

    entry: Entry
    text: str
    told: list[Any] | str


def _read(entry: Entry, remarks: Remarks) -> _Row | None:
    text, told = text_in(entry, "text", remarks), entry.values.get("label")
    if not text.strip():
        remarks.add("D065", entry.place)
    elif told is None:
        remarks.add("D066", entry.place)
    else:
        return _Row(entry, text, told if isinstance(told, list) else text_of(told, entry.place))
    return None


def _divided(
    rows: Sequence[_Row], separator: str | None, remarks: Remarks, *, source: str, seed: int
) -> MultiLabelledTexts:
    texts = [row.text for row in rows]
    labels, names = _labels(rows, separator, remarks, source)
    alike = near_duplicates(texts)
    groups = kin(len(rows), [(np.arange(len(rows)), alike)], [row.entry.group for row in rows])
    keys = [f"{text}\x1f{np.flatnonzero(own)}" for text, own in zip(texts, labels, strict=True)]
    kinship = Kinship(groups, keys, _strata(labels, groups))
    parts = placed([row.entry.part for row in rows], kinship, remarks, source=source, seed=seed)
    for place in leaks(parts, [alike]).tolist():
        remarks.add("D067", f"{rows[place].entry.place}: {short(texts[place])}")
    for place in np.flatnonzero(~labels.any(axis=1)).tolist():
        remarks.add("D076", f"{rows[place].entry.place}: {short(texts[place])}")
    if np.any(train := parts == "train"):
        counts = labels[train].sum(axis=0)
        for label in np.flatnonzero(counts < 2).tolist():
            remarks.add("D069", f"{short(names[label])}: {counts[label]} in train")
    return MultiLabelledTexts(texts, labels, names, parts, groups, source)


def _labels(
    rows: Sequence[_Row], separator: str | None, remarks: Remarks, source: str
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which label each text has, bool (n, names), and the names in order of the alphabet."""
    fields = [row.told for row in rows if isinstance(row.told, str)]
    if separator is None:
        separator = _separator(fields, remarks)
    elif not any(separator in field for field in fields):
        seen = f"such as {short(fields[0])}" if fields else "which are lists"
        raise OptionError(
            f"The separator '{separator}' stands in none of the labels of '{source}', {seen}, so "
            "it parts nothing. Name the one that does, or leave it out."
        )
    several = [_cut(row, separator) for row in rows]
    names = sorted({name for own in several for name in own})
    if not names:
        raise DataError(
            f"No text of '{source}' has a label, so there is nothing to learn. Name the column "
            "that holds the labels: columns={'label': …} (--column label=NAME)."
        )
    number = {name: place for place, name in enumerate(names)}
    labels = np.zeros((len(rows), len(names)), dtype=bool)
    for row, own in enumerate(several):
        labels[row, [number[name] for name in own]] = True
    return labels, names


def _cut(row: _Row, separator: str | None) -> set[str]:
    if isinstance(row.told, list):
        told = [mended(text_of(one, row.entry.place)) for one in row.told]
    else:
        told = mended(row.told).split(separator) if separator else [mended(row.told)]
    return {name for one in told if (name := one.strip())}


def _separator(told: Sequence[str], remarks: Remarks) -> str | None:
    """Which of the usual separators most of the fields have; None where none has any."""
    times = {mark: sum(mark in field for field in told) for mark in _SEPARATORS}
    found = max(_SEPARATORS, key=lambda mark: times[mark])
    if not times[found]:
        return None
    remarks.add("D075", f"'{found}', in {times[found]} of {len(told)} fields", times=times[found])
    return found


def _strata(labels: NDArray[np.bool_], groups: Numbers) -> Numbers:
    """What the rows are spread by (n,): the rarest label of their group, so that rare ones are.

    The first step of iterative stratification (Sechidis et al. 2011), by group. Each stratum gives
    its first group to train; a label that is the rarest one nowhere gets a group for itself, so
    that no label is in dev and test alone.
    """
    number, count = np.unique(groups, return_inverse=True)[1], labels.shape[1]
    own = np.zeros((number.max() + 1, count), dtype=bool)
    np.logical_or.at(own, number, labels)
    times = own.sum(axis=0)
    rarest = np.where(own, times, len(own) + 1).argmin(axis=1)
    rarest[~own.any(axis=1)] = count
    for label in np.setdiff1d(np.flatnonzero(times), rarest).tolist():
        rarest[np.flatnonzero(own[:, label])[0]] = count + 1 + label
    return np.asarray(rarest[number], dtype=np.int64)

"""Labelled texts: each with the one class it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.aligned import among, fingerprint
from tunewise.data.columns import LABELLED
from tunewise.data.fields import short
from tunewise.data.near import near_duplicates
from tunewise.data.outside import Outside
from tunewise.data.portions import (
    Entry,
    Kinship,
    Tables,
    entries,
    kin,
    leaks,
    placed,
    require_rows,
    rows_in,
    text_in,
)
from tunewise.data.remarks import Remarks
from tunewise.errors import DataError
from tunewise.finding import Finding


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their labels, the part each is in, and which belong together.

    `labels` (n,) are places in `names`; `parts` (n,) are "train", "dev" and "test"; `groups`
    (n,) are equal for texts that say (nearly) the same or that the user put in one group.
    `source` and `read_with` are what `read_examples` was called with. `outside` are texts with
    none of the labels; None where nobody asked for such an answer.
    """

    texts: Sequence[str]
    labels: NDArray[np.int64]
    names: Sequence[str]
    parts: NDArray[np.str_]
    groups: NDArray[np.int64]
    source: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    outside: Outside | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything learned or measured would."""
        labels = (self.names[label] for label in self.labels.tolist())
        rows = zip(self.texts, labels, self.parts, self.groups.tolist(), strict=True)
        return fingerprint(
            "labelled texts 1", rows, "" if self.outside is None else self.outside.told
        )

    def take(self, part: str) -> "LabelledTexts":
        """Those in this part; all names are kept, so that labels mean the same.

        Raises OptionError for another name than train, dev and test.
        """
        outside = None if self.outside is None else self.outside.take(part)
        return replace(self.among(rows_in(self.parts, part)), outside=outside)

    def among(self, rows: NDArray[np.int64]) -> "LabelledTexts":
        """Those at these places; all names are kept, so that labels mean the same.

        What is outside stays as it is.
        """
        return among(self, rows, "texts", "labels", "parts", "groups")


def labelled_texts(
    tables: Tables, chosen: Mapping[str, str], remarks: Remarks, *, source: str, seed: int
) -> LabelledTexts:
    """The labelled texts in these tables, divided. Raises DataError for what cannot be used."""
    rows = [
        row for each in entries(tables, LABELLED, chosen, remarks) if (row := _read(each, remarks))
    ]
    require_rows(rows, remarks, source)
    texts, classes = [text for _, text, _ in rows], [label for _, _, label in rows]
    names = _sorted(set(classes))
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number[label] for label in classes], dtype=np.int64)
    _require_several(labels, names, f"'{source}'")
    alike = near_duplicates(texts)
    every = np.arange(len(rows))
    groups = kin(len(rows), [(every, alike)], [entry.group for entry, _, _ in rows])
    given = [entry.part for entry, _, _ in rows]
    kinship = Kinship(groups, [f"{t}\x1f{c}" for t, c in zip(texts, classes, strict=True)], labels)
    parts = placed(given, kinship, remarks, source=source, seed=seed)
    for row in leaks(parts, [alike]).tolist():
        remarks.add("D067", f"{rows[row][0].place}: {short(texts[row])}")
    _look(texts, labels, names, parts, remarks, source)
    return LabelledTexts(texts, labels, names, parts, groups, source, {}, remarks.findings())


def _read(entry: Entry, remarks: Remarks) -> tuple[Entry, str, str] | None:
    text, label = text_in(entry, "text", remarks), text_in(entry, "label", remarks).strip()
    if not text.strip():
        remarks.add("D065", entry.place)
    elif not label:
        remarks.add("D066", entry.place)
    else:
        return entry, text, label
    return None


def _sorted(names: set[str]) -> list[str]:
    """In order of the alphabet; numbers by size, so that 10 comes after 9."""
    if all(name.isascii() and name.isdigit() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _look(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    names: Sequence[str],
    parts: NDArray[np.str_],
    remarks: Remarks,
    source: str,
) -> None:
    """Refuses a train part of one class; remarks on labels without texts, and contradictions."""
    train = parts == "train"
    if np.any(train):
        _require_several(labels[train], names, f"the train part of '{source}'")
        counts = np.bincount(labels[train], minlength=len(names))
        for label in np.flatnonzero(counts < 2).tolist():
            remarks.add("D069", f"{short(names[label])}: {counts[label]} in train")
    labels_of: dict[str, set[int]] = {}
    for text, label in zip(texts, labels.tolist(), strict=True):
        labels_of.setdefault(" ".join(text.split()), set()).add(label)
    for text, several in labels_of.items():
        if len(several) > 1:
            shown = ", ".join(names[label] for label in sorted(several))
            remarks.add("D068", f"{short(text)}: {shown}")


def _require_several(labels: NDArray[np.int64], names: Sequence[str], where: str) -> None:
    if labels.min() == labels.max():
        raise DataError(
            f"All texts in {where} have the label '{names[labels[0]]}', so there is nothing to "
            "tell apart. Add texts with another label, or name the right column: "
            "columns={'label': …} (--column label=NAME)."
        )

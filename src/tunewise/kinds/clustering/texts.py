"""Texts to be grouped, with or without the groups they should come to, and their parts.

Texts with labels are `LabelledTexts`; texts without are the same with one name, the empty one. A
label that a contender may not see is -1: it groups the text and knows nothing of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.data.columns import LABELLED, match, validated
from tunewise.data.columns import Kind as Columns
from tunewise.data.examples import read_examples
from tunewise.data.fields import short
from tunewise.data.labelled import LabelledTexts
from tunewise.data.near import near_duplicates
from tunewise.data.portions import (
    Kinship,
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
from tunewise.data.tables import Place, Row, Table
from tunewise.data.textfile import lines
from tunewise.errors import DataError, OptionError
from tunewise.kinds.kind import Parts, Source, come_with, refuse

HIDDEN = -1
"""The label of a text whose group is not told."""

_ROLES = ("text", "label", "split", "group")
_OTHERS = ("text", "split", "group")
_PLAIN = Columns(
    "texts", {r: LABELLED.names[r] for r in _OTHERS}, ("text",), usual=frozenset(_OTHERS)
)
_TEST, _DEV = 0.25, 0.2  # of the groups, where whole groups are kept for test and dev
_LEAST = 2  # groups of a part
_LEAST_APART = 20  # groups of which a quarter, kept for test, can be drawn anew


def read(source: Source) -> LabelledTexts:
    """The texts at `source`: a table with a column of texts, or a text file with one a line.

    A column of labels holds the groups they should come to; "" means that none does. Options are
    "groups", how many there shall be, and "split": "class" keeps some groups for dev and test
    alone. Raises DataError for texts that cannot be grouped, OptionError for a senseless option.
    """
    refuse(replace(source, options={}), "clustering")
    chosen, options = validated(source.columns, _ROLES), _validated(source.options)
    opened = _opened(source.path)
    if chosen.get("label") or any(match(t.columns, LABELLED, chosen)["label"] for _, t in opened):
        read_in = read_examples(
            source.path, kind="labelled", columns=source.columns or None, seed=source.seed
        )
        assert isinstance(read_in, LabelledTexts)  # noqa: S101 - the kind was named
        found = read_in
    else:
        found = _unlabelled(opened, chosen, source)
    if options.get("split") == "class":
        found = _by_class(found, source.seed)
    _require_groups(found, options.get("groups"))
    told = {"columns": dict(chosen)} if chosen else {}
    return replace(found, read_with={**told, "options": options, "seed": source.seed})


def divide(examples: LabelledTexts, seed: int) -> Parts:
    """The parts they came with; of groups that are not in train, no label is told there."""
    del seed  # they came with their parts
    parts = come_with(examples, len(examples))
    if _option(examples, "split") != "class":
        return parts
    kept = examples.labels[examples.parts != "train"]
    train = _hidden(parts.train, np.isin(parts.train.labels, kept))
    return replace(parts, train=train, how={**parts.how, "by": "class"})


def take(part: LabelledTexts, rows: NDArray[np.int64]) -> LabelledTexts:
    """Those at these places; of train all texts stay, and the others' labels are not told.

    What is asked there is what more labels would bring, and a text can be grouped without one.
    """
    if not len(part) or part.parts[0] != "train":
        return part.among(rows)
    other = np.ones(len(part), dtype=bool)
    other[rows] = False
    return _hidden(part, other)


def has_gold(part: LabelledTexts) -> bool:
    """Whether it is known which groups the texts should come to."""
    return len(part.names) > 1


def wanted(part: LabelledTexts) -> int | None:
    """How many groups were asked for; None where nobody said."""
    asked = _option(part, "groups")
    return None if asked is None else int(asked)


def drawn_by(part: LabelledTexts) -> Sequence[str]:
    """What is drawn anew together: texts that nearly say the same, or, split by class, a label's.

    What is then asked is how well groups are found that nobody has seen, so it is labels that
    chance has picked.
    """
    whole = part.labels if _option(part, "split") == "class" else part.groups
    return [str(number) for number in whole.tolist()]


def _option(part: LabelledTexts, name: str) -> str | None:
    found: str | None = part.read_with.get("options", {}).get(name)
    return found


def _hidden(part: LabelledTexts, rows: NDArray[np.bool_]) -> LabelledTexts:
    return replace(part, labels=np.where(rows, HIDDEN, part.labels))


def _validated(options: Mapping[str, str]) -> dict[str, str]:
    for name in options:
        if name not in ("groups", "split"):
            raise OptionError(
                f"There is no option '{name}' for clustering: choose groups (how many) or split "
                "('class': some groups are kept for test alone)."
            )
    groups = options.get("groups")
    if groups is not None and not (groups.isdecimal() and int(groups) >= _LEAST):
        raise OptionError(
            f"'{groups}' is no number of groups. Give a whole number from {_LEAST}, or leave it "
            "out to have it chosen."
        )
    if options.get("split", "class") not in ("class", "rows"):
        raise OptionError(
            f"Texts cannot be divided by '{options['split']}'. Give 'class', which keeps some "
            "groups for test alone, or 'rows'."
        )
    return dict(options)


def _opened(path: str) -> Tables:
    place = Path(path)
    if place.name.lower().endswith((".txt", ".txt.gz")):
        return [(None, Table(path, ("text",), partial(_line_rows, place)))]
    opened = open_all(path, Remarks())
    if not isinstance(opened, Sequence):
        raise DataError(
            f"'{path}' holds documents, queries and judgments, so it is not known which texts to "
            "group. Give the file with the texts."
        )
    return opened


def _line_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    del columns  # there is one
    for number, line in enumerate(lines(path), start=1):
        yield Place("Line", number, str(path)), {"text": line.rstrip("\n")}


def _unlabelled(tables: Tables, chosen: Mapping[str, str], source: Source) -> LabelledTexts:
    remarks, rows = Remarks(), []
    named = {role: name for role, name in chosen.items() if role != "label"}
    for entry in entries(tables, _PLAIN, named, remarks):
        text = text_in(entry, "text", remarks)
        if text.strip():
            rows.append((entry, text))
        else:
            remarks.add("D065", entry.place)
    require_rows(rows, remarks, source.path)
    texts = [text for _, text in rows]
    alike = near_duplicates(texts)
    groups = kin(len(rows), [(np.arange(len(rows)), alike)], [entry.group for entry, _ in rows])
    given = [entry.part for entry, _ in rows]
    kinship = Kinship(groups, texts)
    parts = placed(given, kinship, remarks, source=source.path, seed=source.seed)
    for row in leaks(parts, [alike]).tolist():
        remarks.add("D067", f"{rows[row][0].place}: {short(texts[row])}")
    none = np.zeros(len(texts), dtype=np.int64)
    return LabelledTexts(texts, none, ("",), parts, groups, source.path, {}, remarks.findings())


def _by_class(found: LabelledTexts, seed: int) -> LabelledTexts:
    """The same texts, other parts: groups are of train, dev or test, none of two.

    Half of the texts of dev's and test's groups are put into train, where their labels are not
    told: groups are to be found among texts that hold them.
    """
    there = np.unique(found.labels)
    if len(there) < _LEAST_APART:
        raise DataError(
            f"'{found.source}' has {max(len(there), int(has_gold(found)))} groups, too few to keep "
            f"some for test alone: it takes {_LEAST_APART}. Leave out split=class."
        )
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(there)
    test = max(_LEAST, round(_TEST * len(there)))
    dev = test + max(_LEAST, round(_DEV * len(there)))
    groups, place = np.unique(found.groups, return_inverse=True)
    stays = rng.random(len(groups))[place] < 0.5
    parts = np.full(len(found), "train", dtype="U5")
    parts[np.isin(found.labels, drawn[:test]) & ~stays] = "test"
    parts[np.isin(found.labels, drawn[test:dev]) & ~stays] = "dev"
    return replace(found, parts=parts)


def _require_groups(found: LabelledTexts, asked: str | None) -> None:
    train = found.take("train")
    different = len({" ".join(text.split()) for text in train.texts})
    if 0 < different < _LEAST:
        raise DataError(
            f"All texts in the train part of '{found.source}' say the same, so there is nothing to "
            "group. Add texts, or name the right column: columns={'text': …} (--column text=NAME)."
        )
    if asked is not None and int(asked) > different:
        raise OptionError(
            f"{int(asked):,} groups were asked for, but the train part of '{found.source}' has "
            f"{different:,} different texts. Ask for fewer, or add texts."
        )

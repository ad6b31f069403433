"""Scored pairs: two texts of one kind, and how alike they are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tunewise.data.aligned import among, fingerprint
from tunewise.data.columns import SCORED
from tunewise.data.fields import short
from tunewise.data.groups import Numbers
from tunewise.data.near import near_duplicates
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
from tunewise.data.split import DIVISIBLE
from tunewise.data.tables import Place
from tunewise.errors import DataError
from tunewise.finding import Finding

Scores = NDArray[np.float64]


class _Scale(NamedTuple):
    """A usual scale, and from where on a score is no longer a high or a low one, but a slip."""

    low: float
    high: float
    below: float
    above: float


_SCALES = (
    _Scale(0, 1, -1, 5),
    _Scale(-1, 1, -1, 5),
    _Scale(0, 5, 0, 10),
    _Scale(0, 10, 0, 20),
    _Scale(0, 100, 0, 100),
)
_FEW = 0.01  # share of the scores that may be slips


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs of texts with how alike they are, the part each is in, and which belong together.

    `scores` (n,) are 0 (nothing in common) to 1 (the same), mapped from `scale`, the lowest and
    highest score of the original; `parts` (n,) are "train", "dev" and "test"; `groups` (n,) are
    equal for pairs that share a text, exactly or nearly, or that the user put in one group.
    `source` and `read_with` are what `read_examples` was called with.
    """

    first: Sequence[str]
    second: Sequence[str]
    scores: Scores
    parts: NDArray[np.str_]
    groups: NDArray[np.int64]
    scale: tuple[float, float]
    source: str = ""
    read_with: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when anything learned or measured would."""
        scores, groups = self.scores.tolist(), self.groups.tolist()
        rows = zip(self.first, self.second, scores, self.parts, groups, strict=True)
        return fingerprint("scored pairs 1", rows)

    @property
    def texts(self) -> list[str]:
        """Both texts of every pair, the first ones first."""
        return [*self.first, *self.second]

    def take(self, part: str) -> "ScoredPairs":
        """Those in this part. OptionError for another name than train, dev and test."""
        return self.among(rows_in(self.parts, part))

    def among(self, rows: NDArray[np.int64]) -> "ScoredPairs":
        """Those at these places."""
        return among(self, rows, "first", "second", "scores", "parts", "groups")


class _Row(NamedTuple):
    entry: Entry
    first: str
    second: str
    score: float


def scored_pairs(
    tables: Tables, chosen: Mapping[str, str], remarks: Remarks, *, source: str, seed: int
) -> ScoredPairs:
    """The scored pairs in these tables, divided. Raises DataError for what cannot be used."""
    found = [
        row for each in entries(tables, SCORED, chosen, remarks) if (row := _read(each, remarks))
    ]
    require_rows(found, remarks, source)
    rows, scores, scale = _scaled(found, remarks, source)
    first, second = [row.first for row in rows], [row.second for row in rows]
    alike = near_duplicates(first + second)
    groups = _groups(alike, [row.entry.group for row in rows], remarks)
    keys = [f"{row.first}\x1f{row.second}\x1f{row.score!r}" for row in rows]
    given = [row.entry.part for row in rows]
    parts = placed(given, Kinship(groups, keys), remarks, source=source, seed=seed)
    if "test" in given or not remarks.count("D073"):  # which says why texts are on both sides
        for place in leaks(parts, [alike[: len(rows)], alike[len(rows) :]]).tolist():
            remarks.add("D067", f"{rows[place].entry.place}: {short(rows[place].first)}")
    _contradictions(rows, remarks)
    return ScoredPairs(first, second, scores, parts, groups, scale, source, {}, remarks.findings())


def _read(entry: Entry, remarks: Remarks) -> _Row | None:
    first, second = (text_in(entry, role, remarks) for role in ("first", "second"))
    score = _score(entry.values.get("score"), entry.place)
    if first.strip() and second.strip():
        return _Row(entry, first, second, score)
    remarks.add("D065", entry.place)
    return None


def _score(value: Any, place: Place) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not math.isfinite(score):
        raise DataError(
            f"{place} has the score {short(str(value))}, which is not a finite number. Write how "
            "alike the two texts are, from 0 to 1 (names of classes, such as entailment, have to "
            "be mapped to numbers first); if another column is the score, say which: "
            "columns={'score': …} (--column score=NAME)."
        )
    return score


def _scaled(
    rows: Sequence[_Row], remarks: Remarks, source: str
) -> tuple[list[_Row], Scores, tuple[float, float]]:
    """The rows without slips, their scores as 0…1, and the scale these were on."""
    every = np.array([row.score for row in rows])
    scale, slips = _scale(every, source)
    for place in np.flatnonzero(slips).tolist():
        remarks.add("D062", f"{rows[place].entry.place}: {every[place]:g}")
    kept = np.flatnonzero(~slips)
    scores = every[kept]
    if len(kept) > 1 and scores.min() == scores.max():
        raise DataError(
            f"All scores of '{source}' are {scores[0]:g}, so no pair is more alike than another "
            "and nothing can be learned. Add pairs with other scores, or name the right column: "
            "columns={'score': …} (--column score=NAME); pairs that all belong together are a "
            "search: --kind search, of tune --kind retrieval."
        )
    told = f"scores of {scores.min():g} to {scores.max():g} are taken as {scale.low}…{scale.high}"
    remarks.add("D061", told, times=len(kept))
    for place in _lone(scores, scale):
        remarks.add("D063", f"{rows[kept[place]].entry.place}: {scores[place]:g}")
    if set(scores.tolist()) == {0.0, 1.0, 2.0}:
        remarks.add("D064", told, times=len(kept))
    mapped = (scores - scale.low) / (scale.high - scale.low)
    return [rows[place] for place in kept.tolist()], mapped, (float(scale.low), float(scale.high))


def _scale(scores: Scores, source: str) -> tuple[_Scale, NDArray[np.bool_]]:
    """The narrowest usual scale that holds all scores but a few slips far outside, and the slips.

    Whatever lies within 0…5 is no slip: high scores may be rare.
    """
    most = max(1, int(_FEW * len(scores))) if len(scores) > 2 else 0
    for scale in _SCALES:
        outside = (scores < scale.low) | (scores > scale.high)
        far = (scores < scale.below) | (scores > scale.above)
        if np.array_equal(outside, far) and np.sum(far) <= most:
            return scale, far
    usual = ", ".join(f"{scale.low}…{scale.high}" for scale in _SCALES)
    raise DataError(
        f"The scores of '{source}' go from {scores.min():g} to {scores.max():g} and fit no usual "
        f"scale ({usual}). Map them to 0…1, 0 for nothing in common and 1 for the same."
    )


def _lone(scores: Scores, scale: _Scale) -> list[int]:
    """Where scores stand but for which a narrower scale would do, if they are few."""
    for narrower in _SCALES[: _SCALES.index(scale)]:
        outside = np.flatnonzero((scores < narrower.low) | (scores > narrower.high))
        if len(outside) <= _FEW * len(scores):
            return [int(place) for place in outside]
    return []


def _groups(alike: Numbers, own: Sequence[str], remarks: Remarks) -> Numbers:
    """Pairs that share a text belong together; if that chains most, those that share both do."""
    count = len(own)
    every = np.arange(count)
    strict = kin(count, [(np.concatenate([every, every]), alike)], own)
    largest = int(np.bincount(strict).max(initial=0))
    if largest <= DIVISIBLE * count:
        return strict
    both = np.sort(np.stack([alike[:count], alike[count:]]), axis=0)
    loose = kin(count, [(every, np.unique(both, axis=1, return_inverse=True)[1].ravel())], own)
    if int(loose.max(initial=0)) == int(strict.max(initial=0)):
        return strict
    remarks.add("D073", f"{largest} of {count} pairs", times=largest)
    return loose


def _contradictions(rows: Sequence[_Row], remarks: Remarks) -> None:
    scores_of: dict[tuple[str, ...], set[float]] = {}
    for row in rows:
        pair = tuple(sorted((" ".join(row.first.split()), " ".join(row.second.split()))))
        scores_of.setdefault(pair, set()).add(row.score)
    for pair, several in scores_of.items():
        if len(several) > 1:
            shown = ", ".join(f"{score:g}" for score in sorted(several))
            remarks.add("D068", f"{short(pair[0])} and {short(pair[1])}: {shown}")

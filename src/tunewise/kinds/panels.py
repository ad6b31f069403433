"""Panels: what a report shows of a kind beside the figures all kinds have, in plain values.

A kind says what is to be seen; how it is drawn is the report's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

_BINS = 10  # of a reliability diagram
LEAST = 5  # answers that a dot of it stands for, where there are so many


@dataclass(frozen=True)
class Table:
    """Rows of words and numbers under their headings; a number is right-aligned.

    `said` is what the terminal says of it, where that should not wait for the page.
    """

    shape: ClassVar[str] = "table"
    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int]]
    said: str = ""


@dataclass(frozen=True)
class Line:
    """A named line of points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """Lines on common axes: a reliability diagram, precision by threshold.

    `diagonal` draws where y = x; `mark` an upright line at an x that was chosen.
    """

    shape: ClassVar[str] = "curves"
    title: str
    caption: str
    across: str
    up: str
    lines: Sequence[Line]
    diagonal: bool = False
    mark: float | None = None


@dataclass(frozen=True)
class Spots:
    """A map: spots (x, y, group), and each group's name at its middle."""

    shape: ClassVar[str] = "spots"
    title: str
    caption: str
    spots: Sequence[tuple[float, float, int]]
    names: Sequence[str]


@dataclass(frozen=True)
class Examples:
    """Texts to read, each with what is said of it."""

    shape: ClassVar[str] = "examples"
    title: str
    caption: str
    items: Sequence[tuple[str, str]]


Panel = Table | Curves | Spots | Examples


def apart(
    title: str,
    caption: str,
    scores: Mapping[str, Mapping[str, tuple[float, float]]],
    chosen: str,
) -> Table:
    """Of each contender each metric over all units, and over those left without some.

    Of the one that is recommended, `chosen`, the first metric is told in the terminal too.
    """
    metrics = list(next(iter(scores.values())))
    rows: list[Sequence[str | float]] = [
        [name, *(round(level, 4) for metric in metrics for level in own[metric])]
        for name, own in scores.items()
    ]
    columns = ("contender", *(f"{m}, {of}" for m in metrics for of in ("all", "without")))
    every, left = scores[chosen][metrics[0]]
    said = (
        f"{caption} {metrics[0]} of {chosen} is {left:z.3f} without them, {every:z.3f} with them."
    )
    return Table(title, caption, columns, rows, said)


def reliability(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """How sure answers (n,) are on average and how often they are right, in bins of a tenth.

    A bin of fewer than `LEAST` answers would say what chance says and is left out, unless all are.
    """
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    least = min(LEAST, int(counts.max(initial=0)))
    return [
        (float(sure[bins == b].mean()), float(right[bins == b].mean()))
        for b in range(_BINS)
        if counts[b] >= max(least, 1)
    ]


def plain(panel: Panel) -> dict[str, Any]:
    """Plain values, for JSON."""
    return {"shape": panel.shape, **asdict(panel)}


def excerpt(text: str, longest: int = 200) -> str:
    """The text, cut to so many letters.

    >>> excerpt("a kettle to be mended", longest=9)
    'a kettle…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


def bare(text: str) -> str:
    """The text but for case and space, as texts are compared to find those that say the same.

    >>> bare(" Mend  my KETTLE ")
    'mend my kettle'
    """
    return " ".join(text.casefold().split())

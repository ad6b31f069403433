"""What the runner kept, read back: cells, and the learning curves that cells of one draw make."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cells import FRACTIONS, scores_of, unpacked
from numpy.typing import NDArray
from run import Key

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """A contender of a cell: its dev mean, and its scores, one a query of the pool."""

    name: str
    tuned: bool
    rung: str | None
    plain: bool
    dev: float
    scores: Floats


@dataclass(frozen=True)
class Cell:
    """One cell. `train` and `dev` count queries; `groups`, `halves` are aligned with the pool's."""

    key: Key
    train: int
    dev: int
    groups: NDArray[np.int64]
    halves: NDArray[np.int64]
    contenders: tuple[Kept, ...]

    def best(self, *, tuned: bool) -> Kept:
        """The best on dev of its kind; of equals, the cheapest."""
        return max((c for c in self.contenders if c.tuned == tuned), key=lambda c: c.dev)

    def named(self, name: str) -> Kept:
        """The contender of this name."""
        return next(c for c in self.contenders if c.name == name)


@dataclass(frozen=True)
class Point:
    """One point of a learning curve: what tuning on so many queries gains, query by query.

    `gains` (pool,) is the best tuned contender minus the best untuned one, both chosen on dev.
    """

    size: str
    time: int
    train: int
    gains: Floats


@dataclass(frozen=True)
class Curve:
    """A draw's learning curve: points at fractions of the training queries, and what all bring."""

    task: str
    draw: int
    groups: NDArray[np.int64]
    points: tuple[Point, ...]
    truth: Point


def lines(folder: Path) -> list[str]:
    """The lines of all results, one a cell; what is still being written is left out."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jsonl"))]
    return [line for text in texts for line in text[: text.rfind("\n") + 1].splitlines()]


def key(line: str) -> Key:
    """Which cell a line holds."""
    told = json.loads(line)
    return Key(*(told[field] for field in Key.__dataclass_fields__))


def read(line: str) -> Cell | None:
    """The cell of a line; None where the task was too small for it."""
    told = json.loads(line)
    if "contenders" not in told:
        return None
    return Cell(
        key(line),
        told["train"],
        told["dev"],
        unpacked(told["groups"]).astype(np.int64),
        unpacked(told["halves"]).astype(np.int64),
        tuple(
            Kept(c["name"], c["tuned"], c["rung"], c["plain"], c["dev"], scores_of(c))
            for c in told["contenders"]
        ),
    )


def curves(cells: Iterable[Cell]) -> Iterator[Curve]:
    """The learning curve of each task and draw that has both parts and the whole of its train."""
    draws: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        if not cell.key.deep and cell.key.size in (*FRACTIONS, "all"):
            draws[cell.key.task, cell.key.draw].append(cell)
    for (task, draw), found in sorted(draws.items()):
        whole = next((cell for cell in found if cell.key.size == "all"), None)
        parts = [cell for cell in found if cell.key.size != "all"]
        if whole is not None and parts:
            parts.sort(key=lambda cell: (cell.train, cell.key.time))
            yield Curve(task, draw, whole.groups, tuple(map(_point, parts)), _point(whole))


def _point(cell: Cell) -> Point:
    gains = cell.best(tuned=True).scores - cell.best(tuned=False).scores
    return Point(cell.key.size, cell.key.time, cell.train, gains)

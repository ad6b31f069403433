"""What the runner kept, read back: cells, folds, and the learning curves that cells make."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cells import FEW, FRACTIONS, scores_of, unpacked
from numpy.typing import NDArray
from run import Key

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kept:
    """A contender of a cell: its dev mean, and its scores, one a query of the pool.

    `same_as` is the untuned contender that it scores exactly like, on dev and the whole pool:
    tuning gave that one back. Few queries measured in folds never ask for it.
    """

    name: str
    tuned: bool
    rung: str | None
    plain: bool
    dev: float
    scores: Floats
    same_as: str | None = None


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
class Folds:
    """A task of few queries measured in folds.

    `own` holds what was scored on its queries, each by contenders fitted without its fold, as a
    cell of which every query is in half 0. `pool` holds, by name, what the same contenders score
    on the pool when fitted on all of the few; `groups` are the pool's.
    """

    own: Cell
    groups: NDArray[np.int64]
    pool: Mapping[str, Floats]


@dataclass(frozen=True)
class Point:
    """One point of a learning curve: what tuning on so many queries gains, query by query.

    `gains` (pool,) is the best tuned contender of its training, chosen on dev, minus the untuned
    one that is best on dev beside all training queries: the same at every point.
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
    halves: NDArray[np.int64]
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


def held(line: str) -> bool:
    """Whether anything was measured: the task was not too small."""
    return "contenders" in json.loads(line)


def read(line: str) -> Cell | None:
    """The cell of a line; None where the task was too small for it, or measured in folds."""
    told = json.loads(line)
    if "contenders" not in told or "pool" in told:
        return None
    return Cell(
        key(line),
        told["train"],
        told["dev"],
        _numbers(told["groups"]),
        _numbers(told["halves"]),
        _with_same(_contenders(told)),
    )


def folds(line: str) -> Folds | None:
    """What a line of few queries holds; None where the task was too small, or it is a cell."""
    told = json.loads(line)
    if "pool" not in told:
        return None
    groups = _numbers(told["groups"])
    few = len(groups)
    return Folds(
        Cell(key(line), few, few, groups, np.zeros(few, dtype=np.int64), _contenders(told)),
        _numbers(told["pool"]["groups"]),
        {c["name"]: scores_of({"scores": c["pool"]}) for c in told["contenders"]},
    )


def decides(key: Key) -> bool:
    """Whether decisions are reached on such a cell: neither folds nor points of a curve."""
    return key.size not in (*FEW, *FRACTIONS)


def _contenders(told: Mapping[str, Any]) -> tuple[Kept, ...]:
    return tuple(
        Kept(c["name"], c["tuned"], c["rung"], c["plain"], c["dev"], scores_of(c))
        for c in told["contenders"]
    )


def _with_same(contenders: Sequence[Kept]) -> tuple[Kept, ...]:
    untuned = [one for one in contenders if not one.tuned]
    return tuple(
        replace(one, same_as=_same(one, untuned)) if one.tuned else one for one in contenders
    )


def _same(tuned: Kept, untuned: Iterable[Kept]) -> str | None:
    alike = (u for u in untuned if u.dev == tuned.dev and np.array_equal(u.scores, tuned.scores))
    return next((one.name for one in alike), None)


def _numbers(text: str) -> NDArray[np.int64]:
    return unpacked(text).astype(np.int64)


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
            base = whole.best(tuned=False).name
            points = [_point(cell, base) for cell in parts]
            yield Curve(task, draw, whole.groups, whole.halves, tuple(points), _point(whole, base))


def _point(cell: Cell, base: str) -> Point:
    gains = cell.best(tuned=True).scores - cell.named(base).scores
    return Point(cell.key.size, cell.key.time, cell.train, gains)

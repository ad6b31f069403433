"""Prefixes: what is left of a metric when only the first numbers of each vector are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from tunewise.measurement.kinds import Ground
from tunewise.training.exam import Encode

ENOUGH = 0.97
"""The share of the full vectors' score that a third of the dimensions should keep."""


@dataclass(frozen=True)
class Prefix:
    """The metric at `size` dimensions: of the base, tuned `without` Matryoshka, and `tuned` with.

    `without` is None where that run was not made.
    """

    size: int
    base: float
    without: float | None
    tuned: float


@dataclass(frozen=True)
class Prefixes:
    """The rows, most dimensions first, and whether `third` of `full` dimensions keep enough."""

    rows: tuple[Prefix, ...]
    third: int
    full: int
    why: str = ""

    @property
    def keeps(self) -> float:
        """The share of the full tuned score that a third of the dimensions keep."""
        at = {row.size: row.tuned for row in self.rows}
        return at[self.third] / at[self.full] if at[self.full] else 0.0

    @property
    def holds(self) -> bool:
        """Whether that is enough."""
        return self.keeps >= ENOUGH


def measure_prefixes(
    ground: Ground,
    asked: Sequence[int],
    full: int,
    *,
    base: Encode,
    without: Encode | None,
    tuned: Encode,
    why: str,
) -> Prefixes:
    """The metric at each of the dimensions asked for, at all of them and at a third.

    `why` is what could explain that a third does not hold.
    """
    third = max(1, round(full / 3))
    rows = [
        Prefix(
            size,
            ground.level(base, size),
            None if without is None else ground.level(without, size),
            ground.level(tuned, size),
        )
        for size in sorted({*asked, full, third}, reverse=True)
    ]
    return Prefixes(tuple(rows), third, full, why)

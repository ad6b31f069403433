"""Answers: how alike pairs are, and from where on a pair is called a duplicate.

Pairs that the data scores `ALIKE` or higher count as duplicates: all that are marked 1 where pairs
are marked 0 and 1, and from 4 on a scale of 0 to 5. The threshold is the likeness with the best F1
on dev; what it costs in precision and recall there stands beside it in the contender's settings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.scored import ScoredPairs
from tunewise.kinds.kind import Vectors
from tunewise.metrics import best_threshold

ALIKE = 0.8

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[str, str]]
Likeness = Callable[[Pairs], Floats]
"""How alike the two texts of each pair are (n,): 1 the same, 0 nothing in common."""


@dataclass(frozen=True)
class Answers:
    """`likeness` (n,) of pairs, and from which likeness on they are called duplicates.

    `threshold` is None where dev had nothing to choose it by; then no pair is called one.

    >>> Answers(np.array([0.9, 0.3]), threshold=0.5).duplicates.tolist()
    [True, False]
    """

    likeness: Floats
    threshold: float | None = None

    def __len__(self) -> int:
        return len(self.likeness)

    @property
    def duplicates(self) -> NDArray[np.bool_]:
        """Which pairs are called duplicates (n,)."""
        least = np.inf if self.threshold is None else self.threshold
        return np.asarray(self.likeness >= least)


def asked(part: ScoredPairs) -> Pairs:
    """The pairs of a part, without their scores."""
    return list(zip(part.first, part.second, strict=True))


def alike(part: ScoredPairs) -> NDArray[np.bool_]:
    """Which pairs of a part count as duplicates (n,)."""
    return np.asarray(part.scores >= ALIKE)


def answering(likeness: Likeness, settings: Mapping[str, Any]) -> Callable[[Pairs], Answers]:
    """What a contender answers: the likeness, and the threshold in its settings."""
    chosen = settings["threshold"]
    threshold = None if chosen is None else float(chosen["likeness"])
    return lambda pairs: Answers(likeness(pairs), threshold)


def cosines(vectors: Vectors) -> Floats:
    """The cosine of each pair (n,), of unit vectors (2n, d), the first texts' before the others'.

    That of a text without a vector is 0.
    """
    one, other = np.split(np.asarray(vectors, dtype=np.float64), 2)
    return np.asarray(np.einsum("nd,nd->n", one, other))


def both(pairs: Pairs) -> list[str]:
    """Both texts of every pair, the first ones first."""
    return [one for one, _ in pairs] + [other for _, other in pairs]


def threshold(likeness: Floats, part: ScoredPairs) -> dict[str, float] | None:
    """The threshold with the best F1 on a part, with its F1, precision and recall there.

    None without a pair that counts as a duplicate.
    """
    found = best_threshold(likeness, alike(part))
    if found is None:
        return None
    return {
        "likeness": found.score,
        "F1": found.f1,
        "precision": found.precision,
        "recall": found.recall,
    }

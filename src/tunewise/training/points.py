"""Points between the base's weights and the tuned ones, and what they give."""

from dataclasses import dataclass

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""How far the weights are moved from the base's to the tuned ones: the points of the frontier."""


@dataclass(frozen=True)
class Point:
    """Weights moved this share of the way: what the exam gives, and the exam of the other task."""

    share: float
    score: float
    kept: float | None = None

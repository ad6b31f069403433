"""Comparison: how two contenders differ on the same units, and how sure that is."""

from tunewise.comparison.comparison import Comparison, Interval, compare, interval, level_of
from tunewise.comparison.sample import TIE, Floats
from tunewise.comparison.words import signed, signed_interval

__all__ = [
    "TIE",
    "Comparison",
    "Floats",
    "Interval",
    "compare",
    "interval",
    "level_of",
    "signed",
    "signed_interval",
]

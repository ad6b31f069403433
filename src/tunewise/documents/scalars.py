"""Scalars: what a value that was written as text is: a number, true or false, or a text."""

import re
from collections.abc import Callable, Sequence

Scalar = str | int | float | bool

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")  # 007 is no number, but a name made of digits
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")

KINDS: Sequence[tuple[Callable[[str], object], Callable[[str], Scalar]]] = (
    (_WHOLE.fullmatch, int),
    (_DECIMAL.fullmatch, float),
    (lambda value: value.lower() in ("true", "false"), lambda value: value.lower() == "true"),
    (lambda _: True, str),
)
"""Whether a value can be of a kind, and how it becomes one; the last takes everything."""


def kind_of(value: str) -> int:
    """The first of `KINDS` that the value can be of."""
    return next(number for number, (fits, _) in enumerate(KINDS) if fits(value))


def typed(value: str) -> Scalar:
    """The value as what it reads like.

    >>> typed("2020"), typed("0.5"), typed("True"), typed("2020-01-31"), typed("007")
    (2020, 0.5, True, '2020-01-31', '007')
    """
    return KINDS[kind_of(value)][1](value)

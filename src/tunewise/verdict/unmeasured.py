"""What is to be said of tuned contenders that nobody measured."""

from collections.abc import Sequence


def not_measured(names: Sequence[str]) -> str:
    """That these were not measured, without a full stop.

    >>> not_measured(["partial", "full"])
    'partial and full were not measured'
    """
    *others, last = names
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{listed} {'were' if others else 'was'} not measured"

"""Fields: the value in one cell of a table as a text, an id or a grade."""

import math
from collections.abc import Sequence
from typing import Any

from tunewise.data.tables import Place
from tunewise.errors import DataError


def text_of(value: Any, place: Place) -> str:
    """A field's value as text; nothing at all is an empty text. DataError for lists and objects."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, int | float):
        # Tables with gaps turn whole numbers into floats: 7 and 7.0 are the same id.
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    raise DataError(
        f"{place} has a {type(value).__name__} where a text is needed ({short(str(value))}). "
        "Write one text in each field."
    )


def id_of(value: Any, noun: str, place: Place) -> str:
    """A field's value as an id, stripped. DataError if it is empty."""
    key = text_of(value, place).strip()
    if not key:
        raise DataError(f"{place} has no {noun} id. Give each {noun} an id of its own.")
    return mended(key)


def grade_of(value: Any, place: Place) -> float:
    """A field's value as a finite grade. DataError if it is not a number."""
    try:
        grade = float(value)
    except (TypeError, ValueError, OverflowError):
        grade = math.nan
    if not math.isfinite(grade):
        raise DataError(
            f"{place} has the grade {short(str(value))}, which is not a finite number. Write "
            "0 for not relevant and 1 or more for relevant; if the column is no grade, say so "
            "with columns={'score': ''} (--column score=)."
        )
    return grade


def joined(title: str, text: str) -> str:
    r"""A title before its text, on a line of its own.

    >>> joined("Loans", "Three weeks.")
    'Loans\nThree weeks.'
    """
    return "\n".join(part for part in (title, text) if part)


def mended(text: str) -> str:
    """The text with every half of a surrogate pair replaced by U+FFFD; mostly the text itself."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def short(text: str) -> str:
    """The text in quotes, cut to 40 characters, for messages."""
    return f"'{text}'" if len(text) <= 40 else f"'{text[:40]}…'"


def listed(names: Sequence[str], most: int = 12) -> str:
    """The first names with commas between, and how many more there are.

    >>> listed(["apple", "pear", "plum"], most=2)
    'apple, pear and 1 more'
    """
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"

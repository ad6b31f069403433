"""Filters: conditions on metadata, checked against the fields there are and written as SQL."""

import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from tunewise.collection.store import Kind, Value
from tunewise.errors import DataError, OptionError

Filter = Mapping[str, Any]
"""Field → value, or field → {operator: value}; all conditions have to hold."""

OPERATORS = {
    "text": ("eq", "in", "gte", "gt", "lte", "lt", "contains"),
    "number": ("eq", "in", "gte", "gt", "lte", "lt"),
    "flag": ("eq", "in"),
}
"""What each kind of field can be asked."""

DOCUMENT = "_document"
"""The field that every collection has: the id of the document a chunk was cut from."""

MOST_VALUES = 1_000
"""Values of a filter, those of all its `in`s together: a store reads 400,000 for a minute."""

MOST_CONDITIONS = 100
"""Conditions of a filter."""

MOST_LETTERS = 2_000_000
"""Letters of a filter, written as SQL."""

_SIGNS = {"eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}


@dataclass(frozen=True, slots=True)
class Field:
    """A metadata field: the column it lies in, and what its values are."""

    column: str
    kind: Kind


def condition(asked: Filter, fields: Mapping[str, Field]) -> str:
    """The filter as SQL; "" for none. A chunk that lacks a field fulfils no condition on it.

    Numbers are compared as 64-bit floats, texts letter by letter, so that ISO dates have their
    order; `contains` minds capitals. Raises OptionError for a field, operator or value that
    cannot be, and for more conditions, values or letters than a store reads in reasonable time.

    >>> condition({"year": {"gte": 2020}, "topic": "it's"},
    ...           {"year": Field("f0", "number"), "topic": Field("f1", "text")})
    "f0 >= 2020.0 AND f1 = 'it''s'"
    """
    known = {DOCUMENT: Field("document", "text"), **fields}
    parts: list[str] = []
    values = 0
    for name, wanted in asked.items():
        if name not in known:
            raise OptionError(
                f"There is no field {_shown(name)} to filter by. The fields here are: "
                f"{', '.join(known)}."
            )
        given = wanted if isinstance(wanted, Mapping) else {"eq": wanted}
        if not given:
            raise OptionError(
                f"The filter asks nothing of the field '{name}'. Write {{\"{name}\": VALUE}} or "
                f'{{"{name}": {{"eq": VALUE}}}}.'
            )
        values += sum(len(each) if _is_list(each) else 1 for each in given.values())
        _check_most(len(parts) + len(given), MOST_CONDITIONS, "conditions")
        _check_most(values, MOST_VALUES, "values")
        parts += [_one(name, known[name], word, value) for word, value in given.items()]
        _check_most(sum(map(len, parts)), MOST_LETTERS, "letters")
    return " AND ".join(parts)


def one_of(column: str, values: Sequence[str]) -> str:
    """The condition that a text column has one of these values; there has to be one at least."""
    return f"{column} IN ({', '.join(map(_quoted, values))})"


def kind_of(name: str, value: object) -> Kind:
    """What a metadata value is; DataError for what cannot be filtered by."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float) and _is_finite(value):
        return "number"
    if isinstance(value, str):
        return "text"
    raise DataError(
        f"The metadata field '{name}' holds {_shown(value)}, and only texts, finite numbers, true "
        "and false can be kept. Convert it or leave it out."
    )


def stored(value: Value) -> Value:
    """The value as columns hold it: every number a float."""
    return value if isinstance(value, str | bool) else float(value)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int past what a float holds
        return False


def _check_most(count: int, most: int, what: str) -> None:
    if count > most:
        raise OptionError(f"A filter may have {most:,} {what} in all. Ask for less at once.")


def _one(name: str, field: Field, word: str, value: object) -> str:
    if word not in OPERATORS[field.kind]:
        raise OptionError(
            f"The field '{name}' holds {_PLURAL[field.kind]}, which cannot be asked "
            f"{_shown(word)}. Choose one of {', '.join(OPERATORS[field.kind])}."
        )
    if word == "in":
        if not _is_list(value) or not value:
            raise OptionError(
                f"'in' takes a list of values for the field '{name}', not {_shown(value)}."
            )
        values = ", ".join(_literal(name, field, each) for each in value)
        return f"{field.column} IN ({values})"
    if word == "contains":
        return f"strpos({field.column}, {_literal(name, field, value)}) > 0"
    return f"{field.column} {_SIGNS[word]} {_literal(name, field, value)}"


def _shown(value: object) -> str:
    """The value for a message: short, however large it is, and of letters that any answer holds."""
    if isinstance(value, int) and not _is_finite(value):
        return "a number past 1.8e308"  # Python refuses to write thousands of digits
    return _BRIEF.repr(value)


_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 100
_PLURAL = {"text": "texts", "number": "numbers", "flag": "true or false"}


def _literal(name: str, field: Field, value: object) -> str:
    try:
        kind = kind_of(name, value)
    except DataError:
        kind = None
    if kind != field.kind:
        raise OptionError(
            f"The field '{name}' holds {_PLURAL[field.kind]}, and {_shown(value)} is none of these."
        )
    if isinstance(value, str):
        return _quoted(value)
    return str(value).upper() if isinstance(value, bool) else repr(float(value))  # type: ignore[arg-type]


def _quoted(text: str) -> str:
    if "\0" in text or (not text.isascii() and text != text.encode(errors="replace").decode()):
        raise OptionError(f"{_shown(text)} has a character that no store can hold. Leave it out.")
    return "'" + text.replace("'", "''") + "'"

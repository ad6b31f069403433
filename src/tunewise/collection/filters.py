"""Filters: conditions on metadata, checked against the fields there are and written as SQL."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    cannot be.

    >>> condition({"year": {"gte": 2020}, "topic": "it's"},
    ...           {"year": Field("f0", "number"), "topic": Field("f1", "text")})
    "f0 >= 2020.0 AND f1 = 'it''s'"
    """
    known = {DOCUMENT: Field("document", "text"), **fields}
    parts: list[str] = []
    for name, wanted in asked.items():
        if name not in known:
            raise OptionError(
                f"There is no field '{name}' to filter by. The fields here are: {', '.join(known)}."
            )
        given = wanted if isinstance(wanted, Mapping) else {"eq": wanted}
        if not given:
            raise OptionError(
                f"The filter asks nothing of the field '{name}'. Write {{\"{name}\": VALUE}} or "
                f'{{"{name}": {{"eq": VALUE}}}}.'
            )
        parts += [_one(name, known[name], word, value) for word, value in given.items()]
    return " AND ".join(parts)


def one_of(column: str, values: Sequence[str]) -> str:
    """The condition that a text column has one of these values; there has to be one at least."""
    return f"{column} IN ({', '.join(map(_quoted, values))})"


def kind_of(name: str, value: object) -> Kind:
    """What a metadata value is; DataError for what cannot be filtered by."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float) and math.isfinite(value):
        return "number"
    if isinstance(value, str):
        return "text"
    raise DataError(
        f"The metadata field '{name}' holds {value!r}, and only texts, finite numbers, true and "
        "false can be kept. Convert it or leave it out."
    )


def stored(value: Value) -> Value:
    """The value as columns hold it: every number a float."""
    return value if isinstance(value, str | bool) else float(value)


def _one(name: str, field: Field, word: str, value: object) -> str:
    if word not in OPERATORS[field.kind]:
        raise OptionError(
            f"The field '{name}' holds {_PLURAL[field.kind]}, which cannot be asked '{word}'. "
            f"Choose one of {', '.join(OPERATORS[field.kind])}."
        )
    if word == "in":
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise OptionError(f"'in' takes a list of values for the field '{name}', not {value!r}.")
        values = ", ".join(_literal(name, field, each) for each in value)
        return f"{field.column} IN ({values})"
    if word == "contains":
        return f"strpos({field.column}, {_literal(name, field, value)}) > 0"
    return f"{field.column} {_SIGNS[word]} {_literal(name, field, value)}"


_PLURAL = {"text": "texts", "number": "numbers", "flag": "true or false"}


def _literal(name: str, field: Field, value: object) -> str:
    try:
        kind = kind_of(name, value)
    except DataError:
        kind = None
    if kind != field.kind:
        raise OptionError(
            f"The field '{name}' holds {_PLURAL[field.kind]}, and {value!r} is none of these."
        )
    if isinstance(value, str):
        return _quoted(value)
    return str(value).upper() if isinstance(value, bool) else repr(float(value))  # type: ignore[arg-type]


def _quoted(text: str) -> str:
    if "\0" in text or (not text.isascii() and text != text.encode(errors="replace").decode()):
        raise OptionError(f"{text!r} has a character that no store can hold. Leave it out.")
    return "'" + text.replace("'", "''") + "'"

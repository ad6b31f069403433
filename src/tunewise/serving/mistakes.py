"""Mistakes: what is wrong with a body or a parameter, in words, without what was sent."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

_EXPECTED = {
    "string_type": "a text",
    "string_too_short": "a text of at least {min_length} letters",
    "string_too_long": "a text of at most {max_length} letters",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "too_short": "at least {min_length} items long",
    "too_long": "at most {max_length} items long",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}
"""By pydantic's types of errors, after "must be"; https://docs.pydantic.dev/latest/errors."""

# a field's name, or a chunk's id, which we gave out; any other key is somebody's text
_SHOWN = re.compile(r"\w[\w.\[\]-]{0,39}|[^\x00-\x1f\x7f']{1,200}#\d{1,9}")


def mistake(errors: Sequence[Mapping[str, Any]], body: Any) -> tuple[str, tuple[str, ...]]:
    """What is wrong first, and where, from the outermost parameter inwards; () for the whole body.

    `errors` are pydantic's, `body` what was read as JSON, bytes where it was not. A value that may
    be of several kinds has an error for each: they are told together.
    """
    first = errors[0]
    if isinstance(body, bytes):  # read, and not taken for JSON
        return (
            "The body is read as JSON where the header 'Content-Type: application/json' says so. "
            "Send that header."
        ), ()
    if first["type"] == "json_invalid":
        return f"The body is no JSON: {first['ctx']['error']}, at letter {first['loc'][-1]}.", ()
    place = _place(first, body)
    shown = _shown(place)
    if first["type"] == "extra_forbidden" and len(place) == 1:
        return "There is no such parameter. Leave it out.", place
    if first["type"] == "extra_forbidden":
        return f"{_named(place)} is no parameter. Leave it out.", shown
    if first["type"] == "missing":
        told = "is missing. Send it."
    elif expected := _expected([each for each in errors if _place(each, body) == place]):
        told = f"must be {expected}."
    else:
        told = f"is refused: {_words(first)}."
    return f"{_named(place)} {told}", shown


def _expected(errors: Sequence[Mapping[str, Any]]) -> str:
    """What would have been taken; nothing where one of the errors is not among those known."""
    if any(each["type"] not in _EXPECTED for each in errors):
        return ""
    found = [_EXPECTED[each["type"]].format(**each.get("ctx", {})) for each in errors]
    return re.sub(r"\b1 (letter|item)s\b", r"1 \1", " or ".join(dict.fromkeys(found)))


def _words(error: Mapping[str, Any]) -> str:
    """A check's own words, or pydantic's."""
    own = error.get("ctx", {}).get("error")
    return str(own if isinstance(own, ValueError) else error["msg"]).rstrip(".")


def _place(error: Mapping[str, Any], body: Any) -> tuple[str, ...]:
    """Where an error is, from the outermost field inwards, without pydantic's names of kinds."""
    where, *parts = error["loc"]
    if where != "body":
        return tuple(map(str, parts))
    place, at = list[str](), body
    for number, part in enumerate(parts, start=1):
        there = _has(at, part)
        if there or (error["type"] == "missing" and number == len(parts)):
            place.append(str(part))
            at = at[part] if there else None
        # else it is "int" or "list[str]": one of the kinds that the value may be of
    return tuple(place)


def _has(value: Any, part: Any) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _shown(place: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(takewhile(_SHOWN.fullmatch, place))


def _named(place: tuple[str, ...]) -> str:
    shown = _shown(place)
    if shown == place:
        return f"'{'.'.join(shown)}'" if shown else "The body"
    return f"Something in '{'.'.join(shown)}'" if shown else "A parameter"

"""Aligned: examples whose fields stand row by row, such as texts, their labels and their parts."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Aligned = TypeVar("Aligned", bound="DataclassInstance")


def among(examples: Aligned, rows: NDArray[np.int64], *fields: str) -> Aligned:
    """The examples at these places: of `fields` the values there, all others as they are."""

    def there(values: Any) -> Any:
        if isinstance(values, np.ndarray):
            return values[rows]
        return [values[row] for row in rows.tolist()]

    return replace(examples, **{name: there(getattr(examples, name)) for name in fields})


def fingerprint(head: str, rows: Iterable[Iterable[object]], tail: str = "") -> str:
    """Sixteen hexadecimal digits that change when a value of a row, their order or an end does."""
    digest = hashlib.sha256(head.encode())
    for row in rows:
        digest.update(("\x1f".join(map(str, row)) + "\x1e").encode("utf-8", "surrogatepass"))
    digest.update(tail.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]

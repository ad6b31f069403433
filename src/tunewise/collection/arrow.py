"""Rows as Arrow holds them, which is how LanceDB takes and gives them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tunewise.collection.store import Precision, Row

_PLAIN = ("id", "document", "digest", "place", "text", "told")


def schema(dimension: int, precision: Precision) -> Any:
    """The columns that every table has; those to filter by come later (pyarrow.Schema)."""
    import pyarrow as pa

    number = pa.float16() if precision == "float16" else pa.float32()
    types = [pa.int32() if name == "place" else pa.string() for name in _PLAIN]
    return pa.schema([*zip(_PLAIN, types, strict=True), ("vector", pa.list_(number, dimension))])


def batch(rows: Sequence[Row], like: Any) -> Any:
    """The rows in the columns of `like` (pyarrow.Table)."""
    import pyarrow as pa

    columns = []
    for column in like:
        if column.name == "vector":
            vectors = np.stack([row.vector for row in rows if row.vector is not None])
            flat = pa.array(vectors.astype(column.type.value_type.to_pandas_dtype()).ravel())
            columns.append(pa.FixedSizeListArray.from_arrays(flat, column.type.list_size))
        elif column.name in _PLAIN:
            columns.append(pa.array([getattr(row, column.name) for row in rows], column.type))
        else:
            columns.append(pa.array([row.fields.get(column.name) for row in rows], column.type))
    return pa.table(columns, schema=like)


def rows(found: Any) -> list[Row]:
    """The rows of a table (pyarrow.Table), with or without vectors."""
    names = found.schema.names
    fields = [name for name in names if name not in (*_PLAIN, "vector")]
    vectors: Any = [None] * found.num_rows
    if "vector" in names:
        flat = found.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.astype(np.float32).reshape(found.num_rows, -1)
    plain = found.drop_columns(["vector"]) if "vector" in names else found
    return [
        Row(
            **{name: row[name] for name in _PLAIN},
            fields={name: row[name] for name in fields if row[name] is not None},
            vector=vector,
        )
        for row, vector in zip(plain.to_pylist(), vectors, strict=True)
    ]

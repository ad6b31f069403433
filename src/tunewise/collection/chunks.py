"""Chunks as rows of a table, and rows as chunks."""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.filters import Field, one_of, stored
from tunewise.collection.stamp import VectorStamp
from tunewise.collection.store import Precision, Row, Table, Value
from tunewise.documents import Chunk
from tunewise.encoders.vectors import unit
from tunewise.errors import DataError, StoreError

Wanted = Callable[[Sequence[str]], Set[str]]
"""Those of some documents that are to be written still."""


def cut(vectors: NDArray[np.float32], stamp: VectorStamp) -> NDArray[np.float32]:
    """The numbers that the stamp says are kept, at unit length again."""
    if vectors.shape[1] == stamp.dimension:
        return vectors
    return unit(vectors[:, : stamp.dimension])


def check_chunks(chunks: Sequence[Chunk]) -> None:
    """Raises DataError for an id that comes twice, or text that no store can hold."""
    seen: set[str] = set()
    for chunk in chunks:
        if chunk.id in seen or not chunk.id:
            what = "has no id" if not chunk.id else f"'{chunk.id}' comes twice"
            raise DataError(f"A chunk {what}. Give each chunk an id of its own.")
        seen.add(chunk.id)
        texts = [chunk.text, *(each for each in chunk.metadata.values() if isinstance(each, str))]
        for text in (chunk.id, chunk.document, chunk.heading, *texts):
            if "\0" in text or text != text.encode(errors="replace").decode():
                raise DataError(
                    f"Chunk '{chunk.id}' has a character that no store can hold (NUL or half of a "
                    "surrogate pair). Take it out."
                )


def rows_of(
    chunks: Sequence[Chunk],
    digests: Mapping[str, str],
    fields: Mapping[str, Field],
    vectors: NDArray[np.float32],
    precision: Precision,
) -> list[Row]:
    """Chunks with their documents' checksums as they lie in a table of this precision."""
    return [
        _row_of(chunk, digests.get(chunk.document, ""), fields, vector, precision)
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]


def _row_of(
    chunk: Chunk,
    digest: str,
    fields: Mapping[str, Field],
    vector: NDArray[np.float32],
    precision: Precision,
) -> Row:
    told = {
        "start": chunk.start,
        "end": chunk.end,
        "total": chunk.total,
        "heading": chunk.heading,
        "metadata": dict(chunk.metadata),
    }
    text = json.dumps(told, ensure_ascii=False)
    held = _held(chunk, fields)
    row = Row(chunk.id, chunk.document, digest, chunk.index, chunk.text, text, held)
    return with_vector(replace(row, told=json.dumps([text, _sum_of(row), ""])), vector, precision)


def with_vector(row: Row, vector: NDArray[np.float32], precision: Precision) -> Row:
    """The row with another vector, and with the checksum of this."""
    text, own, _ = json.loads(row.told)
    sums = json.dumps([text, own, _digest(vector.astype(precision).tobytes())], ensure_ascii=False)
    return replace(row, told=sums, vector=vector)


def chunk_of(row: Row) -> Chunk:
    """The chunk that a row holds; StoreError if any of it is not what was written.

    Stores notice files that are cut off, but not a bit that changed on disk.
    """
    try:
        text, own, _ = json.loads(row.told)
        if own == _sum_of(replace(row, told=text)):
            told = json.loads(text)
            return Chunk(id=row.id, document=row.document, text=row.text, index=row.place, **told)
    except (ValueError, TypeError):  # it is damaged as well
        pass
    raise StoreError(
        f"Chunk '{row.id}' of document '{row.document}' is not what was written: the store's files "
        "are damaged. See what else is with `tunewise index DIR --check`, which has the damaged "
        "documents written anew if it is given --from."
    )


def chunks_of(table: Table, ids: Sequence[str]) -> dict[str, Chunk]:
    """The chunks of a table that have these ids, by id. Raises StoreError as `chunk_of` does."""
    rows = table.rows(one_of("id", ids)) if ids else []
    return {row.id: chunk_of(row) for row in rows}


def is_whole(row: Row, fields: Mapping[str, Field], precision: Precision) -> bool:
    """Whether a row is what was written: its text, its vector and what it is filtered by."""
    try:
        chunk = chunk_of(row)
    except StoreError:
        return False
    assert row.vector is not None  # noqa: S101 - read with it
    written = _digest(row.vector.astype(precision).tobytes())
    return written == json.loads(row.told)[2] and dict(row.fields) == _held(chunk, fields)


def same(first: Row, second: Row) -> bool:
    """Whether two rows hold the same chunk, whatever their vectors."""
    return chunk_of(first) == chunk_of(second) and first.digest == second.digest


def _held(chunk: Chunk, fields: Mapping[str, Field]) -> dict[str, Value]:
    """Metadata by the columns it can be filtered by."""
    return {fields[name].column: stored(value) for name, value in chunk.metadata.items()}


def _sum_of(row: Row) -> str:
    parts = [row.id, row.document, row.digest, row.place, row.text, row.told]
    return _digest(json.dumps(parts).encode())


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()

"""Chunks as rows of a table, and rows as chunks."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.filters import Field, stored
from tunewise.collection.stamp import VectorStamp
from tunewise.collection.store import Row, Value
from tunewise.documents import Chunk
from tunewise.errors import DataError


def cut(vectors: NDArray[np.float32], stamp: VectorStamp) -> NDArray[np.float32]:
    """The numbers that the stamp says are kept, at unit length again."""
    if vectors.shape[1] == stamp.dimension:
        return vectors
    first = vectors[:, : stamp.dimension]
    lengths = np.linalg.norm(first, axis=1, keepdims=True)
    return np.divide(first, np.where(lengths > 0, lengths, 1), dtype=np.float32)


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


def row_of(
    chunk: Chunk, digest: str, fields: Mapping[str, Field], vector: NDArray[np.float32]
) -> Row:
    """A chunk with its document's checksum as it lies in a table."""
    told = {
        "start": chunk.start,
        "end": chunk.end,
        "total": chunk.total,
        "heading": chunk.heading,
        "metadata": dict(chunk.metadata),
    }
    held: dict[str, Value] = {
        fields[name].column: stored(value) for name, value in chunk.metadata.items()
    }
    text = json.dumps(told, ensure_ascii=False)
    return Row(chunk.id, chunk.document, digest, chunk.index, chunk.text, text, held, vector)


def chunk_of(row: Row) -> Chunk:
    """The chunk that a row holds."""
    told = json.loads(row.told)
    return Chunk(id=row.id, document=row.document, text=row.text, index=row.place, **told)

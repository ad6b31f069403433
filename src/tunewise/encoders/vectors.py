"""Texts to vectors through a store: each distinct text is encoded once, ever."""

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.cache import Spent, Store
from tunewise.encoders.texts import as_texts, distinct, keys_of, readable
from tunewise.errors import EncoderError, OutputError
from tunewise.progress import Progress

Side = Literal["queries", "documents"]

_IN_MEMORY = 256 * 2**20  # bytes of a result; a larger one lies in a file that vanishes with it
_FLUSH = 2.0  # seconds of encoding that a kill may cost
_BLOCK = 65_536  # rows copied at once
_SHOWN = 80  # letters of a text shown in an error

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the vectors that were asked for, as soon as they are there.

    `places` (b,) says which of the texts they belong to, `vectors` is (b, d) as the model gave
    them; `done` is the share of all the work that is done with them; `tokens` were charged.
    """

    places: NDArray[np.int64]
    vectors: NDArray[np.float32]
    done: float
    tokens: int = 0


Produce = Callable[[Sequence[str]], Iterator[Batch]]
"""Gives every text's vector, batch by batch, in an order that only the texts decide."""


def encode(
    texts: Sequence[str],
    produce: Produce,
    store: Store,
    *,
    dimension: Callable[[], int],
    what: str,
    progress: Progress,
) -> NDArray[np.float32]:
    """Unit vectors of `texts`, shape (n, d): from the store where it has them, else produced.

    What is produced goes to the store as it comes, also when the run is broken off. Results
    above 256 MB are memory-mapped. Raises EncoderError, naming the text, for a vector that is
    not finite.
    """
    texts = as_texts(texts)
    if not len(texts):
        return np.zeros((0, dimension()), dtype=np.float32)
    keys = keys_of(texts)
    first, which = distinct(keys)
    keys = keys[first]
    out, missing = _kept(keys, store)
    if len(missing):
        wanted = [readable(texts[place]) for place in first[missing]]
        with _Writer(store) as writer:
            for batch, seconds in _timed(produce(wanted)):
                vectors = _checked(batch.vectors, batch.places, wanted)
                out = room(len(first), vectors.shape[1], store.folder) if out is None else out
                _check_width(vectors, store.dimension or out.shape[1])
                out[missing[batch.places]] = vectors
                spent = Spent(len(vectors), seconds, batch.tokens)
                writer.add(keys[missing[batch.places]], vectors, spent)
                progress(what, round(batch.done * len(wanted)), len(wanted))
    assert out is not None  # noqa: S101 - every text was kept or produced
    return out if len(first) == len(texts) else _spread(out, which, store.folder)


def room(rows: int, dimension: int, folder: Path | None) -> NDArray[np.float32]:
    """An array (rows, dimension) to be filled; a large one lies in a file under `folder`.

    The file has no name, so it vanishes with the array, even if the process is killed. None is
    the folder for temporary files. Raises OutputError when the disk has no room for it.
    """
    if 4 * rows * dimension <= _IN_MEMORY:
        return np.empty((rows, dimension), dtype=np.float32)
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            reserve(file.fileno(), 4 * rows * dimension)
            return np.memmap(file, dtype=np.float32, mode="r+", shape=(rows, dimension))
    except OSError as refusal:
        raise OutputError(
            f"There is no room for {rows:,} vectors in '{folder or tempfile.gettempdir()}': "
            f"{refusal.strerror or refusal}. Free some space, or set "
            f"{'TMPDIR' if folder is None else 'TUNEWISE_CACHE'} to another folder."
        ) from refusal


def reserve(file: int, size: int) -> None:
    """Makes an open file so large, and makes sure that the disk has the room for it."""
    if hasattr(os, "posix_fallocate"):
        # A hole in a mapped file would kill the process, unheard, when the disk is full.
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)


def _kept(
    keys: NDArray[np.bytes_], store: Store
) -> tuple[NDArray[np.float32] | None, NDArray[np.int64]]:
    """The vectors that the store has, in place, and which are missing."""
    rows = store.find(keys)
    known = np.flatnonzero(rows >= 0)
    if not len(known) or store.dimension is None:
        return None, np.arange(len(keys))
    out = room(len(keys), store.dimension, store.folder)
    good = store.read(rows[known], out, known)
    if not good.all():
        logger.warning(
            "%d vectors kept in %s are damaged and are encoded anew",
            np.count_nonzero(~good),
            store.folder,
        )
    rows[known[~good]] = -1
    return out, np.flatnonzero(rows < 0)


class _Writer:
    """Vectors on their way to the store: written every few seconds, whole batches at a time.

    Leaving its block writes the rest, also when the run is broken off.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: list[NDArray[np.bytes_]] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._spent = Spent()
        self._since = time.monotonic()

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def add(self, keys: NDArray[np.bytes_], vectors: NDArray[np.float32], spent: Spent) -> None:
        """Takes a batch, and writes if the last time is long enough ago."""
        self._keys.append(keys)
        self._vectors.append(vectors)
        self._spent = self._spent.plus(spent)
        if time.monotonic() - self._since > _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Writes what was taken."""
        keys, vectors, spent = self._keys, self._vectors, self._spent
        # Forgotten first: what a full disk refused is not tried again on the way out.
        self._keys, self._vectors, self._spent = [], [], Spent()
        if keys:
            self._store.append(np.concatenate(keys), np.concatenate(vectors), spent)
        self._since = time.monotonic()


def _timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch with the seconds it took."""
    start = time.perf_counter()
    for batch in batches:
        yield batch, time.perf_counter() - start
        start = time.perf_counter()


def _checked(
    vectors: NDArray[np.float32], places: NDArray[np.int64], texts: Sequence[str]
) -> NDArray[np.float32]:
    vectors = np.asarray(vectors, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        text = texts[places[bad[0]]]
        raise EncoderError(
            f"The encoder gave numbers that are not finite for {len(bad)} texts, the first being "
            f"'{text[:_SHOWN]}'. Such vectors cannot be compared: use another model or precision."
        )
    return unit(vectors)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (n, d) brought to length one; zeros stay.

    >>> unit(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _check_width(vectors: NDArray[np.float32], dimension: int) -> None:
    if vectors.shape[1] != dimension:
        raise EncoderError(
            f"The encoder gave vectors of {vectors.shape[1]} numbers, and before of {dimension}: "
            "the model behind the same name has changed. Use another cache folder "
            "(TUNEWISE_CACHE) for the new one."
        )


def _spread(
    distinct_vectors: NDArray[np.float32], which: NDArray[np.int64], folder: Path | None
) -> NDArray[np.float32]:
    out = room(len(which), distinct_vectors.shape[1], folder)
    for start in range(0, len(which), _BLOCK):
        out[start : start + _BLOCK] = distinct_vectors[which[start : start + _BLOCK]]
    return out

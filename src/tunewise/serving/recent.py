"""Recent: vectors at hand in memory, and those that lie on disk for reading."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder, TransformerEncoder
from tunewise.encoders.cache import VectorCache, stores
from tunewise.encoders.texts import keys_of
from tunewise.encoders.vectors import Side
from tunewise.errors import OutputError

Vectors = NDArray[np.float32]
_OVERHEAD = 200  # bytes of Python's own for each vector, about

logger = logging.getLogger(__name__)


class Recent:
    """The vectors last asked for, as many as fit so many bytes; texts are not in it."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._rows: OrderedDict[Hashable, Vectors] = OrderedDict()

    def get(self, key: Hashable) -> Vectors | None:
        """The vector (d,) kept for this key."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def keep(self, key: Hashable, row: Vectors) -> None:
        """Keeps a vector, and forgets those asked for longest ago where there is no room."""
        if key in self._rows:
            return
        self._rows[key] = row.copy()  # not the whole batch that it is a row of
        self._left -= row.nbytes + _OVERHEAD
        while self._left < 0:
            _, oldest = self._rows.popitem(last=False)
            self._left += oldest.nbytes + _OVERHEAD


class KeptVectors:
    """Vectors that measuring or indexing left on disk; what is missing is encoded, and not added.

    A server that wrote what it is asked would fill the disk in the end.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._turn = threading.Lock()  # several cores look up at once
        self._stores: dict[tuple[str, Side], VectorCache | None] = {}

    def vectors(self, encoder: Encoder, side: Side, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, d) of distinct texts."""
        store = self._store(encoder, side)
        if store is None:
            return encode(encoder, side, texts)
        out = np.empty((len(texts), encoder.dimension), dtype=np.float32)
        good = np.zeros(len(texts), dtype=np.bool_)
        try:
            with self._turn:
                rows = store.find(keys_of(texts))
                there = np.flatnonzero(rows >= 0)
                good[there] = store.read(rows[there], out, there)
        except OutputError as refusal:  # where the folder may not be locked, it cannot be read
            logger.warning("kept vectors are not used: %s", refusal)
            self._stores[encoder.stamp, side] = None
        if not good.all():
            missing = np.flatnonzero(~good)
            out[missing] = encode(encoder, side, [texts[place] for place in missing.tolist()])
        return out

    def _store(self, encoder: Encoder, side: Side) -> VectorCache | None:
        """The folder of this encoder's vectors, if there was one when it was first asked for."""
        key = encoder.stamp, side
        if key not in self._stores:  # two threads may both: they find the same
            both = stores(self._root, encoder.stamp, encoder.name)
            store = both[0] if side == "queries" else both[1]
            usable = (
                isinstance(encoder, TransformerEncoder)  # others look there by themselves
                and isinstance(store, VectorCache)
                and store.folder is not None
                and store.folder.is_dir()
            )
            self._stores[key] = store if usable and isinstance(store, VectorCache) else None
        return self._stores[key]


def encode(encoder: Encoder, side: Side, texts: Sequence[str]) -> Vectors:
    """Unit vectors (n, d) of texts of one side."""
    if side == "queries":
        return encoder.encode_queries(texts)
    return encoder.encode_documents(texts)

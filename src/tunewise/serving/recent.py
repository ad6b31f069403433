"""Recent: vectors at hand in memory, and those that lie on disk for reading."""

import logging
import threading
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
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
_PAGE, _PAGES = 2**20, 64  # bytes of a page at most, and pages at least

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Page:
    """Vectors (n, d) put one after another, and the key of each."""

    number: int
    rows: Vectors
    keys: list[Hashable] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.keys) == len(self.rows)

    @property
    def cost(self) -> int:
        return self.rows.nbytes + len(self.rows) * _OVERHEAD


class Recent:
    """The vectors last asked for, as many as fit so many bytes; texts are not in it.

    They lie in pages, too large for the C library's heap, which are forgotten as a whole: each by
    itself, forgotten among others that stay, would leave a hole of its size there.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._page = min(_PAGE, size // _PAGES)
        self._pages: deque[_Page] = deque()  # the oldest first
        self._filling: dict[int, _Page] = {}  # by how many numbers a vector has
        self._places: dict[Hashable, tuple[_Page, int]] = {}

    def get(self, key: Hashable) -> Vectors | None:
        """The vector (d,) kept for this key."""
        if (place := self._places.get(key)) is None:
            return None
        page, number = place
        row: Vectors = page.rows[number]
        if self._is_old(page):
            self._put(key, row)  # else it would soon be forgotten with its page
        return row

    def keep(self, key: Hashable, row: Vectors) -> None:
        """Keeps a vector, and forgets those asked for longest ago where there is no room."""
        if key not in self._places:
            self._put(key, row)

    def _put(self, key: Hashable, row: Vectors) -> None:
        page = self._filling.get(len(row))
        if page is None or page.is_full or self._is_old(page):
            page = self._fresh(len(row))
        if page is not None:
            page.rows[len(page.keys)] = row
            self._places[key] = page, len(page.keys)
            page.keys.append(key)

    def _is_old(self, page: _Page) -> bool:
        return 2 * page.number < self._pages[0].number + self._pages[-1].number

    def _fresh(self, numbers: int) -> _Page | None:
        """A new page, in place of the oldest where there is no room; None where it is too large."""
        count = max(1, self._page // (4 * numbers + _OVERHEAD))
        number = self._pages[-1].number + 1 if self._pages else 0
        page = _Page(number, np.empty((count, numbers), dtype=np.float32))
        while self._pages and self._left < page.cost:
            self._forget(self._pages.popleft())
        if self._left < page.cost:
            return None
        self._left -= page.cost
        self._pages.append(page)
        self._filling[numbers] = page
        return page

    def _forget(self, page: _Page) -> None:
        self._left += page.cost
        for key in page.keys:
            if self._places[key][0] is page:  # it may have been put into another since
                del self._places[key]
        numbers = page.rows.shape[1]
        if self._filling.get(numbers) is page:
            del self._filling[numbers]


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

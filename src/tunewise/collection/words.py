"""Words: search by words over a collection's chunks, scored as the verdict's contender does.

The index (BM25) is made in memory of all chunks when it is first asked, and made anew once the
table has changed: the same terms and scores as were measured, in every store. Who asks waits for
the new one a second, and is then answered by the one before.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.filters import one_of
from tunewise.collection.store import Table
from tunewise.retrieval import Analyzer, Bm25Index, build
from tunewise.retrieval.lexical import K1, B
from tunewise.task import Texts

_PATIENCE = 1.0  # seconds
_FEW = 500  # of the best by words, of which a store is asked first which pass a filter
_DEARER = 10  # times: an id that a store is asked about, than one of all that pass

By = Literal["vectors", "words", "hybrid"]


@dataclass(frozen=True)
class Retrieval:
    """How a collection is searched: by words with these settings, fused with vectors like this.

    `by` is what is done unless a search says otherwise.
    """

    by: By = "vectors"
    weight: float = 0.5
    method: str = "zscore"
    analyzer: Analyzer = field(default_factory=Analyzer)
    k1: float = K1
    b: float = B

    def to_dict(self) -> Mapping[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Retrieval":
        """What `to_dict` gave."""
        return cls(**{**told, "analyzer": Analyzer(**told["analyzer"])})


@dataclass(frozen=True)
class _Made:
    """An index, the version of the table that it is of, and the seconds that making it took.

    `marks` are the hashes of the texts (n,): eight bytes a chunk, where texts take hundreds. The
    ids of the index are in order.
    """

    version: int
    index: Bm25Index
    took: float
    marks: NDArray[np.int64]

    def places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Where in the index those of these chunks are that are in it."""
        every = self.index.document_ids
        found = np.array([bisect_left(every, id_) for id_ in ids], dtype=np.int64)
        there = [
            place < len(every) and every[place] == id_
            for place, id_ in zip(found.tolist(), ids, strict=True)
        ]
        return found[np.array(there, dtype=np.bool_)]


class Words:
    """The index by words of one table, as new as the table is or as could be made in a second.

    Ten thousand chunks take less than that, a million more than a minute.
    """

    def __init__(self, table: Table, retrieval: Retrieval) -> None:
        self._table, self._retrieval = table, retrieval
        self._made: _Made | None = None
        self._coming: Future[_Made] | None = None
        self._turn = threading.Lock()

    def best(self, query: str, k: int, where: str = "") -> list[tuple[str, float]]:
        """The k chunks with the highest scores, of all or of those that pass the condition.

        Of a change that is not in the index yet, what was added is not found, and what was removed
        or has another text by now is not given.
        """
        version = self._table.version
        made = self._made_for(version)
        if made.version == version and not where:
            return _ranked(made.index, query, k)[:k]
        hits = self._among(made, query, k, where)
        if made.version == version:
            return hits[:k]
        asked, same = k, self._same(made, hits[:k])
        while len(same) < k <= len(hits) >= asked:  # as many more as have changed
            asked += max(k - len(same), _FEW)
            hits = self._among(made, query, asked, where)
            same = self._same(made, hits[:asked])
        return same[:k]

    def _same(self, made: _Made, hits: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """Those whose text is the one that the index was made of."""
        if not hits:
            return []
        now = dict(zip(*self._table.texts(one_of("id", [id_ for id_, _ in hits])), strict=True))
        marks = made.marks[made.places([id_ for id_, _ in hits])].tolist()
        return [hit for hit, mark in zip(hits, marks, strict=True) if hash(now.get(hit[0])) == mark]

    def _among(self, made: _Made, query: str, k: int, where: str) -> list[tuple[str, float]]:
        """The best k of those that are in the table and pass the condition, and perhaps more."""
        index = made.index
        asked, rows = _FEW, len(index.document_ids)
        found = _ranked(index, query, asked)
        hits = self._passing(found[:asked], where)
        share = len(hits) / asked
        if len(hits) < k and len(found) >= asked and share**2 * rows > _DEARER * 2 * k:
            asked = int(2 * k / share)
            found = _ranked(index, query, asked)
            hits = self._passing(found[:asked], where)
        if len(hits) < k and len(found) >= asked:
            hits = _ranked(index, query, k, made.places(self._table.ids(where)))
        return hits[:k]

    def _passing(self, found: Sequence[tuple[str, float]], where: str) -> list[tuple[str, float]]:
        """Those of few hits that are in the table and pass the condition."""
        if not found:
            return []
        these = one_of("id", [id_ for id_, _ in found])
        among = set(self._table.ids(f"({where}) AND {these}" if where else these))
        return [hit for hit in found if hit[0] in among]

    def _made_for(self, version: int) -> _Made:
        """The index of this version, or the newest there is if waiting for that takes too long."""
        until = time.monotonic() + _PATIENCE
        while True:
            with self._turn:
                made = self._made
                if made is not None and made.version == version:
                    return made
                coming, first = self._coming or Future(), self._coming is None
                self._coming = coming
            if first:
                self._begin(coming)
            if made is not None and made.took > _PATIENCE:
                return made  # the next takes as long
            try:
                found = coming.result(None if made is None else until - time.monotonic())
            except TimeoutError:
                assert made is not None  # noqa: S101 - without one, nobody gives up waiting
                return made
            if found.version >= version:
                return found

    def _begin(self, coming: "Future[_Made]") -> None:
        """Has a thread make an index, of what is read here.

        A store may have a connection for each thread that asks it.
        """
        try:
            # the version first: what is written in between makes the next search look again
            version = self._table.version
            texts = Texts(*self._table.texts())
            threading.Thread(target=self._make, args=(version, texts, coming), daemon=True).start()
        except BaseException as error:
            self._failed(coming, error)

    def _make(self, version: int, texts: Texts, coming: "Future[_Made]") -> None:
        began, own = time.monotonic(), self._retrieval
        try:
            index = build(texts, own.analyzer, own.k1, own.b)
        except BaseException as error:
            self._failed(coming, error)
            return
        marks = np.fromiter(map(hash, texts.texts), dtype=np.int64, count=len(texts))
        made = _Made(version, index, time.monotonic() - began, marks)
        with self._turn:
            self._made, self._coming = made, None
        coming.set_result(made)

    def _failed(self, coming: "Future[_Made]", error: BaseException) -> None:
        """Tells those who wait, and has the next search try again."""
        with self._turn:
            self._coming = None
        coming.set_exception(error)


def _ranked(
    index: Bm25Index, query: str, depth: int, among: NDArray[np.int64] | None = None
) -> list[tuple[str, float]]:
    if not len(index.document_ids):
        return []
    found = index.rank(Texts(["q"], [query]), k=depth, among=among)
    pairs = zip(found.documents.tolist(), found.scores.tolist(), strict=True)
    return [(index.document_ids[place], score) for place, score in pairs]

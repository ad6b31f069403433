"""Words: search by words over a collection's chunks, scored as the verdict's contender does.

The index (BM25) is made of all chunks when it is first asked, unless it lies beside the table, and
made anew once the table has changed: the same terms and scores as were measured, in every store.
Who asks waits for the new one a second, and is then answered by the one before.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.filters import one_of
from tunewise.collection.retrieval import Retrieval
from tunewise.collection.store import Table
from tunewise.collection.word_index import (
    WordIndex,
    drop_index,
    load_index,
    make_index,
    save_index,
)
from tunewise.errors import StoreError
from tunewise.retrieval import Bm25Index
from tunewise.task import Texts

_PATIENCE = 1.0  # seconds
_FEW = 500  # of the best by words, of which a store is asked first which pass a filter
_DEARER = 10  # times: an id that a store is asked about, than one of all that pass


class Words:
    """The index by words of one table, as new as the table is or as could be made in a second.

    Ten thousand chunks take less than that, a million more than a minute.
    """

    def __init__(self, table: Table, retrieval: Retrieval) -> None:
        self._table, self._retrieval = table, retrieval
        self._made: WordIndex | None = None
        self._coming: Future[WordIndex] | None = None
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

    def _same(self, made: WordIndex, hits: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """Those whose text is the one that the index was made of."""
        if not hits:
            return []
        ids, texts = self._table.texts(one_of("id", [id_ for id_, _ in hits]))
        same = dict(zip(ids, made.same(ids, texts), strict=True))
        return [hit for hit in hits if same.get(hit[0])]

    def _among(self, made: WordIndex, query: str, k: int, where: str) -> list[tuple[str, float]]:
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

    def _made_for(self, version: int) -> WordIndex:
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

    def _begin(self, coming: "Future[WordIndex]") -> None:
        """Takes the index that was kept, or has a thread make one of what is read here.

        A store may have a connection for each thread that asks it.
        """
        try:
            # the version first: what is written in between makes the next search look again
            version = self._table.version
            beside = self._table.beside
            kept = None
            if beside is not None and self._made is None:
                kept = load_index(beside, version, self._retrieval)
            if kept is not None:
                self._done(kept, coming)
                return
            texts = Texts(*self._table.texts())
            told = (version, texts, beside, coming)
            threading.Thread(target=self._make, args=told, daemon=True).start()
        except BaseException as error:
            self._failed(coming, error)

    def _make(
        self, version: int, texts: Texts, beside: Path | None, coming: "Future[WordIndex]"
    ) -> None:
        try:
            made = make_index(version, texts, self._retrieval)
            if beside is not None and made.took > _PATIENCE:  # less is not worth the disk
                self._keep(made, beside)
        except BaseException as error:
            self._failed(coming, error)
            return
        self._done(made, coming)

    def _keep(self, made: WordIndex, beside: Path) -> None:
        """Keeps an index for the next process, unless the table is another by now.

        Whoever writes to it changes its version first and then removes what is kept: one of both
        sees what the other did.
        """
        try:
            if self._table.beside == beside:
                save_index(made, self._retrieval, beside)
            if self._table.beside == beside:
                return
        except StoreError:  # it was removed
            pass
        drop_index(beside)

    def _done(self, made: WordIndex, coming: "Future[WordIndex]") -> None:
        with self._turn:
            self._made, self._coming = made, None
        coming.set_result(made)

    def _failed(self, coming: "Future[WordIndex]", error: BaseException) -> None:
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

"""Words: search by words over a collection's chunks, scored as the verdict's contender does.

The index (BM25) is made in memory of all chunks when it is first asked, and made anew once the
table has changed: the same terms and scores as were measured, in every store.
"""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Literal

from tunewise.collection.filters import one_of
from tunewise.collection.store import Table
from tunewise.retrieval import Analyzer, Bm25Index, build
from tunewise.retrieval.lexical import K1, B
from tunewise.task import Texts

_FEW = 500  # of the best by words, of which a store is asked first which pass a filter

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


class Words:
    """The index by words of one table, as new as the table is."""

    def __init__(self, table: Table, retrieval: Retrieval) -> None:
        self._table, self._retrieval = table, retrieval
        self._made: tuple[int, Bm25Index] | None = None
        self._turn = threading.Lock()

    def best(self, query: str, k: int, where: str = "") -> list[tuple[str, float]]:
        """The k chunks with the highest scores, of all or of those that pass the condition."""
        index = self._index()
        if not where:
            return _ranked(index, query, k)[:k]
        # a store is asked about few ids as quickly as for a few thousand
        found = _ranked(index, query, _FEW)
        some = [id_ for id_, _ in found[:_FEW]]
        among = set(self._table.ids(f"({where}) AND {one_of('id', some)}")) if some else set()
        hits = [hit for hit in found[:_FEW] if hit[0] in among]
        if len(hits) < k and len(found) >= _FEW:
            among = set(self._table.ids(where))
            every = _ranked(index, query, len(index.document_ids))
            hits = list(islice((hit for hit in every if hit[0] in among), k))
        return hits[:k]

    def _index(self) -> Bm25Index:
        with self._turn:  # it takes seconds and memory: once, however many ask
            # the version first: what is written in between makes the next search look again
            version = self._table.version
            if self._made is None or self._made[0] != version:
                self._made = None  # the old one's memory goes before the new one takes its own
                own = self._retrieval
                texts = Texts(*self._table.texts())
                self._made = (version, build(texts, own.analyzer, own.k1, own.b))
            return self._made[1]


def _ranked(index: Bm25Index, query: str, depth: int) -> list[tuple[str, float]]:
    if not len(index.document_ids):
        return []
    found = index.rank(Texts(["q"], [query]), k=depth)
    pairs = zip(found.documents.tolist(), found.scores.tolist(), strict=True)
    return [(index.document_ids[place], score) for place, score in pairs]

"""Words: search by words over a collection's chunks, scored as the verdict's contender does.

The index (BM25) is made in memory of all chunks when it is first asked, and made anew once the
table has changed: the same terms and scores as were measured, in every store.
"""

from collections.abc import Collection as Some
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tunewise.collection.store import Table
from tunewise.retrieval import Analyzer, Bm25Index, build
from tunewise.retrieval.lexical import K1, B
from tunewise.task import Texts

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

    def best(self, query: str, k: int, among: Some[str] | None) -> list[tuple[str, float]]:
        """The k chunks with the highest scores, of all or of those with these ids."""
        index = self._index()
        if not len(index.document_ids):
            return []
        depth = k if among is None else len(index.document_ids)
        ranked = index.rank(Texts(["q"], [query]), k=depth)
        found = zip(ranked.documents.tolist(), ranked.scores.tolist(), strict=True)
        named = ((index.document_ids[place], score) for place, score in found)
        return [hit for hit in named if among is None or hit[0] in among][:k]

    def _index(self) -> Bm25Index:
        # the version first: what is written in between makes the next search look again
        version = self._table.version
        if self._made is None or self._made[0] != version:
            rows = self._table.rows()
            texts = Texts([row.id for row in rows], [row.text for row in rows])
            own = self._retrieval
            self._made = (version, build(texts, own.analyzer, own.k1, own.b))
        return self._made[1]

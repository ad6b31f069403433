"""Looks: how well an adapter does on dev, asked many times while one is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewise.metrics import score
from tunewise.retrieval import nearest
from tunewise.task import Judgments, Training
from tunewise.training.adapter import Adapter
from tunewise.training.contrast import Vectors

_QUERIES = 500  # dev queries asked at most
_DOCUMENTS = 10_000  # documents ranked, about
_DEPTH = 20  # and as deep as this


@dataclass(frozen=True)
class Looks:
    """A sample of dev, and the documents it is ranked against; called with an adapter.

    On a large corpus the documents are the base's best for each query, the judged ones, and
    others drawn at random: the score is then a little high, for every adapter alike.
    """

    queries: Vectors
    query_ids: Sequence[str]
    judgments: Judgments
    documents: Vectors
    document_ids: Sequence[str]
    metric: str
    relevant_from: float

    def __call__(self, adapter: Adapter) -> float:
        """The mean score of the sample with this adapter."""
        ranked = nearest(
            adapter.queries(self.queries),
            adapter.documents(self.documents),
            self.query_ids,
            self.document_ids,
            k=_DEPTH,
        )
        scores = score(ranked, self.judgments, [self.metric], relevant_from=self.relevant_from)
        return scores.mean(self.metric)


def looks(
    training: Training, queries: Vectors, documents: Vectors, metric: str, *, seed: int
) -> Looks:
    """What to look at, for dev query vectors (q, d) and document vectors (n, d)."""
    generator = np.random.default_rng(seed)
    dev, corpus = training.dev, training.documents
    asked = np.sort(generator.permutation(len(dev))[:_QUERIES])
    ids = [dev.queries.ids[int(place)] for place in asked]
    pool: NDArray[np.int64] = np.arange(len(corpus))
    if len(corpus) > _DOCUMENTS:
        hard = nearest(queries[asked], documents, ids, corpus.ids, k=_DEPTH).documents
        judged = [corpus.position[d] for query in ids for d in dev.judgments[query]]
        pool = _pool(hard, np.array(judged, dtype=np.int64), len(corpus), generator)
    return Looks(
        queries=queries[asked],
        query_ids=ids,
        judgments={query: dev.judgments[query] for query in ids},
        documents=documents[pool],
        document_ids=[corpus.ids[int(place)] for place in pool],
        metric=metric,
        relevant_from=training.relevant_from,
    )


def _pool(
    hard: NDArray[np.int64], judged: NDArray[np.int64], size: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    drawn = generator.integers(0, size, _DOCUMENTS)
    return np.unique(np.concatenate([hard, judged, drawn]))

"""What is found under a filter, of what exact search finds among the rows that pass it."""

import numpy as np
import pytest

from tunewise.collection import Collection

ROWS, QUERIES, DIMENSION, CLUSTERS, K = 24_000, 12, 48, 200, 10
SHARES = (0.001, 0.01, 0.1, 0.3, 0.6, 0.9, 1.0)


class Given:
    """An encoder whose texts are row numbers, and whose vectors were drawn before."""

    name, stamp, dimension, max_tokens = "given", "0" * 16, DIMENSION, None

    def __init__(self):
        rng = np.random.default_rng(3)
        centres = unit(rng.standard_normal((CLUSTERS, DIMENSION)))
        which = rng.integers(CLUSTERS, size=ROWS)
        self.rows = unit(centres[which] + 0.08 * rng.standard_normal((ROWS, DIMENSION)))
        near = np.argsort(-(centres @ centres[0]))[:5]  # all queries from one side of the space
        drawn = centres[rng.choice(near, QUERIES)]
        self.queries = unit(drawn + 0.08 * rng.standard_normal((QUERIES, DIMENSION)))
        self.filters = {
            "random": rng.permutation(ROWS) / ROWS,
            # passes what lies farthest from the queries first: no neighbour of theirs
            "far": np.argsort(np.argsort(self.rows @ centres[0])) / ROWS,
        }

    def encode_documents(self, texts, **_):
        return self.rows[[int(text) for text in texts]]

    def encode_queries(self, texts, **_):
        return self.queries[[int(text) for text in texts]]

    def count_tokens(self, texts):
        return np.ones(len(texts), dtype=np.int64)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.slow
def test_filtered_recall_is_098_at_every_share_of_rows_that_pass(store, chunk):
    given = Given()
    collection = Collection.create(store, "many", given)
    for begin in range(0, ROWS, 4_000):
        collection.add(
            [
                chunk(str(n), str(n), **{name: float(at[n]) for name, at in given.filters.items()})
                for n in range(begin, begin + 4_000)
            ]
        )
    built = collection.build()
    assert built.rows == ROWS
    assert built.recall >= 0.98
    assert collection.info().built == built
    found = {
        (name, share): np.mean(
            [recall(collection, given, query, name, share) for query in range(QUERIES)]
        )
        for name in given.filters
        for share in SHARES
    }
    assert {key: value for key, value in found.items() if value < 0.98} == {}


def recall(collection, given, query, name, share):
    """The share of the ten best rows that pass which a search finds; ties count."""
    passing = np.flatnonzero(given.filters[name] < share)
    truth = np.sort(given.rows[passing] @ given.queries[query])[::-1][:K]
    hits = collection.search(str(query), k=K, where={name: {"lt": share}})
    scores = given.rows[[int(hit.chunk.document) for hit in hits]] @ given.queries[query]
    return float((scores >= truth[-1] - 1e-3).sum()) / len(truth)

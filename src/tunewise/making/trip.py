"""The round trip: a made query is kept if it finds its document again."""

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.making.drafts import Draft
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings
from tunewise.retrieval import Analyzer, build, nearest
from tunewise.task import Texts

FIRST = 20  # documents among which it has to be


def found_again(
    draft: Draft, encoder: Encoder, analyzer: Analyzer, *, progress: Progress = silent
) -> NDArray[np.bool_]:
    """(n, 2): whether each query's document is among the first 20 by words, and by vectors.

    A query is worth keeping if either found it: to ask for both, or for one of them, would choose
    the queries on which one contender does well.
    """
    texts = [one.text for one in draft.queries]
    queries = Texts([str(place) for place in range(len(texts))], texts)
    ids = draft.documents.ids
    by_words = build(draft.documents, analyzer, progress=progress).rank(
        queries, k=FIRST, progress=progress
    )
    by_vectors = nearest(
        encoder.encode_queries(texts, progress=progress),
        encoder.encode_documents(draft.documents.texts, progress=progress),
        queries.ids,
        ids,
        k=FIRST,
        progress=progress,
    )
    return np.column_stack([_holds(draft, by_words), _holds(draft, by_vectors)])


def _holds(draft: Draft, rankings: Rankings) -> list[bool]:
    return [
        not set(one.answers).isdisjoint(places.tolist())
        for one, (places, _) in zip(draft.queries, rankings, strict=True)
    ]

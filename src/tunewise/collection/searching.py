"""Searching one table: by vectors, by words, by both; exactly where few rows are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.about import About, Generation
from tunewise.collection.filters import Filter, condition, one_of
from tunewise.collection.retrieval import By
from tunewise.collection.store import Table
from tunewise.collection.words import Words
from tunewise.contenders.contender import DEPTH
from tunewise.documents import Chunk
from tunewise.errors import OptionError, StoreError
from tunewise.rankings import Rankings, collect
from tunewise.retrieval import fuse

Scored = list[tuple[str, float]]
"""Ids and scores, best first; equal scores by id."""

RERANK_TOP = 50
"""How many of what was found a reranker reads, unless told otherwise."""

_DECIMALS = 6
_MOST = 1.01  # a cosine, with what int8 and float16 round


@dataclass(frozen=True)
class Hit:
    """A chunk that was found. By vectors the score is the cosine, by a reranker its own."""

    chunk: Chunk
    score: float


def hit_of(chunk: Chunk, score: float) -> Hit:
    """A hit; further digits of a score are float32's noise."""
    return Hit(chunk, round(float(score), _DECIMALS))


@dataclass(frozen=True)
class Asked:
    """What is searched for, and where: `vector` is None by words, `where` is SQL or ""."""

    words: str
    vector: NDArray[np.float32] | None
    by: By
    where: str = ""
    threshold: float | None = None
    weight: float | None = None


def find(table: Table, words: Words, generation: Generation, asked: Asked, depth: int) -> Scored:
    """The best `depth` chunks that reach the threshold."""
    if asked.by == "vectors":
        found = _by_vectors(table, generation, asked, depth)
    elif asked.by == "words":
        found = words.best(asked.words, depth, asked.where)
    else:
        # as deep as the contender's lists were when the weight was chosen
        deep = max(depth, DEPTH)
        lists = (
            words.best(asked.words, deep, asked.where),
            _by_vectors(table, generation, asked, deep),
        )
        own = generation.retrieval
        weight = own.weight if asked.weight is None else asked.weight
        found = _fused(*lists, weight, own.method)
    least = -np.inf if asked.threshold is None else asked.threshold
    return [hit for hit in found[:depth] if hit[1] >= least]


def find_documents(
    table: Table, words: Words, generation: Generation, asked: Asked, depth: int
) -> Scored:
    """The best chunk of each of the best `depth` documents."""
    look = 4 * depth
    while True:
        found = find(table, words, generation, asked, look)
        documents = dict(_documents(table, [id_ for id_, _ in found]))
        first: dict[str, tuple[str, float]] = {}
        for hit in found:
            first.setdefault(documents.get(hit[0], hit[0]), hit)
        if len(first) >= depth or len(found) < look:
            return list(first.values())[:depth]
        look *= 4


def checked(
    about: About,
    by: By | None,
    where: Filter | None,
    threshold: float | Literal["calibrated"] | None,
    weight: float | None = None,
    *,
    k: int,
    offset: int = 0,
    depth: int | None = None,
) -> tuple[By, str, float | None]:
    """By what is searched, the filter as SQL, the least score; as `Collection.search` takes them.

    No encoder is needed: whoever would have to load one asks this first. `depth` is how many hits
    are looked for, None for as many as are shown. Raises OptionError for what cannot be asked.
    """
    how = by or about.current.retrieval.by
    _check(how, k, offset, weight, offset + k if depth is None else depth)
    return how, condition(where or {}, about.fields), _least(about, how, threshold)


def _check(by: str, k: int, offset: int, weight: float | None, depth: int) -> None:
    if by not in get_args(By):
        raise OptionError(f"There is no search by '{by}'. Choose one of {', '.join(get_args(By))}.")
    if k < 1 or offset < 0:
        raise OptionError(
            f"{k} hits from place {offset} on cannot be shown. Give k=1 or more and offset=0 or "
            "more."
        )
    if depth < offset + k:
        raise OptionError(
            f"{depth} hits are reranked, and {offset + k} are to be shown. Have more of them "
            f"reranked: rerank_top={offset + k} (--rerank-top {offset + k})."
        )
    if weight is not None and not 0 <= weight <= 1:
        raise OptionError(f"The weight of words is {weight}, but must lie between 0 and 1.")


def _least(about: About, by: By, asked: float | Literal["calibrated"] | None) -> float | None:
    """The least score that is shown; OptionError where none was chosen for this way to search."""
    if asked != "calibrated":
        if asked is not None and not np.isfinite(asked):
            raise OptionError(f"The threshold is {asked}, but has to be a finite number.")
        return asked
    now = about.current
    if now.retrieval.by != "vectors":
        raise OptionError(
            f"Collection '{about.name}' has no calibrated threshold: it is searched by "
            f"{now.retrieval.by}, whose scores depend on what else is in it. Give a number, or "
            "search by vectors with one."
        )
    if now.threshold is None:
        raise OptionError(
            f"Collection '{about.name}' has no calibrated threshold: it comes from a winner that "
            "`tunewise measure` chose, searched by whole vectors. Index with its folder, or give "
            "a number."
        )
    if by != "vectors":
        raise OptionError(
            f"The calibrated threshold of collection '{about.name}' is for a search by vectors, "
            "and other scores have no place on its scale. Search so, or give a number."
        )
    return now.threshold.score


def _by_vectors(table: Table, generation: Generation, asked: Asked, depth: int) -> Scored:
    assert asked.vector is not None  # noqa: S101 - encoded before
    effort = generation.built.effort if generation.built else 0
    if asked.where and table.exact:
        effort = 0
    found = table.nearest(asked.vector, depth, where=asked.where, effort=effort)
    if any(not abs(score) <= _MOST for _, score in found):
        raise StoreError(
            "The store gave a cosine that no vectors can have, so its files are damaged. Bring the "
            "collection back from a copy, or index the documents again."
        )
    return _in_order([(id_, round(score, _DECIMALS)) for id_, score in found])


def _documents(table: Table, ids: Sequence[str]) -> list[tuple[str, str]]:
    if not ids:
        return []
    return [(row.id, row.document) for row in table.rows(one_of("id", ids))]


def _fused(words: Scored, vectors: Scored, weight: float, method: str) -> Scored:
    ids = sorted({id_ for some in (words, vectors) for id_, _ in some})
    place = {id_: number for number, id_ in enumerate(ids)}
    first, second = (_ranking(some, ids, place) for some in (words, vectors))
    return _in_order(fuse(first, second, weight=weight, method=method).best(0, len(ids)))


def _ranking(found: Scored, ids: Sequence[str], place: dict[str, int]) -> Rankings:
    places = np.array([place[id_] for id_, _ in found], dtype=np.int64)
    scores = np.array([score for _, score in found], dtype=np.float32)
    order = np.argsort(places)
    return collect(["q"], ids, [(places[order], scores[order])])


def _in_order(found: Scored) -> Scored:
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))

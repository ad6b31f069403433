"""Grouping: texts as rows, points with a group each, and the nearest point's group for a text.

That is all that any contender is in the end, so that one that was saved groups texts it has never
seen, and each text alone as it would among others.
"""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.clustering.naming import names_of
from tunewise.kinds.clustering.words import Words, restored, unit
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors

Numbers = NDArray[np.int64]

SAMPLE = 4000
"""Texts that are looked at where looking at all would take too long."""

_STARTS = 4  # of k-means on a sample; the best goes on over all texts
_MANY = 20_000  # texts from which on k-means goes by small batches
_BATCH = 4096
_CELLS = 2**24  # distances held at once


@dataclass(frozen=True)
class Space:
    """Where texts lie: by an encoder's vectors, by words, or by both, `share` being the vectors'.

    `map` (d, k) is laid over the vectors, which are then of unit length again.
    """

    encoder: Encoder | None = None
    words: Words | None = None
    share: float = 1.0
    map: NDArray[np.float32] | None = field(default=None, repr=False)

    def rows(self, texts: Sequence[str]) -> Vectors:
        """The texts as rows (n, k)."""
        if self.encoder is None:
            assert self.words is not None  # noqa: S101 - a space has one or the other
            return self.words.rows(texts)
        vectors = self.encoder.encode_documents(texts)
        if self.map is not None:
            vectors = unit(vectors @ self.map)
        if self.words is None:
            return vectors
        both = self.share**0.5 * vectors, (1 - self.share) ** 0.5 * self.words.rows(texts)
        return np.asarray(np.hstack(both), dtype=np.float32)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What of it is plain."""
        if self.words is None:
            return {}
        return {**self.words.settings, "share": self.share}

    @property
    def arrays(self) -> Arrays:
        """What of it is numbers."""
        words = {} if self.words is None else self.words.arrays
        return words if self.map is None else {**words, "map": self.map}


def space_of(encoder: Encoder | None, settings: Mapping[str, Any], arrays: Arrays) -> Space:
    """The space of a contender with this encoder, these settings and arrays."""
    words = restored(settings, arrays)
    return Space(encoder, words, settings.get("share", 1.0), arrays.get("map"))


def nearest(rows: Vectors, points: Vectors, groups: Numbers | None = None) -> Numbers:
    """The group of the nearest of `points` (m, k) for each row: its number, or `groups`' there."""
    found = np.empty(len(rows), dtype=np.int64)
    half = 0.5 * np.einsum("mk,mk->m", points, points)
    step = max(1, _CELLS // len(points))
    for begin in range(0, len(rows), step):
        some = rows[begin : begin + step] @ points.T - half
        found[begin : begin + step] = some.argmax(axis=1)
    return found if groups is None else np.asarray(groups[found])


def middles(rows: Vectors, groups: Numbers) -> Vectors:
    """The mean row of each group, without those that are empty."""
    inside = groups >= 0
    _, place, sizes = np.unique(groups[inside], return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(sums, place, rows[inside])
    return np.asarray(sums / sizes[:, None], dtype=np.float32)


def sample(rows: Vectors, seed: int, most: int = SAMPLE) -> Vectors:
    """At most so many of the rows, drawn at random."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])]


def k_means(rows: Vectors, count: int, seed: int) -> Vectors:
    """The means of `count` groups: the best of some starts on a sample, moved over all rows."""
    some = sample(rows, seed, max(SAMPLE, 10 * count))
    start = moved(some, count, seed=seed, starts=_STARTS)
    return start if len(some) == len(rows) else moved(rows, start, seed=seed)


def moved(rows: Vectors, start: int | Vectors, *, seed: int, starts: int = 1) -> Vectors:
    """Where k-means ends: from so many groups at random, or from these means."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    count = min(start, len(rows)) if isinstance(start, int) else len(start)
    how = {"init": "k-means++" if isinstance(start, int) else start, "n_init": starts}
    if len(rows) > _MANY:
        model = MiniBatchKMeans(count, batch_size=_BATCH, random_state=seed, **how)
    else:
        model = KMeans(count, random_state=seed, **how)
    with warnings.catch_warnings():
        # fewer different rows than groups: some means are then equal, and the first has the texts
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows)
    return np.asarray(model.cluster_centers_, dtype=np.float32)


def fitted(
    setting: Setting,
    name: str,
    family: str,
    space: Space,
    points: Vectors,
    *,
    groups: Numbers | None = None,
    settings: Mapping[str, Any] | None = None,
    began: float,
) -> Contender:
    """The contender that these points make, its groups named by the texts of train."""
    own = np.arange(len(points)) if groups is None else groups
    texts = setting.train.texts
    names = names_of(texts, nearest(space.rows(texts), points, own), int(own.max()) + 1)
    told = {**space.settings, **(settings or {}), "names": names}
    arrays = {**space.arrays, "points": points, "groups": own}
    return contender(name, family, space.encoder, told, arrays, time.perf_counter() - began)


def load(saved: Saved) -> Contender:
    """The contender that was saved."""
    return contender(saved.name, saved.family, saved.encoder, saved.settings, saved.arrays, 0.0)


def contender(
    name: str,
    family: str,
    encoder: Encoder | None,
    settings: Mapping[str, Any],
    arrays: Arrays,
    seconds: float,
) -> Contender:
    """A contender that gives each text its nearest point's group; untuned until it says more."""
    space = space_of(encoder, settings, arrays)

    def answer(texts: Sequence[str]) -> Numbers:
        return nearest(space.rows(texts), arrays["points"], arrays["groups"])

    return Contender(
        name=name,
        family=family,
        tuned=False,
        answer=answer,
        settings=settings,
        arrays=arrays,
        encoder=encoder,
        seconds=seconds,
    )

"""`factors`: users and items in a space of a few dimensions, found from who chose what.

A truncated singular value decomposition of the users' choices (scikit-learn's randomised one): a
user's scores are x V Vᵀ, so a new user needs a history and no fitting (PureSVD, Cremonesi et al.
2010). Choices of popular items weigh less: each is divided by its item's count to a power, which
dev chooses (Nikolakopoulos et al. 2019, "EigenRec").
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors
from tunewise.kinds.recommendation.catalogue import Floats, catalogue, restored, weighted
from tunewise.kinds.recommendation.choosing import best
from tunewise.kinds.recommendation.part import Part, Question
from tunewise.kinds.recommendation.popular import counted
from tunewise.rankings import Rankings

_POWERS = (0.0, 0.25, 0.5)
_RANKS = (16, 32, 64, 128, 256)
_DECAYS = (1.0, 0.8)


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender, its rank and weights as dev likes them; none for fewer than two items."""
    del earlier  # stands on nothing
    train: Part = setting.train
    most = min(len(train), len(train.question.items)) - 1
    if most < 1:
        return []
    began = time.perf_counter()
    known, counts = catalogue(setting).arrays, counted(train)
    ranks = [rank for rank in _RANKS if rank < most] or [most]

    def candidates() -> Iterator[Contender]:
        for power in _POWERS:
            weights = np.power(np.maximum(counts, 1), -power).astype(np.float32)
            weights[counts == 0] = 0.0
            space = _space(train, weights, ranks[-1], setting.seed)
            for rank in ranks:
                for decay in _DECAYS:
                    arrays = {**known, "weights": weights, "space": space[:, :rank]}
                    yield _contender(arrays, {"rank": rank, "power": power, "decay": decay})

    return [replace(best(candidates(), setting), seconds=time.perf_counter() - began)]


def load(saved: Saved) -> Contender:
    """The same space."""
    return _contender(saved.arrays, dict(saved.settings))


def _contender(arrays: Arrays, settings: dict[str, float]) -> Contender:
    known = restored(arrays)
    # contiguous, as it will be when it is loaded: sums of other strides differ in the last bit
    weights, space = arrays["weights"], np.ascontiguousarray(arrays["space"])
    never = np.where(weights > 0, 0.0, -np.inf).astype(np.float32)

    def scored(had: csr_array, users: slice) -> Floats:
        del users  # what they had says it all
        weighed = csr_array(had * weights[None, :])
        scores = (weighed @ space) @ space.T + never
        scores[weighed.sum(axis=1) == 0] = -np.inf
        return np.asarray(scores)

    def answer(question: Question) -> Rankings:
        return known.answer(scored, settings["decay"], question)

    return Contender("factors", "factors", False, answer, settings=settings, arrays=arrays)


def _space(train: Part, weights: Floats, rank: int, seed: int) -> Vectors:
    """The items' places (items, rank) in the space of the weighted choices."""
    from sklearn.utils.extmath import randomized_svd

    asked = train.question
    users = weighted(asked.starts[:-1], asked.starts[1:], asked.places, len(weights), 1.0)
    users.data[:] = 1.0
    chosen = csr_array(users * weights[None, :])
    _, _, right = randomized_svd(chosen, rank, n_iter=4, random_state=seed)
    return np.ascontiguousarray(right.T, dtype=np.float32)

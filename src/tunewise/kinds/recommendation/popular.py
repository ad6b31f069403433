"""`popular`: what most users chose. What knowing nothing of a user is worth."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from tunewise.kinds.kind import Arrays, Contender, Saved, Setting
from tunewise.kinds.recommendation.catalogue import Floats, catalogue, restored
from tunewise.kinds.recommendation.part import Numbers, Part, Question
from tunewise.rankings import Rankings


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender: how often each item was chosen in train."""
    del earlier  # stands on nothing
    return [_contender({**catalogue(setting).arrays, "counts": counted(setting.train)})]


def load(saved: Saved) -> Contender:
    """The same counts."""
    return _contender(saved.arrays)


def counted(train: Part) -> Numbers:
    """How often each item was chosen (items,)."""
    return np.bincount(train.question.places, minlength=len(train.question.items))


def _contender(arrays: Arrays) -> Contender:
    known = restored(arrays)
    counts = arrays["counts"].astype(np.float32)
    counts[counts == 0] = -np.inf

    def scored(had: csr_array, users: slice) -> Floats:
        del users  # what they had says it all
        return np.tile(counts, (had.shape[0], 1))

    def answer(question: Question) -> Rankings:
        return known.answer(scored, 1.0, question)

    return Contender("popular", "popular", False, answer, arrays=arrays)

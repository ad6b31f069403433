"""`majority`: every text gets the label that most texts have. What knowing nothing is worth."""

from collections.abc import Sequence

import numpy as np

from tunewise.kinds.classification.heads import Chances
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender: the labels' shares of the train part."""
    del earlier  # stands on nothing
    train = setting.train
    return [_contender({"counts": np.bincount(train.labels, minlength=len(train.names))})]


def load(saved: Saved) -> Contender:
    """The same shares."""
    return _contender(saved.arrays)


def _contender(arrays: Arrays) -> Contender:
    shares = (arrays["counts"] / arrays["counts"].sum()).astype(np.float32)

    def answer(texts: Sequence[str]) -> Chances:
        return np.tile(shares, (len(texts), 1))

    return Contender("majority", "majority", False, answer, arrays=arrays)

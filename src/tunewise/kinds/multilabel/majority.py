"""`majority`: every text gets the labels that are commonest. What knowing nothing is worth."""

from collections.abc import Sequence

import numpy as np

from tunewise.kinds.kind import Contender, Saved, Setting
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import answering, logit, settle


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender: the labels' shares of the train part."""
    del earlier  # stands on nothing
    labels = setting.train.labels
    arrays = {"often": logit((labels.sum(axis=0) + 0.5) / (len(labels) + 1))}
    settled = settle(setting, np.tile(arrays["often"], (len(setting.dev), 1)))
    return [load(Saved("majority", "majority", settled.settings, arrays, None))]


def load(saved: Saved) -> Contender:
    """The same shares."""

    def scores(texts: Sequence[str]) -> Floats:
        return np.tile(saved.arrays["often"], (len(texts), 1))

    answer = answering(scores, saved.settings)
    return Contender(
        "majority", "majority", False, answer, settings=saved.settings, arrays=saved.arrays
    )

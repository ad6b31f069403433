"""`lexical`: k-means on words (tf-idf) along their main axes. It takes no encoder."""

import time
from collections.abc import Sequence

from tunewise.kinds.clustering.grouping import Space, fitted, k_means, load
from tunewise.kinds.clustering.number import number_of
from tunewise.kinds.clustering.words import words_of
from tunewise.kinds.kind import Contender, Setting

__all__ = ["fit", "load"]


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender; none where the train part has no words."""
    began = time.perf_counter()
    words = words_of(setting.train.texts, setting.seed)
    if words is None:
        return []
    space = Space(words=words)
    count = number_of(setting, earlier)
    points = k_means(space.rows(setting.train.texts), count, setting.seed)
    told = {"number": count}
    return [fitted(setting, "lexical", "lexical", space, points, settings=told, began=began)]

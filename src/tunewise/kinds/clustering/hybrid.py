"""`hybrid`: words and frozen vectors side by side, weighted as dev says, then k-means."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.clustering.grouping import Space, load, moved, nearest, sample
from tunewise.kinds.clustering.kmeans import grouped
from tunewise.kinds.clustering.number import number_of
from tunewise.kinds.clustering.words import Words, restored
from tunewise.kinds.kind import Contender, Setting, named

__all__ = ["fit", "load"]

_SHARES = (0.3, 0.5, 0.7, 0.85)  # of the vectors, the words having the rest


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder, once there is a lexical one."""
    lexical = [one for one in earlier if one.family == "lexical"]
    words = restored(lexical[0].settings, lexical[0].arrays) if lexical else None
    if words is None:
        return []
    return [_fitted(setting, encoder, words, earlier) for encoder in setting.encoders]


def _fitted(
    setting: Setting, encoder: Encoder, words: Words, earlier: Sequence[Contender]
) -> Contender:
    began, count, levels = time.perf_counter(), number_of(setting, earlier), []
    for share in _SHARES:
        space = Space(encoder, words, share)
        points = moved(
            sample(space.rows(setting.train.texts), setting.seed), count, seed=setting.seed
        )
        levels.append(setting.level(nearest(space.rows(setting.dev.texts), points), setting.dev))
    space = Space(encoder, words, _SHARES[int(np.argmax(levels))])
    name = named("hybrid", encoder, setting.encoders)
    found = grouped(setting, name, "hybrid", space, earlier)
    return replace(found, seconds=time.perf_counter() - began)

"""`hierarchical`: the two groups whose union spreads least are joined, again and again (Ward 1963).

All pairs have to be looked at, so it is a sample that is joined where there are many texts; a text
goes to the group whose mean is nearest.
"""

import time
from collections.abc import Sequence

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.clustering.grouping import Space, fitted, load, middles, sample
from tunewise.kinds.clustering.number import number_of
from tunewise.kinds.kind import Contender, Setting, named

__all__ = ["fit", "load"]


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder."""
    return [_fitted(setting, encoder, earlier) for encoder in setting.encoders]


def _fitted(setting: Setting, encoder: Encoder, earlier: Sequence[Contender]) -> Contender:
    from scipy.cluster.hierarchy import fcluster, linkage

    began, count = time.perf_counter(), number_of(setting, earlier)
    space = Space(encoder)
    rows = sample(space.rows(setting.train.texts), setting.seed)
    joined = linkage(rows.astype(np.float64), method="ward")
    points = middles(rows, fcluster(joined, count, criterion="maxclust").astype(np.int64))
    name = named("hierarchical", encoder, setting.encoders)
    told = {"number": count}
    return fitted(setting, name, "hierarchical", space, points, settings=told, began=began)

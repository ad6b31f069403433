"""`kmeans`: k-means on frozen vectors. What embeddings as they come are usually used for."""

import time
from collections.abc import Sequence
from dataclasses import replace

from tunewise.encoders import Encoder
from tunewise.kinds.clustering.grouping import Space, fitted, k_means, load
from tunewise.kinds.clustering.number import number_of
from tunewise.kinds.kind import Contender, Setting, named

__all__ = ["base_of", "fit", "grouped", "load"]


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; the first is the plain one that others are held against."""
    plain = not any(one.plain for one in earlier)
    found: list[Contender] = []
    for encoder in setting.encoders:
        name = named("kmeans", encoder, setting.encoders)
        one = grouped(setting, name, "kmeans", Space(encoder), [*earlier, *found])
        found.append(replace(one, plain=plain and not found))
    return found


def base_of(setting: Setting, encoder: Encoder, earlier: Sequence[Contender]) -> Contender:
    """The contender on this encoder's vectors: the one fitted before, or fitted now."""
    name = named("kmeans", encoder, setting.encoders)
    known = [one for one in earlier if one.name == name and one.family == "kmeans"]
    return known[0] if known else grouped(setting, name, "kmeans", Space(encoder), earlier)


def grouped(
    setting: Setting, name: str, family: str, space: Space, earlier: Sequence[Contender]
) -> Contender:
    """K-means in a space, of as many groups as all have."""
    began, count = time.perf_counter(), number_of(setting, earlier)
    points = k_means(space.rows(setting.train.texts), count, setting.seed)
    return fitted(setting, name, family, space, points, settings={"number": count}, began=began)

"""`neighbours`: how far the nearest normal texts are, by cosine, on frozen vectors."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.anomaly.alarms import best_of, with_alarms
from tunewise.kinds.anomaly.detector import MOST_KNOWN, drawn, on_vectors
from tunewise.kinds.anomaly.nearest import nearest
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named

COUNTS = (5, 1, 2, 10, 20, 50)  # the usual one first: it is taken where dev cannot tell


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder, looking at as many neighbours as dev likes; the first is plain."""
    plain = not any(one.plain for one in earlier)
    return [
        _fitted(setting, encoder, plain=plain and not place)
        for place, encoder in enumerate(setting.encoders)
    ]


def load(saved: Saved) -> Contender:
    """The normal texts' vectors and the number of neighbours."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.settings, saved.arrays)


def known_vectors(setting: Setting, encoder: Encoder) -> Vectors:
    """Vectors of the normal texts, of some drawn where there are very many."""
    return setting.vectors(encoder, setting.train.sample(MOST_KNOWN, setting.seed).texts)


def chosen_count(setting: Setting, known: Vectors, seen: Vectors) -> int:
    """The number of neighbours that dev, whose vectors are `seen`, likes best."""
    counts = [count for count in COUNTS if count <= len(known)]
    _, products = nearest(seen, known, max(counts))
    levels = [setting.level(_far(products, count), setting.dev) for count in counts]
    return int(best_of(counts, levels))


def distances(asked: Vectors, known: Vectors, count: int) -> NDArray[np.float64]:
    """One less the mean cosine to the `count` nearest known vectors, (n,)."""
    return _far(nearest(asked, known, count)[1], count)


def _far(products: Vectors, count: int) -> NDArray[np.float64]:
    return np.asarray(1.0 - products[:, :count].astype(np.float64).mean(axis=1))


def _fitted(setting: Setting, encoder: Encoder, *, plain: bool) -> Contender:
    began = time.perf_counter()
    known = known_vectors(setting, encoder)
    count = chosen_count(setting, known, setting.vectors(encoder, setting.dev.texts))
    found = _contender(
        named("neighbours", encoder, setting.encoders),
        encoder,
        {"count": count},
        {"known": known},
        plain=plain,
        notes=drawn(len(known)) if len(known) < len(setting.train) else (),
        seconds=time.perf_counter() - began,
    )
    return with_alarms(found, setting)


def _contender(
    name: str, encoder: Encoder, settings: Mapping[str, Any], arrays: Arrays, **more: Any
) -> Contender:
    def oddness(vectors: Vectors) -> NDArray[np.float64]:
        return distances(vectors, arrays["known"], settings["count"])

    return on_vectors(
        name,
        "neighbours",
        encoder,
        oddness,
        settings=settings,
        arrays=arrays,
        bytes_each=4 * encoder.dimension,
        **more,
    )

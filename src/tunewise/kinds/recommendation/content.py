"""`content`: items whose texts are near to those a user had. What embeddings are usually used for.

A user is the mean of the vectors of what was had, a mean in which the latest weigh more, or the
last alone: dev chooses. No item needs to have been chosen by anybody.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from tunewise.encoders import Encoder
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.recommendation.catalogue import Catalogue, Floats, catalogue, restored
from tunewise.kinds.recommendation.choosing import best
from tunewise.kinds.recommendation.part import Part, Question
from tunewise.rankings import Rankings

_LEAST = 1e-9  # no vector is divided by less
DECAYS = (1.0, 0.9, 0.7, 0.4, 0.0)


@dataclass(frozen=True)
class Maps:
    """What was learned from histories: a map of users (d, d), and the items moved (items, d)."""

    users: Vectors
    items: Vectors


@dataclass(frozen=True)
class Told:
    """Vectors (n, d) of what is said of users, zeros where nothing is, and their share in them."""

    vectors: Vectors
    share: float


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder, the first of them plain; none where no item has a text."""
    plain = not any(one.plain for one in earlier)
    if not any(text.strip() for text in setting.train.texts):
        return []
    return [
        replace(fitted(setting, encoder), plain=plain and not place)
        for place, encoder in enumerate(setting.encoders)
    ]


def load(saved: Saved) -> Contender:
    """The items' vectors, and how a user is made of them."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return contender(saved.name, saved.encoder, saved.arrays, saved.settings["decay"])


def fitted(setting: Setting, encoder: Encoder) -> Contender:
    """The contender of one encoder, users made as dev likes it."""
    began = time.perf_counter()
    vectors = vectors_of(setting, encoder)
    arrays = {**catalogue(setting).arrays, "vectors": vectors}
    name = named("content", encoder, setting.encoders)

    def candidates() -> Iterator[Contender]:
        return (contender(name, encoder, arrays, decay) for decay in DECAYS)

    return replace(best(candidates(), setting), seconds=time.perf_counter() - began)


def vectors_of(setting: Setting, encoder: Encoder) -> Vectors:
    """The items' vectors (items, d), zeros for those without a text."""
    train: Part = setting.train
    there = [place for place, text in enumerate(train.texts) if text.strip()]
    vectors = np.zeros((len(train.texts), encoder.dimension), dtype=np.float32)
    vectors[there] = setting.vectors(encoder, [train.texts[place] for place in there])
    return vectors


def contender(
    name: str, encoder: Encoder, arrays: Arrays, decay: float, maps: Maps | None = None
) -> Contender:
    """Items near to what a user had."""
    known, vectors = restored(arrays), np.asarray(arrays["vectors"])

    def answer(question: Question) -> Rankings:
        return nearest(known, vectors, decay, question, maps=maps)

    return Contender(
        name=name,
        family="content",
        tuned=False,
        answer=answer,
        settings=user_made(decay),
        arrays=arrays,
        encoder=encoder,
        bytes_each=4 * encoder.dimension,
    )


def user_made(decay: float) -> Mapping[str, Any]:
    """How a user is made of vectors, in words too."""
    words = {1.0: "mean", 0.0: "last item"}
    return {"user": words.get(decay, "decayed mean"), "decay": decay}


def nearest(
    known: Catalogue,
    vectors: Vectors,
    decay: float,
    question: Question,
    *,
    maps: Maps | None = None,
    told: Told | None = None,
) -> Rankings:
    """Items by the cosine of their `vectors` with what makes a user: the mean of what was had.

    With `told` some share of a user is what is said of them. With `maps` users and items are moved.
    """
    never = np.where(vectors.any(axis=1), 0.0, -np.inf).astype(np.float32)
    following = vectors if maps is None else maps.items

    def scored(had: csr_array, rows: slice) -> Floats:
        users = had @ vectors
        if told is not None:
            users = joined(users, told.vectors[rows], told.share)
        users = users if maps is None else users @ maps.users
        lengths = np.linalg.norm(users, axis=1, keepdims=True)
        scores = (users / np.maximum(lengths, _LEAST)) @ following.T + never
        scores[lengths[:, 0] == 0] = -np.inf
        return np.asarray(scores)

    return known.answer(scored, decay, question)


def joined(had: Vectors, told: Vectors, share: float) -> Vectors:
    """Users (n, d) made of what they had and of what is told of them, either alone where it is.

    `share` is that of what is told.
    """
    both = had.any(axis=1, keepdims=True) & told.any(axis=1, keepdims=True)
    return np.asarray(np.where(both, (1 - share) * unit(had) + share * told, had + told))


def unit(vectors: Vectors) -> Vectors:
    """Vectors (n, d) at length one; zeros stay."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _LEAST))

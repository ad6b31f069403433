"""`profile`: items whose texts are near to what is said of a user, beside what the user had.

Somebody who has had nothing yet is answered by the text alone. How much the text counts beside a
history, dev chooses; how a history is made a vector is as in `content`.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.recommendation import content
from tunewise.kinds.recommendation.catalogue import restored
from tunewise.kinds.recommendation.choosing import best
from tunewise.kinds.recommendation.content import Maps, Told
from tunewise.kinds.recommendation.part import Part, Question
from tunewise.rankings import Rankings

_SHARES = (0.5, 0.2, 0.8, 1.0)  # of the text, where there is a history too; the usual one first


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where nothing is said of users, or no item has a text."""
    if not is_said(setting) or not any(text.strip() for text in setting.train.texts):
        return []
    return [fitted(setting, encoder, earlier) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The items' vectors, and how a user is made of them and of the text."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    how = saved.settings
    return contender(saved.name, saved.encoder, saved.arrays, how["decay"], how["share"])


def is_said(setting: Setting) -> bool:
    """Whether anything is said of the users that may be seen."""
    parts: list[Part] = [setting.train, setting.dev]
    return any(one.strip() for part in parts for one in part.question.profiles)


def fitted(setting: Setting, encoder: Encoder, earlier: Sequence[Contender]) -> Contender:
    """The contender of one encoder, the share of the text as dev likes it."""
    began = time.perf_counter()
    base = named("content", encoder, setting.encoders)
    known = [one for one in earlier if one.name == base] or [content.fitted(setting, encoder)]
    name = named("profile", encoder, setting.encoders)

    def candidates() -> Iterator[Contender]:
        arrays, decay = known[0].arrays, known[0].settings["decay"]
        return (contender(name, encoder, arrays, decay, share) for share in _SHARES)

    taken = known[0].seconds + time.perf_counter() - began
    return replace(best(candidates(), setting), seconds=taken)


def contender(
    name: str,
    encoder: Encoder,
    arrays: Arrays,
    decay: float,
    share: float,
    maps: Maps | None = None,
) -> Contender:
    """Items near to a user made of a text and a history."""
    known, vectors = restored(arrays), np.asarray(arrays["vectors"])

    def answer(question: Question) -> Rankings:
        told = Told(vectors_of(encoder, question), share)
        return content.nearest(known, vectors, decay, question, maps=maps, told=told)

    return Contender(
        name=name,
        family="profile",
        tuned=False,
        answer=answer,
        settings={**content.user_made(decay), "share": share},
        arrays=arrays,
        encoder=encoder,
        bytes_each=4 * encoder.dimension,
    )


def vectors_of(encoder: Encoder, question: Question) -> Vectors:
    """Vectors of what is said of the users (n, d), zeros where nothing is."""
    said = question.profiles or [""] * len(question)
    there = [row for row, one in enumerate(said) if one.strip()]
    vectors = np.zeros((len(said), encoder.dimension), dtype=np.float32)
    if there:
        vectors[there] = encoder.encode_documents([said[row] for row in there])
    return vectors


def reads(contender: Contender) -> bool:
    """Whether a contender, or one it is made of, reads what is said of a user."""
    if contender.parts:
        return any(reads(part) for part in contender.parts.values())
    return "share" in contender.settings

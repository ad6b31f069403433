"""`hybrid`: words and frozen vectors together, their probabilities mixed as dev says."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Contender, Saved, Setting

_SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the vectors, the words having the rest


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each linear head on frozen vectors, once there is a lexical one."""
    words = [one for one in earlier if one.family == "lexical"]
    heads = [one for one in earlier if one.family == "linear"]
    return [_fitted(setting, words[0], one) for one in heads if words]


def load(saved: Saved) -> Contender:
    """The two it is made of, mixed as they were."""
    return _contender(
        saved.name, saved.parts["words"], saved.parts["vectors"], saved.settings["share"]
    )


def _fitted(setting: Setting, words: Contender, vectors: Contender) -> Contender:
    began = time.perf_counter()
    one, other = (part.answer(setting.dev.texts) for part in (words, vectors))
    levels = [setting.level((1 - share) * one + share * other, setting.dev) for share in _SHARES]
    name = vectors.name.replace("linear", "hybrid")
    found = _contender(name, words, vectors, _SHARES[int(np.argmax(levels))])
    taken = time.perf_counter() - began
    return replace(found, seconds=words.seconds + vectors.seconds + taken)


def _contender(name: str, words: Contender, vectors: Contender, share: float) -> Contender:
    def answer(texts: Sequence[str]) -> NDArray[np.float64]:
        return np.asarray((1 - share) * words.answer(texts) + share * vectors.answer(texts))

    return Contender(
        name=name,
        family="hybrid",
        tuned=False,
        answer=answer,
        settings={"share": share},
        encoder=vectors.encoder,
        parts={"words": words, "vectors": vectors},
    )

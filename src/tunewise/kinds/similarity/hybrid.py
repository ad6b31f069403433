"""`hybrid`: overlap of words and cosine of frozen vectors, mixed as dev says."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tunewise.kinds.kind import Contender, Saved, Setting
from tunewise.kinds.similarity.answers import Answers, Floats, Pairs, answering, asked, threshold

_SHARES = tuple(round(0.1 * step, 1) for step in range(1, 10))  # of the vectors, words the rest


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each cosine, once there is a lexical one."""
    words = [one for one in earlier if one.family == "lexical"]
    vectors = [one for one in earlier if one.family == "cosine"]
    return [_fitted(setting, words[0], one) for one in vectors if words]


def load(saved: Saved) -> Contender:
    """The two it is made of, mixed as they were."""
    return _contender(saved.name, saved.parts, saved.settings)


def _fitted(setting: Setting, words: Contender, vectors: Contender) -> Contender:
    began = time.perf_counter()
    pairs = asked(setting.dev)
    one, other = (part.answer(pairs).likeness for part in (words, vectors))
    mixed = {share: _mixed(one, other, share) for share in _SHARES}
    share = max(_SHARES, key=lambda share: setting.level(Answers(mixed[share]), setting.dev))
    settings = {"share": share, "threshold": threshold(mixed[share], setting.dev)}
    parts = {"words": words, "vectors": vectors}
    found = _contender(vectors.name.replace("cosine", "hybrid"), parts, settings)
    taken = time.perf_counter() - began
    return replace(found, seconds=words.seconds + vectors.seconds + taken)


def _contender(name: str, parts: Mapping[str, Contender], settings: Mapping[str, Any]) -> Contender:
    words, vectors = parts["words"], parts["vectors"]

    def likeness(pairs: Pairs) -> Floats:
        one, other = (part.answer(pairs).likeness for part in (words, vectors))
        return _mixed(one, other, settings["share"])

    return Contender(
        name=name,
        family="hybrid",
        tuned=False,
        answer=answering(likeness, settings),
        settings=settings,
        encoder=vectors.encoder,
        parts=parts,
    )


def _mixed(words: Floats, vectors: Floats, share: float) -> Floats:
    return np.asarray((1 - share) * words + share * vectors)

"""`hybrid`: two untuned detectors together, the mean of their scores, whichever two dev likes."""

import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.anomaly.alarms import best_of, with_alarms
from tunewise.kinds.kind import Contender, Saved, Setting, named

Floats = NDArray[np.float64]

_LEAST = 1e-9  # spread of scores


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder with which there are two others to join.

    None where dev has no odd text: of the pairs most are worse than the better of the two.
    """
    if not setting.dev.odd.any():
        return []
    made = []
    for encoder in setting.encoders:
        ours = [one for one in earlier if not one.tuned and one.encoder in (None, encoder)]
        if len(ours) > 1:
            made.append(_fitted(setting, encoder, ours))
    return made


def load(saved: Saved) -> Contender:
    """The two it is made of, joined as they were."""
    return _contender(saved.name, saved.parts, saved.settings, saved.encoder)


def _fitted(setting: Setting, encoder: Encoder, ours: Sequence[Contender]) -> Contender:
    began = time.perf_counter()
    dev = setting.dev
    seen = {one.name: one.answer(dev.texts) for one in ours}
    scales = {name: _scale(scores[~dev.odd]) for name, scores in seen.items()}
    pairs = list(combinations(ours, 2))
    levels = [
        setting.level(sum(_standard(seen[one.name], scales[one.name]) for one in pair) / 2, dev)
        for pair in pairs
    ]
    first, second = best_of(pairs, levels)
    found = _contender(
        named("hybrid", encoder, setting.encoders),
        {"first": first, "second": second},
        {"of": [first.name, second.name], "first": scales[first.name],
         "second": scales[second.name]},
        encoder,
        notes=(f"{first.name} and {second.name}",),
        seconds=first.seconds + second.seconds + time.perf_counter() - began,
    )  # fmt: skip
    return with_alarms(found, setting)


def _scale(scores: Floats) -> list[float]:
    """Mean and spread of normal texts' scores."""
    if not len(scores):
        return [0.0, 1.0]
    return [float(scores.mean()), max(float(scores.std()), _LEAST)]


def _standard(scores: Floats, scale: Sequence[float]) -> Floats:
    return np.asarray((scores - scale[0]) / scale[1])


def _contender(
    name: str,
    parts: Mapping[str, Contender],
    settings: Mapping[str, Any],
    encoder: Encoder | None,
    **more: Any,
) -> Contender:
    def answer(texts: Sequence[str]) -> Floats:
        both = [_standard(part.answer(texts), settings[role]) for role, part in parts.items()]
        return np.asarray(sum(both) / 2)

    return Contender(
        name=name,
        family="hybrid",
        tuned=False,
        answer=answer,
        settings=settings,
        encoder=encoder,
        parts=parts,
        bytes_each=max(part.bytes_each for part in parts.values()),
        **more,
    )

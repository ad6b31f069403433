"""`adapter`: two maps learned from histories, so that what a user had is near to what comes next.

One maps what was had, one the items that may follow: that things go together is no likeness. Both
start as the identity, which is `content`, or `profile` where something is said of users: the first
map is then of that, too. Dev says when to stop, and whether to move at all. Each is also mixed with
behaviour, as `hybrid` is, since nobody who has both would leave one out.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.kind import Arrays, Contender, Saved, Setting, Vectors, named
from tunewise.kinds.layer import RATE
from tunewise.kinds.recommendation import content, hybrid, profile
from tunewise.kinds.recommendation.catalogue import MOST_HAD, weighted
from tunewise.kinds.recommendation.choosing import asked
from tunewise.kinds.recommendation.part import Numbers, Part, Question
from tunewise.training.contrast import Contrast, contrastive_loss
from tunewise.training.descent import Pace, descend

_BATCH, _SAMPLED = 256, 1024
_PACE = Pace(steps=600, between=30, patience=5)
_TEMPERATURE = 0.05


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """Two contenders an encoder: the maps, and the maps mixed with behaviour where there is any.

    None without texts, without users of two items to learn from, or without a dev part to stop on.
    """
    events = _events(setting.train)
    if not len(setting.dev) or not len(events):
        return []
    found = []
    for encoder in setting.encoders:
        one = _fitted(setting, encoder, events, earlier)
        found.append(one)
        name = named("adapter-hybrid", encoder, setting.encoders)
        both = hybrid.mixed(setting, one, earlier, name)
        if both is not None:
            same = hybrid.name_of(one.same_as) if one.same_as else None
            found.append(_tuned(both, one.notes, same))
    return found


def load(saved: Saved) -> Contender:
    """The maps, or the mixture with them."""
    if saved.parts:
        return _tuned(hybrid.load(saved), (), None)
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return _contender(saved.name, saved.encoder, saved.arrays, saved.settings)


@dataclass(frozen=True)
class _Lesson:
    """Events of train from which something is known of their user, as places; items' `vectors`.

    `told` (users, d) is what is said of the users of train, and `share` what it counts beside what
    they had; `decay` is how quickly that fades.
    """

    question: Question
    events: Numbers
    vectors: Vectors
    decay: float
    told: Vectors
    share: float


def _events(train: Part) -> Numbers:
    """The events of items with a text that others come before, or of users of whom much is said."""
    asked_of = train.question
    readable = np.array([bool(text.strip()) for text in train.texts], dtype=bool)
    users = np.repeat(np.arange(len(train)), np.diff(asked_of.starts))
    known = np.arange(len(asked_of.places)) > asked_of.starts[users]
    if asked_of.profiles:
        known |= np.array([bool(one.strip()) for one in asked_of.profiles], dtype=bool)[users]
    return np.flatnonzero(known & readable[asked_of.places])


def _fitted(
    setting: Setting, encoder: Encoder, events: Numbers, earlier: Sequence[Contender]
) -> Contender:
    said = profile.is_said(setting)
    base = profile.fitted(setting, encoder, earlier) if said else content.fitted(setting, encoder)
    began = time.perf_counter()
    question: Question = setting.train.question
    told = profile.vectors_of(encoder, question)
    share, decay = base.settings.get("share", 0.0), base.settings["decay"]
    lesson = _Lesson(question, events, base.arrays["vectors"], decay, told, share)
    maps = _learned(setting, encoder, base, lesson)
    found = _contender(
        named("adapter", encoder, setting.encoders),
        encoder,
        {**base.arrays, **(maps or {})},
        base.settings,
    )
    same = base.name if maps is None else None
    notes = (f"no map beat the vectors as they are on dev: this is {same}",) if same else ()
    seconds = base.seconds + time.perf_counter() - began
    return replace(found, seconds=seconds, same_as=same, notes=notes)


def _learned(setting: Setting, encoder: Encoder, base: Contender, lesson: _Lesson) -> Arrays | None:
    """The maps that dev liked best on the way; None if that was the start."""
    dev, rng = asked(setting), np.random.default_rng(setting.seed)
    width = lesson.vectors.shape[1]
    offsets = {name: np.zeros((width, width), dtype=np.float32) for name in ("had", "next")}

    def look(learned: Arrays) -> tuple[float, Arrays]:
        maps = {
            name: offset + np.eye(width, dtype=offset.dtype) for name, offset in learned.items()
        }
        now = _contender("", encoder, {**base.arrays, **maps}, base.settings)
        return setting.level(now.answer(dev.question), dev), maps

    def gradients() -> Arrays:
        contrast = _contrast(lesson, rng)
        _, found = contrastive_loss(contrast, offsets["had"], offsets["next"], _TEMPERATURE)
        return dict(zip(offsets, found, strict=True))

    best, progress = setting.level(base.answer(dev.question), dev), setting.progress
    return descend(offsets, gradients, look, best=best, pace=_PACE, rate=RATE, progress=progress)


def _contrast(lesson: _Lesson, rng: np.random.Generator) -> Contrast:
    """A batch of events, each with what the user had, to tell what was chosen among some items.

    Items are drawn evenly; what the user had is no negative.
    """
    question, vectors = lesson.question, lesson.vectors
    batch = rng.integers(0, len(lesson.events), min(_BATCH, len(lesson.events)))
    events = lesson.events[batch]
    users = np.searchsorted(question.starts, events, side="right") - 1
    begins = np.maximum(question.starts[users], events - MOST_HAD)
    had = weighted(begins, events, question.places, len(vectors), lesson.decay)
    answers = question.places[events]
    candidates = _candidates(answers, vectors, rng)
    barred = (had[:, candidates] != 0).toarray()
    targets = np.searchsorted(candidates, answers)
    barred[np.arange(len(batch)), targets] = False
    known = content.joined(np.asarray(had @ vectors), lesson.told[users], lesson.share)
    return Contrast(known.astype(np.float32), vectors[candidates], targets, barred)


def _candidates(answers: Numbers, vectors: Vectors, rng: np.random.Generator) -> Numbers:
    """The items of one step, sorted: those chosen and a sample of all that have a vector."""
    there: NDArray[np.int64] = np.flatnonzero(vectors.any(axis=1))
    if len(there) <= _SAMPLED:
        return np.union1d(there, answers)  # a readable text may have a vector of zeros
    return np.union1d(answers, rng.choice(there, _SAMPLED, replace=False))


def _contender(
    name: str, encoder: Encoder, arrays: Arrays, settings: Mapping[str, Any]
) -> Contender:
    maps = None
    if "had" in arrays:
        maps = content.Maps(arrays["had"], content.unit(arrays["vectors"] @ arrays["next"]))
    decay = settings["decay"]
    if "share" in settings:
        found = profile.contender(name, encoder, arrays, decay, settings["share"], maps)
    else:
        found = content.contender(name, encoder, arrays, decay, maps)
    each = 4 * encoder.dimension if maps is None else 8 * encoder.dimension
    return replace(found, family="adapter", tuned=True, rung="adapter", bytes_each=each)


def _tuned(mixture: Contender, notes: tuple[str, ...], same_as: str | None) -> Contender:
    return replace(
        mixture, family="adapter", tuned=True, rung="adapter", notes=notes, same_as=same_as
    )

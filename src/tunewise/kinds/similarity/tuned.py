"""`tuned`: the encoder trained on the scores, so that cosines come into their order (CoSENT)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tunewise.contenders.tuned import blended, copied
from tunewise.encoders import TransformerEncoder
from tunewise.errors import DataError
from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.kinds.similarity import cosine
from tunewise.kinds.similarity.answers import Answers, Floats, threshold
from tunewise.training.choosing import NO_WISHES, choose_tuned, need_packages, recipes
from tunewise.training.exam import likeness_exam
from tunewise.training.lesson import Lesson, lesson_of_scored


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine.

    None without a dev part to stop on, or where all scores of train are the same. Raises
    MissingExtra when what training takes is not installed.
    """
    del earlier  # stands on nothing
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not local or not len(setting.dev):
        return []
    need_packages()
    try:
        lesson = lesson_of_scored(setting.train)
    except DataError:
        return []
    return [_fitted(setting, encoder, lesson) for encoder in local]


def load(saved: Saved) -> Contender:
    """The cosine of the tuned encoder's vectors."""
    return _tuned(cosine.load(saved))


def _fitted(setting: Setting, encoder: TransformerEncoder, lesson: Lesson) -> Contender:
    exam = likeness_exam(setting.dev)
    candidates = recipes(encoder, lesson, "full", NO_WISHES, seed=setting.seed)
    tuned = choose_tuned(encoder, lesson, candidates, exam, progress=setting.progress)
    share = tuned.best().share
    found = cosine.on_dev(setting, encoder)
    if share:
        moved = blended(encoder, tuned, share, lesson.columns[0])
        learned = cosine.on_dev(setting, moved)
        if _level(setting, learned) >= _level(setting, found):
            made = _contender(setting, encoder, moved, tuned.settings(share), learned)
            kept = partial(copied, moved)
            return replace(made, seconds=tuned.seconds, save_encoder=kept, notes=tuned.notes)
    return replace(
        _contender(setting, encoder, encoder, tuned.settings(0.0), found),
        seconds=tuned.seconds,
        notes=(*tuned.notes, "no tuned weights beat the base on dev: this is the base"),
        same_as=named("cosine", encoder, setting.encoders),
    )


def _level(setting: Setting, likeness: Floats) -> float:
    return setting.level(Answers(likeness), setting.dev)


def _contender(
    setting: Setting,
    base: TransformerEncoder,
    encoder: TransformerEncoder,
    settings: Mapping[str, Any],
    likeness: Floats,
) -> Contender:
    name = named("tuned", base, setting.encoders)
    told = {**settings, "threshold": threshold(likeness, setting.dev)}
    return _tuned(cosine.contender(name, encoder, told, 0.0))


def _tuned(found: Contender) -> Contender:
    return replace(found, family="tuned", tuned=True, rung="full", reembed=True)

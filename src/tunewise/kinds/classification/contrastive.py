"""`contrastive`: the encoder tuned so that texts of one label lie together, then a linear head.

What few-shot learners do (Tunstall et al. 2022, "Efficient few-shot learning without prompts"),
with each text held against a whole batch instead of pairs drawn one by one.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tunewise.contenders.tuned import blended, copied
from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import TransformerEncoder
from tunewise.errors import DataError
from tunewise.kinds.classification import linear
from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.training.choosing import NO_WISHES, choose_tuned, need_packages, recipes
from tunewise.training.exam import naming_exam
from tunewise.training.lesson import Lesson, lesson_of_labels


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine.

    None without a dev part to stop on, or where no two labels have two texts. Raises MissingExtra
    when what training takes is not installed.
    """
    del earlier  # stands on nothing
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not local or not len(setting.dev):
        return []
    need_packages()
    try:
        lesson = lesson_of_labels(setting.train, seed=setting.seed)
    except DataError:
        return []
    return [_fitted(setting, encoder, lesson) for encoder in local]


def load(saved: Saved) -> Contender:
    """The tuned encoder and the head on it."""
    return replace(linear.load(saved), family="contrastive", tuned=True, rung="full")


def _fitted(setting: Setting, encoder: TransformerEncoder, lesson: Lesson) -> Contender:
    exam = naming_exam(_together(setting.train, setting.dev), rows=len(lesson), seed=setting.seed)
    candidates = recipes(encoder, lesson, "full", NO_WISHES, seed=setting.seed)
    tuned = choose_tuned(encoder, lesson, candidates, exam, progress=setting.progress)
    name, share = named("contrastive", encoder, setting.encoders), tuned.best().share
    base = linear.contender(name, encoder, linear.head_on(setting, encoder), tuned.seconds)
    if share:
        moved = blended(encoder, tuned, share, lesson.columns[0])
        found = linear.contender(name, moved, linear.head_on(setting, moved), tuned.seconds)
        if level(found, setting) >= level(base, setting):
            return told("contrastive", found, tuned.settings(share), tuned.notes, own=moved)
    return replace(
        told("contrastive", base, tuned.settings(0.0), tuned.notes, own=None),
        notes=(*tuned.notes, "no tuned weights beat the base on dev: this is the base"),
        same_as=named("linear", encoder, setting.encoders),
    )


def told(
    family: str,
    found: Contender,
    settings: dict[str, object],
    notes: tuple[str, ...],
    *,
    own: TransformerEncoder | None,
) -> Contender:
    """A head over an encoder as a tuned contender; `own` is the encoder if it was tuned."""
    return replace(
        found,
        family=family,
        tuned=True,
        rung="full",
        reembed=True,
        settings={**found.settings, **settings},
        save_encoder=None if own is None else partial(copied, own),
        notes=notes,
    )


def level(contender: Contender, setting: Setting) -> float:
    """The contender's level on dev."""
    return setting.level(contender.answer(setting.dev.texts), setting.dev)


def _together(train: LabelledTexts, dev: LabelledTexts) -> LabelledTexts:
    """Both parts in one, as an exam wants them."""
    return replace(
        train,
        texts=[*train.texts, *dev.texts],
        labels=np.concatenate([train.labels, dev.labels]),
        parts=np.concatenate([train.parts, dev.parts]),
        groups=np.concatenate([train.groups, dev.groups]),
    )

"""`tuned`: the encoder tuned so that texts of one label lie together, then k-means.

It learns as `contrastive` does where labels are to be given. What is looked at on the way is
whether neighbours within dev share a label, for dev may hold none of the labels learned from.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tunewise.contenders.tuned import blended, copied
from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import TransformerEncoder
from tunewise.errors import DataError
from tunewise.kinds.clustering import grouping
from tunewise.kinds.clustering.grouping import Space
from tunewise.kinds.clustering.kmeans import base_of, grouped
from tunewise.kinds.clustering.texts import has_gold
from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.training.choosing import NO_WISHES, choose_tuned, need_packages, recipes
from tunewise.training.exam import Naming, naming_exam
from tunewise.training.lesson import Lesson, lesson_of_labels


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine.

    None without a dev part to stop on, or where no two labels have two texts. Raises MissingExtra
    when what training takes is not installed.
    """
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not has_gold(setting.train) or not local or len(setting.dev) < 2:
        return []
    need_packages()
    told = setting.train.among(np.flatnonzero(setting.train.labels >= 0))
    try:
        lesson = lesson_of_labels(told, seed=setting.seed)
    except DataError:
        return []
    return [_fitted(setting, encoder, lesson, earlier) for encoder in local]


def load(saved: Saved) -> Contender:
    """The tuned encoder, and the groups it led to."""
    return replace(grouping.load(saved), tuned=True, rung="full")


def _fitted(
    setting: Setting, encoder: TransformerEncoder, lesson: Lesson, earlier: Sequence[Contender]
) -> Contender:
    began = time.perf_counter()
    exam = _exam(setting.dev, rows=len(lesson), seed=setting.seed)
    candidates = recipes(encoder, lesson, "full", NO_WISHES, seed=setting.seed)
    tuned = choose_tuned(encoder, lesson, candidates, exam, progress=setting.progress)
    name, share = named("tuned", encoder, setting.encoders), tuned.best().share
    base = base_of(setting, encoder, earlier)
    found, notes = base, tuned.notes
    if share:
        own = blended(encoder, tuned, share, lesson.columns[0])
        moved = grouped(setting, name, "tuned", Space(own), [base])
        if _level(moved, setting) > _level(base, setting):
            found = replace(moved, save_encoder=partial(copied, own))
    back = found is base
    if back:
        share, notes = 0.0, (*notes, "no tuned weights beat the base on dev: this is the base")
    return replace(
        found,
        name=name,
        family="tuned",
        tuned=True,
        rung="full",
        plain=False,
        reembed=True,
        settings={**found.settings, **tuned.settings(share)},
        notes=notes,
        same_as=base.name if back else None,
        seconds=time.perf_counter() - began,
    )


def _exam(dev: LabelledTexts, *, rows: int, seed: int) -> Naming:
    """Every other text of dev labelled by its neighbours among the rest."""
    known = np.random.default_rng(seed).permutation(len(dev)) % 2 == 0
    halves = replace(dev, parts=np.where(known, "train", "dev"))
    return naming_exam(halves, rows=rows, seed=seed)


def _level(contender: Contender, setting: Setting) -> float:
    return setting.level(contender.answer(setting.dev.texts), setting.dev)

"""`tuned`: the encoder tuned on normal texts, and the detector that dev likes best on its vectors.

Where normal texts have labels, those of one label are brought together, as `contrastive` does for
labels that are to be given. Without labels two views of each text are, and texts are told from each
other. Odd texts teach nothing; those of dev say when to stop, and whether it was worth it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tunewise.contenders.tuned import blended, copied
from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import Encoder, TransformerEncoder
from tunewise.encoders.vectors import Side
from tunewise.errors import DataError
from tunewise.kinds.anomaly import density, forest, mahalanobis, neighbours
from tunewise.kinds.anomaly.detector import MOST_KNOWN
from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.kinds.anomaly.metrics import auroc
from tunewise.kinds.kind import Contender, Entrant, Saved, Setting, named
from tunewise.training.choosing import NO_WISHES, choose_tuned, need_packages, recipes
from tunewise.training.exam import Encode
from tunewise.training.lesson import Lesson, lesson_of_labels, lesson_of_views

_DETECTORS: Mapping[str, Entrant] = {
    "neighbours": neighbours,
    "mahalanobis": mahalanobis,
    "density": density,
    "forest": forest,
}
_KNOWN, _ASKED = 1000, 100  # normal texts of train, and texts of dev of either sort, at a look
_COUNT = 5  # nearest normal texts, as `neighbours` usually has


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine.

    None where dev has no odd or no normal text to stop by, or train nothing to learn from. Raises
    MissingExtra when what training takes is not installed.
    """
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not local or len(np.unique(setting.dev.odd)) < 2:
        return []
    need_packages()
    try:
        lesson = lesson_of(setting.train.sample(MOST_KNOWN, setting.seed), setting.seed)
    except DataError:
        return []
    return [_fitted(setting, encoder, lesson, earlier) for encoder in local]


def load(saved: Saved) -> Contender:
    """The detector that was chosen, on the tuned encoder's vectors."""
    found = _DETECTORS[saved.settings["detector"]].load(saved)
    return replace(found, family="tuned", tuned=True, rung="full", settings=saved.settings)


def lesson_of(train: MarkedTexts, seed: int) -> Lesson:
    """Labels where two of them have two texts, else two views of each text.

    Raises DataError where texts are too few or too short for either.
    """
    told = train.among(np.flatnonzero(train.labels >= 0))
    labelled = LabelledTexts(told.texts, told.labels, told.names, told.parts, told.groups)
    try:
        return lesson_of_labels(labelled, seed=seed)
    except DataError:
        return lesson_of_views(train.first_of_each_group.texts, seed=seed)


def _fitted(
    setting: Setting, encoder: TransformerEncoder, lesson: Lesson, earlier: Sequence[Contender]
) -> Contender:
    began = time.perf_counter()
    exam = _exam(setting.train, setting.dev, setting.seed)
    candidates = recipes(encoder, lesson, "full", NO_WISHES, seed=setting.seed)
    tuned = choose_tuned(encoder, lesson, candidates, exam, progress=setting.progress)
    known = [one for one in earlier if one.encoder is encoder and one.family in _DETECTORS]
    base, level = _best(setting, known or _detectors(setting, encoder, list(_DETECTORS)))
    families = [one.family for one in known] or list(_DETECTORS)  # what frozen vectors had
    found, share, notes = base, tuned.best().share, tuned.notes
    if share:
        own = blended(encoder, tuned, share, lesson.columns[0])
        moved, reached = _best(setting, _detectors(setting, own, families))
        if reached > level:
            found = replace(moved, save_encoder=partial(copied, own))
    if back := found is base:
        share, notes = 0.0, (*notes, f"no tuned weights beat the base on dev: this is {base.name}")
    return replace(
        found,
        name=named("tuned", encoder, setting.encoders),
        family="tuned",
        tuned=True,
        rung="full",
        plain=False,
        reembed=True,
        settings={**found.settings, **tuned.settings(share), "detector": found.family},
        notes=(*found.notes, *notes),
        same_as=base.name if back else None,
        seconds=time.perf_counter() - began,
    )


def _detectors(setting: Setting, encoder: Encoder, families: Sequence[str]) -> list[Contender]:
    """The detectors of these families on this encoder's vectors."""
    own = replace(setting, encoders=[encoder])
    return [one for family in families for one in _DETECTORS[family].fit(own, [])]


def _best(setting: Setting, found: Sequence[Contender]) -> tuple[Contender, float]:
    """The detector that dev likes best, the first of equal ones, and how much."""
    dev = setting.dev
    levels = [setting.level(one.answer(dev.texts), dev) for one in found]
    best = int(np.argmax(levels))
    return found[best], levels[best]


@dataclass(frozen=True)
class Telling:
    """Dev texts told from normal ones by their nearest normal texts of train."""

    texts_asked: Sequence[str]
    odd: NDArray[np.bool_]
    texts_known: Sequence[str]
    metric: str = "AUROC"

    @property
    def texts(self) -> Sequence[tuple[Sequence[str], Side]]:
        """The texts asked about, and the normal ones."""
        return (self.texts_asked, "documents"), (self.texts_known, "documents")

    def __call__(self, encode: Encode) -> float:
        """How well odd texts are told, 0.5 by chance."""
        asked, known = (encode(texts, side) for texts, side in self.texts)
        far = neighbours.distances(asked, known, min(_COUNT, len(known)))
        return auroc(self.odd, far)(np.ones(len(far)))


def _exam(train: MarkedTexts, dev: MarkedTexts, seed: int) -> Telling:
    rng = np.random.default_rng(seed)
    sides = [rng.permutation(np.flatnonzero(side))[:_ASKED] for side in (dev.odd, ~dev.odd)]
    asked = dev.among(np.sort(np.concatenate(sides)))
    return Telling(asked.texts, asked.odd, train.sample(_KNOWN, seed).texts)

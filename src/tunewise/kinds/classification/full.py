"""`full`: the encoder and a linear head on it tuned together, by cross-entropy.

It begins as the linear contender, whose head is there already when the encoder starts to move; dev
says when to stop and how far of the way to go. Where dev likes the start best, it is the linear
contender, and says so.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tunewise.encoders import TransformerEncoder, held, load_folder
from tunewise.kinds.classification import contrastive, linear
from tunewise.kinds.classification.heads import Head, best_temperature
from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.training.choosing import NO_WISHES, choose_tuned, need_packages, recipes
from tunewise.training.exam import labelling_exam
from tunewise.training.lesson import lesson_of_classes
from tunewise.training.tuning import Tuned


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine.

    None without a dev part to stop on. Raises MissingExtra when what training takes is not
    installed.
    """
    del earlier  # its start is fitted anew: it may be asked for alone
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not local or not len(setting.dev):
        return []
    need_packages()
    return [_fitted(setting, encoder) for encoder in local]


def load(saved: Saved) -> Contender:
    """The tuned encoder and the head on it."""
    return replace(linear.load(saved), family="full", tuned=True, rung="full")


def _fitted(setting: Setting, encoder: TransformerEncoder) -> Contender:
    name, head = named("full", encoder, setting.encoders), linear.head_on(setting, encoder)
    tuned, own, moved = _moved(setting, encoder, head)
    base = linear.contender(name, encoder, head, tuned.seconds)
    if own is not None and moved is not None:
        found = linear.contender(name, own, moved, tuned.seconds)
        if contrastive.level(found, setting) >= contrastive.level(base, setting):
            settings = tuned.settings(tuned.best().share)
            return contrastive.told("full", found, settings, tuned.notes, own=own)
    return replace(
        contrastive.told("full", base, tuned.settings(0.0), tuned.notes, own=None),
        notes=(*tuned.notes, "no tuned weights beat the linear head on dev: this is that head"),
        same_as=named("linear", encoder, setting.encoders),
    )


def _moved(
    setting: Setting, encoder: TransformerEncoder, head: Head
) -> tuple[Tuned, TransformerEncoder | None, Head | None]:
    """What training gave, and the encoder and head dev liked best; None if those it began with."""
    from tunewise.training.labelling import parted, with_head

    lesson, exam = lesson_of_classes(setting.train), labelling_exam(setting.dev, seed=setting.seed)
    sure = head.temperature  # begin as sure of each label as dev says that one may be
    with TemporaryDirectory() as folder:
        start = with_head(encoder, head.weights / sure, head.bias / sure, Path(folder, "start"))
        candidates = recipes(start, lesson, "full", NO_WISHES, seed=setting.seed)
        tuned = choose_tuned(start, lesson, candidates, exam, progress=setting.progress)
        if not tuned.best().share:
            return tuned, None, None
        home, weights, bias = parted(start, tuned, tuned.best().share)
    own = load_folder(home, name=encoder.name, engine=encoder.way.word)
    own = held(own, lesson.columns[0])
    scores = setting.vectors(own, setting.dev.texts) @ weights.T + bias
    temperature, _ = best_temperature(scores, setting.dev.labels)
    settings = {"head": "cross-entropy", "temperature": temperature}
    return tuned, own, Head(weights, bias, temperature, settings)

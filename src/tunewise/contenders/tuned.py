"""What the rungs that change the encoder itself have in common: trained, blended, kept, loaded."""

import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tunewise.contenders.contender import (
    DEPTH,
    NO_TEXTS,
    Contender,
    Kept,
    Setting,
    dev_mean,
    encoding,
    named,
)
from tunewise.contenders.kept import kept_encoder
from tunewise.encoders import Encoder, TransformerEncoder, held, load_folder, save_model
from tunewise.files import whole_folder
from tunewise.progress import Progress
from tunewise.rankings import Rankings
from tunewise.retrieval import nearest
from tunewise.task import Texts
from tunewise.training.blend import save_blend
from tunewise.training.choosing import NO_WISHES, choose_tuned, need_packages, recipes
from tunewise.training.exam import search_exam
from tunewise.training.lesson import lesson_of_pairs
from tunewise.training.recipe import Rung
from tunewise.training.tuning import Tuned


def fit(rung: Rung, setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each encoder whose weights are on this machine.

    Nothing is fitted without training pairs or without a dev part to stop on. Raises MissingExtra
    when what training takes is not installed.
    """
    local = [encoder for encoder in setting.encoders if isinstance(encoder, TransformerEncoder)]
    if not local or not len(setting.training.train) or not len(setting.training.dev):
        return []
    need_packages()
    base = {c.encoder.stamp: c for c in earlier if c.encoder and c.family == "pretrained"}
    return [_fitted(rung, setting, encoder, base.get(encoder.stamp)) for encoder in local]


def load(kept: Kept) -> Contender:
    """The encoder that came of tuning, over these documents.

    Raises EncoderError when it is not the one that was measured.
    """
    return _contender(
        kept.saved["name"],
        kept.saved["family"],
        kept_encoder(kept),
        kept.documents,
        NO_TEXTS,
        kept.progress,
        settings=kept.saved["settings"],
        seconds=0.0,
    )


def _fitted(
    rung: Rung, setting: Setting, encoder: TransformerEncoder, base: Contender | None
) -> Contender:
    training, progress = setting.training, setting.progress
    began = time.perf_counter()
    lesson = lesson_of_pairs(training, setting.pairs, seed=setting.seed)
    reading = time.perf_counter() - began
    exam = search_exam(
        training,
        encoder.encode_queries(training.dev.queries.texts, progress=progress),
        setting.document_vectors(encoder),
        setting.metric,
        rows=len(lesson),
        seed=setting.seed,
    )
    candidates = recipes(encoder, lesson, rung, NO_WISHES, seed=setting.seed)
    tuned = choose_tuned(encoder, lesson, candidates, exam, progress=progress)
    best = tuned.best()
    made = partial(
        _contender,
        named(rung, encoder, setting.encoders),
        rung,
        documents=training.documents,
        dev=training.dev.queries,
        progress=progress,
        vectors=setting,
        seconds=reading + tuned.seconds,
    )
    settings = tuned.settings(best.share) | {"recipes_tried": len(candidates)}
    if best.share:
        moved = blended(encoder, tuned, best.share, lesson.columns[1])
        contender: Contender = made(encoder=moved, settings=settings, notes=tuned.notes)
        if base is None or _dev(contender, setting) >= _dev(base, setting):
            return contender
    note = "no tuned weights beat the base on dev: this is the base"
    return made(
        encoder=encoder,
        settings={**settings, "blend": 0.0},
        notes=(*tuned.notes, note),
        same_as=named("pretrained", encoder, setting.encoders),
    )


def blended(
    encoder: TransformerEncoder, tuned: Tuned, share: float, texts: Sequence[str]
) -> TransformerEncoder:
    """The encoder with weights this share of the way to the tuned ones, in a folder beside them.

    It computes as the encoder does, if on some of `texts` that is faithful for its weights too.
    """
    folder = tuned.weights.parent / f"model-{round(100 * share)}"
    if not folder.is_dir():
        with whole_folder(folder) as beside:
            save_blend(encoder, tuned, share, beside)
    return held(load_folder(folder, name=encoder.name, engine=encoder.way.word), texts)


def copied(encoder: TransformerEncoder, folder: Path) -> None:
    """Puts an encoder whose weights lie in a folder of their own into another one."""
    shutil.copytree(encoder.folder, folder, dirs_exist_ok=True)


def _dev(contender: Contender, setting: Setting) -> float:
    training = setting.training
    return dev_mean(contender.dev, training.dev, setting.metric, training.relevant_from)


def _contender(
    name: str,
    rung: Rung,
    encoder: Encoder,
    documents: Texts,
    dev: Texts,
    progress: Progress,
    *,
    settings: Mapping[str, Any],
    seconds: float,
    vectors: Setting | None = None,
    notes: tuple[str, ...] = (),
    same_as: str | None = None,
) -> Contender:
    found = (
        encoder.encode_documents(documents.texts, progress=progress)
        if vectors is None
        else vectors.document_vectors(encoder)
    )

    def rank(queries: Texts) -> Rankings:
        asked = encoder.encode_queries(queries.texts, progress=progress)
        return nearest(asked, found, queries.ids, documents.ids, k=DEPTH)

    def save_vectors(folder: Path) -> None:
        if settings["blend"] and isinstance(encoder, TransformerEncoder):
            copied(encoder, folder)
        else:
            save_model(encoder, folder)

    return Contender(
        name=name,
        family=rung,
        tuned=True,
        rank=rank,
        dev=rank(dev),
        settings=settings,
        bytes_per_document=4 * encoder.dimension,
        rung=rung,
        encoder=encoder,
        encode=encoding(encoder, progress),
        reembed=True,
        save_vectors=save_vectors,
        notes=notes,
        seconds=seconds,
        same_as=same_as,
    )

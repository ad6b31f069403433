"""`adapter`: a linear map on frozen vectors, on the query's side only, and on both sides."""

import time
from collections.abc import Callable, Mapping, Sequence
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
from tunewise.contenders.kept import MAPS, kept_encoder
from tunewise.encoders import Encoder, save_model
from tunewise.progress import Progress
from tunewise.rankings import Rankings
from tunewise.retrieval import nearest
from tunewise.task import Texts
from tunewise.training.adapter import Adapter, load_adapter, train_adapter
from tunewise.training.contrast import Vectors
from tunewise.training.looks import looks
from tunewise.training.recipe import Side, adapter_recipes

_BLENDS = (0.3, 0.5, 0.7, 0.85)
_BASE = Adapter(None, None)


def fit(
    setting: Setting,
    earlier: Sequence[Contender],
    *,
    sides: Sequence[Side] = ("query", "both"),
) -> list[Contender]:
    """Two contenders an encoder: one maps queries only, one maps documents too.

    Nothing is fitted without training pairs or without a dev part to stop on.
    """
    del earlier  # stands on nothing
    if not len(setting.training.train) or not len(setting.training.dev):
        return []
    return [_fitted(setting, encoder, side) for encoder in setting.encoders for side in sides]


def load(kept: Kept) -> Contender:
    """The encoder named in what was kept, with the maps that lie beside it."""
    began = time.perf_counter()
    encoder = kept_encoder(kept)
    return _contender(
        kept.saved["name"],
        encoder,
        load_adapter(kept.folder / MAPS),
        encoder.encode_documents(kept.documents.texts, progress=kept.progress),
        kept.documents,
        NO_TEXTS,
        kept.progress,
        settings=kept.saved["settings"],
        began=began,
    )


def _fitted(setting: Setting, encoder: Encoder, side: Side) -> Contender:
    training, progress, pairs = setting.training, setting.progress, setting.pairs
    queries = encoder.encode_queries(training.train.queries.texts, progress=progress)
    dev = encoder.encode_queries(training.dev.queries.texts, progress=progress)
    documents = setting.document_vectors(encoder)
    began = time.perf_counter()
    look = looks(training, dev, documents, setting.metric, seed=setting.seed)
    runs = []
    for recipe in adapter_recipes(side, seed=setting.seed):
        adapter, score = train_adapter(queries, documents, pairs, look, recipe, progress=progress)
        runs.append((score, recipe, adapter))
    score, recipe, adapter = max(runs, key=lambda run: run[0])
    adapter, blend = _blended(adapter, score, look)
    if not adapter.untouched and _worse_than_base(setting, adapter, dev, documents):
        adapter, blend = _BASE, 0.0
    return _contender(
        named(f"adapter-{side}", encoder, setting.encoders),
        encoder,
        adapter,
        documents,
        training.documents,
        training.dev.queries,
        progress,
        settings={
            "side": side,
            "recipe": recipe.to_dict(),
            "recipes_tried": len(runs),
            "blend": blend,
            "training_pairs": len(pairs),
        },
        notes=("no adapter beat the base on dev: this is the base",) if adapter.untouched else (),
        same_as=named("pretrained", encoder, setting.encoders) if adapter.untouched else None,
        began=began,
    )


def _worse_than_base(setting: Setting, adapter: Adapter, dev: Vectors, documents: Vectors) -> bool:
    """Whether on all of dev, against all documents, the adapter falls short of its base."""
    asked, ids = setting.training.dev.queries.ids, setting.training.documents.ids
    base, tuned = (
        dev_mean(
            nearest(one.queries(dev), one.documents(documents), asked, ids),
            setting.training.dev,
            setting.metric,
            setting.training.relevant_from,
        )
        for one in (_BASE, adapter)
    )
    return tuned < base


def _blended(
    adapter: Adapter, score: float, dev_score: Callable[[Adapter], float]
) -> tuple[Adapter, float]:
    """The point between the base and the adapter that does best on dev; a tie keeps the adapter."""
    best, share = adapter, 1.0
    for candidate in () if adapter.untouched else _BLENDS:
        moved = adapter.toward(candidate)
        if (found := dev_score(moved)) > score:
            best, share, score = moved, candidate, found
    return best, share


def _contender(
    name: str,
    encoder: Encoder,
    adapter: Adapter,
    vectors: Vectors,
    documents: Texts,
    dev: Texts,
    progress: Progress,
    *,
    settings: Mapping[str, Any],
    notes: tuple[str, ...] = (),
    same_as: str | None = None,
    began: float,
) -> Contender:
    mapped = adapter.documents(vectors)

    def rank(queries: Texts) -> Rankings:
        asked = adapter.queries(encoder.encode_queries(queries.texts, progress=progress))
        return nearest(asked, mapped, queries.ids, documents.ids, k=DEPTH)

    def save_vectors(folder: Path) -> None:
        save_model(encoder, folder, adapter.query_map, adapter.document_map)
        adapter.save(folder / MAPS)

    return Contender(
        name=name,
        family="adapter",
        tuned=True,
        rank=rank,
        dev=rank(dev),
        settings=settings,
        bytes_per_document=4 * encoder.dimension,
        rung="adapter",
        encoder=encoder,
        encode=encoding(encoder, progress, queries=adapter.queries, documents=adapter.documents),
        reembed=adapter.document_map is not None,
        save_vectors=save_vectors,
        notes=notes,
        seconds=time.perf_counter() - began,
        same_as=same_as,
    )

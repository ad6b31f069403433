"""`pretrained`: an encoder as it comes, exact nearest documents by cosine."""

import time
from collections.abc import Sequence
from functools import partial

from tunewise.contenders.contender import (
    DEPTH,
    NO_TEXTS,
    Contender,
    Kept,
    Setting,
    kept_encoder,
    named,
)
from tunewise.encoders import Encoder, save_model
from tunewise.progress import Progress
from tunewise.rankings import Rankings
from tunewise.retrieval import nearest
from tunewise.task import Texts


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; there is nothing to learn."""
    del earlier  # stands on nothing
    return [
        _contender(
            named("pretrained", encoder, setting.encoders),
            encoder,
            setting.training.documents,
            setting.training.dev.queries,
            setting.progress,
        )
        for encoder in setting.encoders
    ]


def load(kept: Kept) -> Contender:
    """The encoder named in what was kept, over these documents."""
    encoder = kept_encoder(kept)
    return _contender(kept.saved["name"], encoder, kept.documents, NO_TEXTS, kept.progress)


def _contender(
    name: str, encoder: Encoder, documents: Texts, dev: Texts, progress: Progress
) -> Contender:
    began = time.perf_counter()
    vectors = encoder.encode_documents(documents.texts, progress=progress)

    def rank(queries: Texts) -> Rankings:
        asked = encoder.encode_queries(queries.texts, progress=progress)
        return nearest(asked, vectors, queries.ids, documents.ids, k=DEPTH)

    return Contender(
        name=name,
        family="pretrained",
        tuned=False,
        rank=rank,
        dev=rank(dev),
        settings={},
        bytes_per_document=4 * encoder.dimension,
        encoder=encoder,
        save_vectors=partial(save_model, encoder),
        seconds=time.perf_counter() - began,
    )

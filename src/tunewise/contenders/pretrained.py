"""`pretrained`: an encoder as it comes, exact nearest documents by cosine."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tunewise.contenders.contender import (
    DEPTH,
    NO_TEXTS,
    Contender,
    Kept,
    Setting,
    encoding,
    named,
)
from tunewise.contenders.kept import kept_encoder
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
            setting.document_vectors(encoder),
            setting.training.documents,
            setting.training.dev.queries,
            setting.progress,
        )
        for encoder in setting.encoders
    ]


def load(kept: Kept) -> Contender:
    """The encoder named in what was kept, over these documents."""
    encoder = kept_encoder(kept)
    return _contender(
        kept.saved["name"],
        encoder,
        encoder.encode_documents(kept.documents.texts, progress=kept.progress),
        kept.documents,
        NO_TEXTS,
        kept.progress,
    )


def _contender(
    name: str,
    encoder: Encoder,
    vectors: NDArray[np.float32],
    documents: Texts,
    dev: Texts,
    progress: Progress,
) -> Contender:
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
        encode=encoding(encoder, progress),
        save_vectors=partial(save_model, encoder),
    )

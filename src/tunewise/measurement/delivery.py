"""Delivery: what tuning by hand gives away, as contenders that can be kept and loaded again."""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tunewise.contenders import Contender
from tunewise.contenders.contender import DEPTH, NO_TEXTS, encoding
from tunewise.data.examples import Examples
from tunewise.encoders import TransformerEncoder, save_model
from tunewise.progress import Progress
from tunewise.rankings import Rankings
from tunewise.retrieval import nearest
from tunewise.task import Task, Texts


def base_contender(encoder: TransformerEncoder, data: Examples, progress: Progress) -> Contender:
    """The encoder as it came."""
    save = partial(save_model, encoder)
    return _contender(encoder, data, progress, "pretrained", None, {}, save)


def tuned_contender(
    encoder: TransformerEncoder,
    data: Examples,
    rung: str,
    settings: Mapping[str, Any],
    progress: Progress,
) -> Contender:
    """A tuned encoder that lies in a folder, which is copied as it is."""

    def save(folder: Path) -> None:
        shutil.copytree(encoder.folder, folder, dirs_exist_ok=True)

    return _contender(encoder, data, progress, rung, rung, settings, save)


def _contender(
    encoder: TransformerEncoder,
    data: Examples,
    progress: Progress,
    family: str,
    rung: str | None,
    settings: Mapping[str, Any],
    save: Any,
) -> Contender:
    documents = data.documents if isinstance(data, Task) else NO_TEXTS

    def rank(queries: Texts) -> Rankings:
        asked = encoder.encode_queries(queries.texts, progress=progress)
        found = encoder.encode_documents(documents.texts, progress=progress)
        return nearest(asked, found, queries.ids, documents.ids, k=DEPTH)

    return Contender(
        name=family,
        family=family,
        tuned=rung is not None,
        rank=rank,
        dev=rank(NO_TEXTS),
        settings=settings,
        bytes_per_document=4 * encoder.dimension,
        rung=rung,
        encoder=encoder,
        encode=encoding(encoder, progress),
        reembed=rung is not None,
        save_vectors=save,
    )

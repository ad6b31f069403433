"""Folder: an encoder written as an ordinary sentence-transformers model, adapter included."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.encoder import Encoder
from tunewise.encoders.model import no_bars
from tunewise.encoders.transformer import TransformerEncoder

_Map = NDArray[np.float32] | None


def save_model(
    encoder: Encoder, folder: Path, query_map: _Map = None, document_map: _Map = None
) -> None:
    """Fills `folder` so that plain `SentenceTransformer(folder)` gives the evaluated vectors.

    With maps, `encode_query` and `encode_document` go through a Router that applies each side's.
    An encoder that is no sentence-transformers model (a hosted one, word-hash) has no such form,
    and nothing is written for it. Raises OSError when the disk refuses.
    """
    if isinstance(encoder, TransformerEncoder):
        _write(encoder, folder, query_map, document_map)


def _write(encoder: TransformerEncoder, folder: Path, query_map: _Map, document_map: _Map) -> None:
    model = encoder.copy()
    if query_map is not None or document_map is not None:
        from sentence_transformers.base.modules import Normalize, Router

        routes = {
            "query": [_dense(query_map, encoder.dimension)],
            "document": [_dense(document_map, encoder.dimension)],
        }
        # documents are what is encoded without a word about the side: an index is built of them
        model.append(Normalize())
        model.append(Router(routes, default_route="document"))
        model.append(Normalize())
    write_folder(model, folder)


def write_folder(model: Any, folder: Path) -> None:
    """Fills `folder` with a sentence-transformers model, safetensors only, without a card.

    Raises OSError when the disk refuses.
    """
    with no_bars(), _plain_refusals():
        model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)


@contextmanager
def _plain_refusals() -> Iterator[None]:
    """Makes of safetensors' own error for a full disk the OSError that it stands for."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as refusal:
        raise OSError(str(refusal)) from refusal


def _dense(square: _Map, dimension: int) -> Any:
    """A linear layer that gives `vector @ square`; the identity for None."""
    import torch
    from sentence_transformers.base.modules import Dense

    weight = np.eye(dimension, dtype=np.float32) if square is None else square.T
    return Dense(
        dimension,
        dimension,
        bias=False,
        activation_function=torch.nn.Identity(),
        init_weight=torch.from_numpy(np.ascontiguousarray(weight)),
    )

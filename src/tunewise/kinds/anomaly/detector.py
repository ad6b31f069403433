"""Detectors: contenders that say from a text's vector alone how odd it is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import Encoder
from tunewise.kinds.kind import Arrays, Contender, Vectors
from tunewise.retrieval.dense import blocks

Floats = NDArray[np.float64]

MOST_KNOWN = 100_000
"""Normal texts of train that are learned from; of more, so many are drawn. It bounds what is kept
and how long a text takes, and a hundred thousand leave little of what is normal out."""


def on_vectors(
    name: str,
    family: str,
    encoder: Encoder,
    oddness: Callable[[Vectors], Floats],
    *,
    settings: Mapping[str, Any],
    arrays: Arrays,
    **more: Any,
) -> Contender:
    """The contender whose answers are `oddness` of what the encoder makes of texts.

    `oddness` takes vectors (n, d) and gives (n,), higher for odder; it is asked block by block.
    `more` are further fields of the contender.
    """

    def answer(texts: Sequence[str]) -> Floats:
        found = np.empty(len(texts))
        for begin, some in blocks(encoder.encode_documents(texts)):
            found[begin : begin + len(some)] = oddness(some)
        return found

    return Contender(
        name=name,
        family=family,
        answer=answer,
        settings=settings,
        arrays=arrays,
        encoder=encoder,
        **{"tuned": False, **more},
    )


def drawn(known: int) -> tuple[str, ...]:
    """The note that only so many normal texts were learned from."""
    return (f"learned from {known:,} normal texts of train, drawn at random",)

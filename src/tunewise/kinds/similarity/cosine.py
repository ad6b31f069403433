"""`cosine`: the cosine of frozen vectors. What embeddings as they come are usually used for."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tunewise.encoders import Encoder
from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.kinds.similarity.answers import Floats, Pairs, answering, both, cosines, threshold


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; the first is the plain one that others are held against."""
    plain = not any(one.plain for one in earlier)
    found = []
    for place, encoder in enumerate(setting.encoders):
        name, began = named("cosine", encoder, setting.encoders), time.perf_counter()
        settings = {"threshold": threshold(on_dev(setting, encoder), setting.dev)}
        seconds = time.perf_counter() - began
        found.append(contender(name, encoder, settings, seconds, plain=plain and not place))
    return found


def load(saved: Saved) -> Contender:
    """The cosine of the same encoder's vectors."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return contender(saved.name, saved.encoder, saved.settings, 0.0)


def on_dev(setting: Setting, encoder: Encoder) -> Floats:
    """The cosines of dev's pairs (n,)."""
    return cosines(setting.vectors(encoder, setting.dev.texts))


def contender(
    name: str,
    encoder: Encoder,
    settings: Mapping[str, Any],
    seconds: float,
    *,
    plain: bool = False,
) -> Contender:
    """The cosine of what the encoder makes of two texts."""

    def likeness(pairs: Pairs) -> Floats:
        return cosines(encoder.encode_documents(both(pairs)))

    return Contender(
        name=name,
        family="cosine",
        tuned=False,
        answer=answering(likeness, settings),
        settings=settings,
        plain=plain,
        encoder=encoder,
        seconds=seconds,
    )

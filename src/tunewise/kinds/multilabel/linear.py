"""`linear`: a linear head for each label on frozen vectors, the plain way of using embeddings."""

import time
from collections.abc import Sequence
from dataclasses import replace

from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import answering, fit_head, scores_of


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; the first is the plain one that others are held against."""
    plain = not any(one.plain for one in earlier)
    found = []
    for place, encoder in enumerate(setting.encoders):
        began = time.perf_counter()
        vectors, seen = (setting.vectors(encoder, p.texts) for p in (setting.train, setting.dev))
        arrays, _, settings = fit_head(setting, vectors, seen)
        name = named("linear", encoder, setting.encoders)
        one = load(Saved(name, "linear", settings, arrays, encoder))
        seconds = time.perf_counter() - began
        found.append(replace(one, plain=plain and not place, seconds=seconds))
    return found


def load(saved: Saved) -> Contender:
    """The heads, on the same encoder's vectors."""
    encoder, arrays = saved.encoder, saved.arrays
    assert encoder is not None  # noqa: S101 - it was saved with one

    def scores(texts: Sequence[str]) -> Floats:
        return scores_of(encoder.encode_documents(texts), arrays)

    return Contender(
        name=saved.name,
        family="linear",
        tuned=False,
        answer=answering(scores, saved.settings),
        settings=saved.settings,
        arrays=arrays,
        encoder=encoder,
    )

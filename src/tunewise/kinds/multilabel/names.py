"""`names`: labels whose names are near enough to the text, by cosine. It takes no train texts."""

import time
from collections.abc import Sequence
from dataclasses import replace

from tunewise.encoders import Encoder
from tunewise.kinds.classification.heads import readable
from tunewise.kinds.kind import Contender, Saved, Setting, named
from tunewise.kinds.multilabel.answers import Floats
from tunewise.kinds.multilabel.heads import answering, settle


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where no name has a letter in it."""
    del earlier  # stands on nothing
    names = readable(setting.train.names)
    if not any(letter.isalpha() for name in names for letter in name):
        return []
    return [_fitted(setting, encoder, names) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The vectors of the names, and what dev made of cosines."""
    encoder, arrays = saved.encoder, saved.arrays
    assert encoder is not None  # noqa: S101 - it was saved with one

    def scores(texts: Sequence[str]) -> Floats:
        return (encoder.encode_documents(texts) @ arrays["names"].T).astype("float64")

    return Contender(
        name=saved.name,
        family="names",
        tuned=False,
        answer=answering(scores, saved.settings),
        settings=saved.settings,
        arrays=arrays,
        encoder=encoder,
    )


def _fitted(setting: Setting, encoder: Encoder, names: Sequence[str]) -> Contender:
    began = time.perf_counter()
    arrays = {"names": setting.vectors(encoder, names)}
    cosines = setting.vectors(encoder, setting.dev.texts) @ arrays["names"].T
    settled = settle(setting, cosines.astype("float64"))
    name = named("names", encoder, setting.encoders)
    found = load(Saved(name, "names", settled.settings, arrays, encoder))
    return replace(found, seconds=time.perf_counter() - began)

"""`names`: the label whose name is nearest to the text, by cosine. It takes no training texts."""

import time
from collections.abc import Sequence

import numpy as np

from tunewise.encoders import Encoder
from tunewise.kinds.classification.heads import Chances, Head, best_temperature, readable
from tunewise.kinds.kind import Contender, Saved, Setting, named


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; none where no name has a letter in it."""
    del earlier  # stands on nothing
    names = readable(setting.train.names)
    if not any(letter.isalpha() for name in names for letter in name):
        return []
    return [_fitted(setting, encoder, names) for encoder in setting.encoders]


def load(saved: Saved) -> Contender:
    """The vectors of the names, and the temperature."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    head = Head(saved.arrays["weights"], saved.arrays["bias"], saved.settings["temperature"], {})
    return _contender(saved.name, saved.encoder, head, 0.0)


def _fitted(setting: Setting, encoder: Encoder, names: Sequence[str]) -> Contender:
    began = time.perf_counter()
    vectors = setting.vectors(encoder, names)
    dev = setting.vectors(encoder, setting.dev.texts)
    temperature, _ = best_temperature(dev @ vectors.T, setting.dev.labels)
    head = Head(vectors, np.zeros(len(vectors), dtype=np.float32), temperature, {})
    name = named("names", encoder, setting.encoders)
    return _contender(name, encoder, head, time.perf_counter() - began)


def _contender(name: str, encoder: Encoder, head: Head, seconds: float) -> Contender:
    def answer(texts: Sequence[str]) -> Chances:
        return head.probabilities(encoder.encode_documents(texts))

    return Contender(
        name=name,
        family="names",
        tuned=False,
        answer=answer,
        settings={"temperature": head.temperature},
        arrays=head.arrays,
        encoder=encoder,
        seconds=seconds,
    )

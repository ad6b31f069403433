"""`linear`: a linear head on frozen vectors. What embeddings as they come are usually used for."""

import time
from collections.abc import Sequence

from tunewise.encoders import Encoder
from tunewise.kinds.classification.heads import Chances, Head, fit_head, restored
from tunewise.kinds.kind import Contender, Saved, Setting, named


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender an encoder; the first is the plain one that others are held against."""
    plain = not any(one.plain for one in earlier)
    found = []
    for place, encoder in enumerate(setting.encoders):
        began = time.perf_counter()
        head = head_on(setting, encoder)
        name = named("linear", encoder, setting.encoders)
        seconds = time.perf_counter() - began
        found.append(contender(name, encoder, head, seconds, plain=plain and not place))
    return found


def load(saved: Saved) -> Contender:
    """The head, on the same encoder's vectors."""
    assert saved.encoder is not None  # noqa: S101 - it was saved with one
    return contender(saved.name, saved.encoder, restored(saved.arrays, saved.settings), 0.0)


def head_on(setting: Setting, encoder: Encoder) -> Head:
    """A head on an encoder's vectors of the train part, as dev likes it."""
    train, dev = setting.train, setting.dev
    vectors, seen = (setting.vectors(encoder, part.texts) for part in (train, dev))
    return fit_head(vectors, train.labels, seen, dev.labels, len(train.names), seed=setting.seed)


def contender(
    name: str, encoder: Encoder, head: Head, seconds: float, *, plain: bool = False
) -> Contender:
    """A head over what the encoder makes of texts."""

    def answer(texts: Sequence[str]) -> Chances:
        return head.probabilities(encoder.encode_documents(texts))

    return Contender(
        name=name,
        family="linear",
        tuned=False,
        answer=answer,
        settings=head.settings,
        arrays=head.arrays,
        plain=plain,
        encoder=encoder,
        seconds=seconds,
    )

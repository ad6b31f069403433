"""`hybrid`: words and frozen vectors together, their probabilities multiplied as dev says.

A logarithmic opinion pool (Genest & Zidek 1986, "Combining probability distributions"): what both
hold likely is likelier than either says, where a mean of two is less sure than it is right.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from tunewise.kinds.classification.heads import Chances, best_temperature, logs, softmax
from tunewise.kinds.kind import Contender, Saved, Setting

_SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the vectors, the words having the rest


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each linear head on frozen vectors, once there is a lexical one."""
    words = [one for one in earlier if one.family == "lexical"]
    heads = [one for one in earlier if one.family == "linear"]
    return [_fitted(setting, words[0], one) for one in heads if words]


def load(saved: Saved) -> Contender:
    """The two it is made of, mixed as they were."""
    words, vectors, settings = saved.parts["words"], saved.parts["vectors"], saved.settings

    def answer(texts: Sequence[str]) -> Chances:
        mixed = _mixed(words.answer(texts), vectors.answer(texts), settings["share"])
        return softmax(mixed / settings["temperature"])

    return Contender(
        name=saved.name,
        family="hybrid",
        tuned=False,
        answer=answer,
        settings=settings,
        encoder=vectors.encoder,
        parts=saved.parts,
    )


def _fitted(setting: Setting, words: Contender, vectors: Contender) -> Contender:
    began, dev = time.perf_counter(), setting.dev
    one, other = (part.answer(dev.texts) for part in (words, vectors))
    fits = []
    for share in _SHARES:
        mixed = _mixed(one, other, share)
        temperature, loss = best_temperature(mixed, dev.labels)
        fits.append((setting.level(mixed, dev), -loss, share, temperature))
    _, _, share, temperature = max(fits, key=lambda fit: fit[:2])
    found = load(
        Saved(
            name=vectors.name.replace("linear", "hybrid"),
            family="hybrid",
            settings={"share": share, "temperature": temperature},
            arrays={},
            encoder=vectors.encoder,
            parts={"words": words, "vectors": vectors},
        )
    )
    taken = time.perf_counter() - began
    return replace(found, seconds=words.seconds + vectors.seconds + taken)


def _mixed(words: Chances, vectors: Chances, share: float) -> Chances:
    return (1 - share) * logs(words) + share * logs(vectors)

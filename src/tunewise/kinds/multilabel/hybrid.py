"""`hybrid`: words and frozen vectors together, their probabilities mixed as dev says."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tunewise.kinds.kind import Contender, Saved, Setting
from tunewise.kinds.multilabel.answers import Answers, Floats
from tunewise.kinds.multilabel.heads import answering, logit, settle

_SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the vectors, the words having the rest


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each linear head on frozen vectors, once there is a lexical one."""
    words = [one for one in earlier if one.family == "lexical"]
    heads = [one for one in earlier if one.family == "linear"]
    return [_fitted(setting, words[0], one) for one in heads if words]


def load(saved: Saved) -> Contender:
    """The two it is made of, mixed as they were."""
    words, vectors, share = saved.parts["words"], saved.parts["vectors"], saved.settings["share"]

    def scores(texts: Sequence[str]) -> Floats:
        return _mixed(words.answer(texts), vectors.answer(texts), share)

    return Contender(
        name=saved.name,
        family="hybrid",
        tuned=False,
        answer=answering(scores, saved.settings),
        settings=saved.settings,
        encoder=vectors.encoder,
        parts=saved.parts,
    )


def _fitted(setting: Setting, words: Contender, vectors: Contender) -> Contender:
    began = time.perf_counter()
    one, other = (part.answer(setting.dev.texts) for part in (words, vectors))
    settled = {share: settle(setting, _mixed(one, other, share)) for share in _SHARES}
    share = max(_SHARES, key=lambda share: settled[share].level)
    found = load(
        Saved(
            name=vectors.name.replace("linear", "hybrid"),
            family="hybrid",
            settings={"share": share, **settled[share].settings},
            arrays={},
            encoder=vectors.encoder,
            parts={"words": words, "vectors": vectors},
        )
    )
    taken = time.perf_counter() - began
    return replace(found, seconds=words.seconds + vectors.seconds + taken)


def _mixed(words: Answers, vectors: Answers, share: float) -> Floats:
    return np.asarray(logit((1 - share) * words.chances + share * vectors.chances))

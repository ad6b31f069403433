"""`hybrid`: words and vectors together, weighted as dev says."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tunewise.contenders.contender import Contender, Kept, Setting
from tunewise.rankings import Rankings
from tunewise.retrieval import choose_fusion, fuse
from tunewise.task import Texts


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each earlier one by vectors, once there is a lexical one to fuse it with.

    Those that have their hybrid already are passed over, so this can run again after each rung.
    """
    words = [contender for contender in earlier if contender.family == "lexical"]
    return [_fitted(setting, words[0], over) for over in unfused(earlier).values() if words]


def unfused(earlier: Sequence[Contender]) -> dict[str, Contender]:
    """The contenders by vectors that have no hybrid yet, by the name it will have."""
    fused = {over.parts["vectors"].name for over in earlier if over.parts}
    return {
        _name(one.name): one
        for one in earlier
        if one.encoder and not one.parts and one.name not in fused
    }


def load(kept: Kept) -> Contender:
    """The two contenders it is made of, fused as they were."""
    parts = kept.parts
    return _contender(
        parts["lexical"], parts["vectors"], kept.saved["settings"], time.perf_counter()
    )


def _fitted(setting: Setting, words: Contender, over: Contender) -> Contender:
    began = time.perf_counter()
    training = setting.training
    chosen = choose_fusion(
        words.dev,
        over.dev,
        training.dev.judgments,
        setting.metric,
        relevant_from=training.relevant_from,
    )
    settings = {"method": chosen.method, "weight": chosen.weight}
    return _contender(words, over, settings, began, notes=(chosen.reason,))


def _contender(
    words: Contender,
    over: Contender,
    settings: Mapping[str, Any],
    began: float,
    notes: tuple[str, ...] = (),
) -> Contender:
    def joined(first: Rankings, second: Rankings) -> Rankings:
        return fuse(first, second, weight=settings["weight"], method=settings["method"])

    def rank(queries: Texts) -> Rankings:
        return joined(words.rank(queries), over.rank(queries))

    return Contender(
        name=_name(over.name),
        family="hybrid",
        tuned=over.tuned,
        rank=rank,
        dev=joined(words.dev, over.dev),
        settings=settings,
        bytes_per_document=words.bytes_per_document + over.bytes_per_document,
        rung=over.rung,
        encoder=over.encoder,
        encode=over.encode,
        reembed=over.reembed,
        save_vectors=over.save_vectors,
        notes=notes,
        seconds=time.perf_counter() - began + words.seconds + over.seconds,
        parts={"lexical": words, "vectors": over},
        same_as=None if over.same_as is None else _name(over.same_as),
    )


def _name(over: str) -> str:
    """`hybrid` over the plain encoder, else the tuned contender's name with `-hybrid`."""
    word, _, encoder = over.partition("@")
    joined = "hybrid" if word == "pretrained" else f"{word}-hybrid"
    return f"{joined}@{encoder}" if encoder else joined

"""Classification: texts and the one label each of them has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tunewise.data.labelled import LabelledTexts
from tunewise.kinds.classification import (
    adapter,
    contrastive,
    full,
    hybrid,
    lexical,
    linear,
    majority,
    names,
    neighbours,
    reject,
)
from tunewise.kinds.classification.heads import Chances
from tunewise.kinds.classification.metrics import DECIDING, METRICS, score
from tunewise.kinds.classification.panels import panels
from tunewise.kinds.classification.reading import read_labelled
from tunewise.kinds.kind import (
    Contender,
    Kind,
    Parts,
    Shown,
    among,
    come_with,
    groups_of,
    texts_of,
)
from tunewise.kinds.panels import Panel

_TOLD = 3  # labels told of for each text


def _divide(examples: LabelledTexts, seed: int) -> Parts:
    del seed  # they came with their parts
    parts = come_with(examples, len(examples))
    if examples.outside is None:
        return parts
    none = {name: len(examples.outside.take(name)) for name in ("dev", "test")}
    return replace(parts, how={**parts.how, "none": none})


def _panels(shown: Shown) -> list[Panel]:
    return [*reject.panels(shown), *panels(shown)]


def _about(shown: Shown) -> Mapping[str, Any]:
    return {"names": list(shown.judged.names)}


def _told(
    contender: Contender,
    texts: Sequence[str],
    answers: Chances,
    about: Mapping[str, Any],
) -> Iterator[Mapping[str, Any]]:
    """Of each text its label, how probable that is, and what else it might be.

    Where the contender knows of texts that have no label, also how odd the text is, and whether
    it is one: then its label is None, and all that it might be is among the others.
    """
    names, above = about["names"], reject.threshold(contender)
    odd = None if above is None else reject.oddness(contender, texts, answers).tolist()
    for place, (text, chances) in enumerate(zip(texts, answers, strict=True)):
        likely = [
            {"label": names[label], "probability": round(float(chances[label]), 4)}
            for label in _likeliest(chances)
        ]
        if odd is None or above is None:
            yield {"text": text, **likely[0], "others": likely[1:]}
        elif odd[place] > above:
            none = {"label": None, "none": True, "oddness": round(odd[place], 4)}
            yield {"text": text, **none, "others": likely}
        else:
            told = {**likely[0], "none": False, "oddness": round(odd[place], 4)}
            yield {"text": text, **told, "others": likely[1:]}


def _likeliest(chances: Chances) -> list[int]:
    """The likeliest labels, the first of equals first."""
    count = min(_TOLD, len(chances))
    least = np.partition(chances, -count)[-count]
    there = np.flatnonzero(chances >= least)
    best: list[int] = there[np.argsort(-chances[there], kind="stable")][:count].tolist()
    return best


KIND = Kind(
    name="classification",
    unit="text",
    units="texts",
    metrics=METRICS,
    deciding=DECIDING,
    table={
        "majority": majority,
        "names": names,
        "lexical": lexical,
        "neighbours": neighbours,
        "linear": linear,
        "hybrid": hybrid,
        "adapter": adapter,
        "contrastive": contrastive,
        "full": full,
    },
    deep=("contrastive", "full"),
    taught=(
        *("majority", "lexical", "neighbours", "linear", "hybrid", "adapter"),
        *("contrastive", "full"),
    ),
    read=read_labelled,
    divide=_divide,
    take=among,
    asked=texts_of,
    groups=groups_of,
    score=score,
    panels=_panels,
    about=_about,
    told=_told,
    finish=reject.with_none,
    said=reject.said,
    trial='tunewise predict DIR "your words"',
)

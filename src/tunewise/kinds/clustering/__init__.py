"""Clustering: texts and the groups they fall into, known or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tunewise.data.labelled import LabelledTexts
from tunewise.encoders import Encoder
from tunewise.kinds.clustering import (
    adapter,
    density,
    hierarchical,
    hybrid,
    kmeans,
    lexical,
    tuned,
)
from tunewise.kinds.clustering.grouping import Numbers
from tunewise.kinds.clustering.metrics import GOLD, SILHOUETTE, score
from tunewise.kinds.clustering.panels import panels
from tunewise.kinds.clustering.texts import divide, drawn_by, has_gold, read, take
from tunewise.kinds.kind import Contender, Kind, texts_of


def _told(
    contender: Contender, texts: Sequence[str], answers: Numbers, about: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Of each text the number of its group, -1 where it is in none, and the group's name."""
    del about  # a contender names its own groups
    names = contender.settings["names"]
    for text, group in zip(texts, answers.tolist(), strict=True):
        yield {"text": text, "group": group, "name": names[group] if group >= 0 else None}


def _over(examples: LabelledTexts, encoders: Sequence[Encoder]) -> Kind:
    """Scored against labels where there are some, else by silhouette alone."""
    scored = partial(score, referee=encoders[0])
    if has_gold(examples):
        return replace(KIND, deciding=GOLD, score=scored)
    return replace(KIND, metrics=(SILHOUETTE,), deciding=(SILHOUETTE,), score=scored)


KIND = Kind(
    name="clustering",
    unit="text",
    units="texts",
    metrics=(*GOLD, SILHOUETTE),
    deciding=(*GOLD, SILHOUETTE),
    table={
        "lexical": lexical,
        "kmeans": kmeans,
        "hierarchical": hierarchical,
        "density": density,
        "hybrid": hybrid,
        "adapter": adapter,
        "tuned": tuned,
    },
    deep=("tuned",),
    taught=("adapter", "tuned"),
    read=read,
    divide=divide,
    take=take,
    asked=texts_of,
    groups=drawn_by,
    score=score,
    panels=panels,
    told=_told,
    trial='tunewise cluster DIR "your words"',
    over=_over,
)

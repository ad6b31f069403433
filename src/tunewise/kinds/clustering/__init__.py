"""Clustering: texts and the groups they fall into, known or not."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

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
from tunewise.kinds.clustering.metrics import GOLD, SILHOUETTE, score
from tunewise.kinds.clustering.panels import panels
from tunewise.kinds.clustering.texts import divide, drawn_by, has_gold, read, take
from tunewise.kinds.kind import Kind


def _asked(part: LabelledTexts) -> Sequence[str]:
    return part.texts


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
    read=read,
    divide=divide,
    take=take,
    asked=_asked,
    groups=drawn_by,
    score=score,
    panels=panels,
    over=_over,
)

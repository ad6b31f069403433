"""Classification: texts and the one label each of them has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.examples import read_examples
from tunewise.data.labelled import LabelledTexts
from tunewise.kinds.classification import (
    adapter,
    contrastive,
    hybrid,
    lexical,
    linear,
    majority,
    names,
    neighbours,
)
from tunewise.kinds.classification.metrics import DECIDING, METRICS, score
from tunewise.kinds.classification.panels import panels
from tunewise.kinds.kind import Contender, Kind, Parts, Shown, Source, refuse

_TOLD = 3  # labels told of for each text


def _read(source: Source) -> LabelledTexts:
    refuse(source, "classification")
    found = read_examples(
        source.path, kind="labelled", columns=source.columns or None, seed=source.seed
    )
    assert isinstance(found, LabelledTexts)  # noqa: S101 - the kind was named
    return found


def _divide(examples: LabelledTexts, seed: int) -> Parts:
    del seed  # they came with their parts
    parts = {name: examples.take(name) for name in ("train", "dev", "test")}
    how = {"by": "rows", **{name: len(part) for name, part in parts.items()}}
    return Parts(**parts, how=how, texts=len(examples), findings=examples.findings)


def _take(part: LabelledTexts, rows: NDArray[np.int64]) -> LabelledTexts:
    return part.among(rows)


def _asked(part: LabelledTexts) -> Sequence[str]:
    return part.texts


def _about(shown: Shown) -> Mapping[str, Any]:
    return {"names": list(shown.judged.names)}


def _told(
    contender: Contender,
    texts: Sequence[str],
    answers: NDArray[np.float64],
    about: Mapping[str, Any],
) -> Iterator[Mapping[str, Any]]:
    """Of each text its label, how probable that is, and what else it might be."""
    del contender  # its answers say it all
    names = about["names"]
    for text, chances in zip(texts, answers, strict=True):
        label, *others = [
            {"label": names[place], "probability": round(float(chances[place]), 4)}
            for place in np.argsort(-chances, kind="stable")[:_TOLD].tolist()
        ]
        yield {"text": text, **label, "others": others}


def _groups(part: LabelledTexts) -> Sequence[str]:
    return [str(group) for group in part.groups.tolist()]


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
    },
    deep=("contrastive",),
    taught=("majority", "lexical", "neighbours", "linear", "hybrid", "adapter", "contrastive"),
    read=_read,
    divide=_divide,
    take=_take,
    asked=_asked,
    groups=_groups,
    score=score,
    panels=panels,
    about=_about,
    told=_told,
    trial='tunewise predict DIR "your words"',
)

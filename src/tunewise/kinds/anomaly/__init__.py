"""Anomaly: texts that are normal, and how odd another one is beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.fields import listed
from tunewise.data.groups import fewest_groups
from tunewise.encoders import Encoder
from tunewise.errors import DataError
from tunewise.kinds.anomaly import (
    adapter,
    density,
    forest,
    hybrid,
    lexical,
    mahalanobis,
    neighbours,
    tuned,
)
from tunewise.kinds.anomaly.alone import fit_alone
from tunewise.kinds.anomaly.examples import MarkedTexts
from tunewise.kinds.anomaly.metrics import DECIDING, METRICS, score
from tunewise.kinds.anomaly.panels import panels
from tunewise.kinds.anomaly.reading import read_marked
from tunewise.kinds.kind import Contender, Kind, Parts, among, come_with, groups_of, texts_of


def _divide(examples: MarkedTexts, seed: int) -> Parts:
    del seed  # they came with their parts
    _require_both(examples.take("test"), examples)
    parts = come_with(examples, len(examples))
    odd = {name: int(examples.take(name).odd.sum()) for name in ("train", "dev", "test")}
    return replace(parts, how={**parts.how, "odd": odd})


def _require_both(measured: MarkedTexts, examples: MarkedTexts) -> None:
    """Raises DataError where the test part cannot show how well odd texts are told."""
    odd, normal = len(np.unique(measured.groups[measured.odd])), int((~measured.odd).sum())
    if not examples.odd.any():
        raise DataError(_none_odd(examples))
    if odd < fewest_groups():
        raise DataError(
            f"The test part of '{examples.source}' has {odd} odd texts that differ, too few to "
            f"tell skill from chance: it takes {fewest_groups()} at the least, and 30 or more for "
            "an interval worth having. Mark further texts of test as odd, or give no parts, to "
            "have all texts divided."
        )
    if not normal:
        raise DataError(
            f"The test part of '{examples.source}' has odd texts only, so there are no false "
            "alarms to count. Put normal texts into it, or give no parts, to have all divided."
        )


def _none_odd(examples: MarkedTexts) -> str:
    labels = listed([f"'{name}'" for name in examples.names], most=8)
    named = f"; there are {labels}" if labels else ""
    return (
        f"'{examples.source}' has no text that is marked as odd. Normal texts alone teach what is "
        "normal and give a threshold with a known rate of false alarms (in Python: "
        "kinds.anomaly.fit_alone), but not whether anything odd is caught, nor which contender "
        f"catches more. That takes a handful of odd texts to measure by, {fewest_groups()} at the "
        "least and better 30; nothing is learned from them. Mark them in a column odd (0 or 1), "
        f"name the labels that are odd (--set odd=LABEL{named}), or give them as a file of their "
        "own (--file odd=FILE). If you have none, take what should be noticed from elsewhere, such "
        "as texts on another subject, or look for some among the texts that fit_alone finds oddest."
    )


def _told(
    contender: Contender,
    texts: Sequence[str],
    answers: NDArray[np.float64],
    about: Mapping[str, Any],
) -> Iterator[Mapping[str, Any]]:
    """Of each text how odd it is, and whether that raises the alarm (None: no threshold)."""
    del about  # the threshold is the contender's own
    threshold = contender.settings.get("threshold")
    for text, oddness in zip(texts, answers.tolist(), strict=True):
        odd = None if threshold is None else oddness > threshold
        yield {"text": text, "oddness": round(oddness, 4), "odd": odd}


def _over(examples: MarkedTexts, encoders: Sequence[Encoder]) -> Kind:
    """Nobody had to label what has no labels: a contender that learns learns from texts alone."""
    del encoders
    return KIND if (examples.labels[~examples.odd] >= 0).any() else replace(KIND, taught=())


__all__ = ["KIND", "MarkedTexts", "fit_alone"]

KIND = Kind(
    name="anomaly",
    unit="text",
    units="texts",
    metrics=METRICS,
    deciding=DECIDING,
    table={
        "lexical": lexical,
        "neighbours": neighbours,
        "mahalanobis": mahalanobis,
        "density": density,
        "forest": forest,
        "hybrid": hybrid,
        "adapter": adapter,
        "tuned": tuned,
    },
    deep=("tuned",),
    taught=("adapter", "tuned"),
    read=read_marked,
    divide=_divide,
    take=among,
    asked=texts_of,
    groups=groups_of,
    score=score,
    panels=panels,
    told=_told,
    over=_over,
    trial='tunewise score DIR "your words"',
)

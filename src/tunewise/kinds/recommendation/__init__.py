"""Recommendation: users, what they chose in order of time, and what the items say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.data.histories import Histories, read_histories
from tunewise.errors import OptionError
from tunewise.kinds.kind import Contender, Kind, Shown, Source
from tunewise.kinds.recommendation import (
    adapter,
    content,
    factors,
    hybrid,
    popular,
    together,
)
from tunewise.kinds.recommendation.division import divide
from tunewise.kinds.recommendation.metrics import DECIDING, METRICS, score
from tunewise.kinds.recommendation.panels import panels
from tunewise.kinds.recommendation.part import Part, Question, histories
from tunewise.rankings import Rankings

_LONGEST = 200  # letters of an item's text that are told


def _read(source: Source) -> Histories:
    strange = [role for role in source.files if role != "items"]
    if strange:
        raise OptionError(
            f"'{strange[0]}' is no file of recommendation: beside the interactions there are items."
        )
    return read_histories(
        source.path,
        items=source.files.get("items"),
        columns=source.columns or None,
        options=source.options,
    )


def _take(part: Part, rows: NDArray[np.int64]) -> Part:
    return part.among(rows)


def _asked(part: Part) -> Question:
    return part.question


def _about(shown: Shown) -> Mapping[str, Any]:
    part: Part = shown.judged
    texts = {
        item: text[:_LONGEST] for item, text in zip(part.question.items, part.texts, strict=True)
    }
    return {"texts": texts, "users": histories(shown.train) | histories(shown.judged)}


def _told(
    contender: Contender, question: Question, answers: Rankings, about: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Each user's items, best first, `about["most"]` of them at the most."""
    del contender  # its answers say it all
    for row, user in enumerate(question.users):
        for item, liking in answers.best(row, about["most"]):
            told = {"user": user, "item": item, "score": round(float(liking), 4)}
            yield {**told, "text": about["texts"].get(item, "")}


def _groups(part: Part) -> Sequence[str]:
    return part.groups


KIND = Kind(
    name="recommendation",
    unit="user",
    units="users",
    metrics=METRICS,
    deciding=DECIDING,
    table={
        "popular": popular,
        "together": together,
        "factors": factors,
        "content": content,
        "hybrid": hybrid,
        "adapter": adapter,
    },
    deep=(),
    taught=(),
    read=_read,
    divide=divide,
    take=_take,
    asked=_asked,
    groups=_groups,
    score=score,
    panels=panels,
    about=_about,
    told=_told,
    trial="tunewise recommend DIR --user ID",
)

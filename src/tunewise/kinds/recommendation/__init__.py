"""Recommendation: users, what they chose in order of time, and what the items say."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.data.histories import Histories, read_histories
from tunewise.errors import OptionError
from tunewise.kinds.kind import Kind, Source
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
from tunewise.kinds.recommendation.part import Part, Question


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
    read=_read,
    divide=divide,
    take=_take,
    asked=_asked,
    groups=_groups,
    score=score,
    panels=panels,
)

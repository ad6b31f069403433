"""Recommendation: users, what they chose in order of time, and what the items say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunewise.data.histories import Histories, read_histories
from tunewise.errors import OptionError
from tunewise.kinds.kind import Contender, Kind, Shown, Source, among
from tunewise.kinds.recommendation import (
    adapter,
    content,
    factors,
    hybrid,
    popular,
    profile,
    together,
)
from tunewise.kinds.recommendation.division import divide
from tunewise.kinds.recommendation.metrics import DECIDING, METRICS, score
from tunewise.kinds.recommendation.panels import panels
from tunewise.kinds.recommendation.part import Part, Question, histories
from tunewise.rankings import Rankings

_LONGEST = 200  # letters of an item's text that are told


def _read(source: Source) -> Histories:
    strange = [role for role in source.files if role not in ("items", "users")]
    if strange:
        raise OptionError(
            f"'{strange[0]}' is no file of recommendation: beside the interactions there are items "
            "and users."
        )
    return read_histories(
        source.path,
        items=source.files.get("items"),
        users=source.files.get("users"),
        columns=source.columns or None,
        options=source.options,
    )


def _asked(part: Part) -> Question:
    return part.question


def _about(shown: Shown) -> Mapping[str, Any]:
    """The items with the beginning of their texts, and all that is known of each user."""
    part: Part = shown.judged
    known = histories(shown.train, *([] if shown.dev is None else [shown.dev]), part)
    return {
        "items": list(known.items),
        "texts": [text[:_LONGEST] for text in part.texts],
        "users": list(known.users),
        "starts": known.starts,
        "places": known.places,
        "profiles": list(known.profiles),
    }


def _told(
    contender: Contender, question: Question, answers: Rankings, about: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Each user's items, best first, `about["most"]` of them at the most."""
    del contender  # its answers say it all
    texts = dict(zip(about["items"], about["texts"], strict=True))
    for row, user in enumerate(question.users):
        for item, liking in answers.best(row, about["most"]):
            told = {"user": user, "item": item, "score": round(float(liking), 4)}
            yield {**told, "text": texts.get(item, "")}


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
        "profile": profile,
        "hybrid": hybrid,
        "adapter": adapter,
    },
    deep=(),
    taught=(),
    read=_read,
    divide=divide,
    take=among,
    asked=_asked,
    groups=_groups,
    score=score,
    panels=panels,
    about=_about,
    told=_told,
    trial="tunewise recommend DIR --user ID",
)

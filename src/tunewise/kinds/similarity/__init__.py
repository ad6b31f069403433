"""Similarity: pairs of texts, and how alike they are; duplicates, where that is yes or no."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tunewise.data.examples import read_examples
from tunewise.data.scored import ScoredPairs
from tunewise.encoders import Encoder
from tunewise.errors import DataError
from tunewise.kinds.kind import (
    Contender,
    Kind,
    Parts,
    Source,
    among,
    come_with,
    groups_of,
    refuse,
)
from tunewise.kinds.similarity import adapter, cosine, hybrid, lexical, tuned
from tunewise.kinds.similarity.answers import Answers, Pairs, asked
from tunewise.kinds.similarity.metrics import DECIDING, METRICS, deciding, score
from tunewise.kinds.similarity.panels import panels


def _over(examples: ScoredPairs, encoders: Sequence[Encoder]) -> Kind:
    """What decides depends on whether pairs are graded or only marked."""
    del encoders
    return replace(KIND, deciding=deciding(examples))


def _read(source: Source) -> ScoredPairs:
    refuse(source, "similarity")
    found = read_examples(
        source.path, kind="scored", columns=source.columns or None, seed=source.seed
    )
    assert isinstance(found, ScoredPairs)  # noqa: S101 - the kind was named
    return found


def _divide(examples: ScoredPairs, seed: int) -> Parts:
    del seed  # they came with their parts
    _require_both(examples, examples.take("test"))
    return come_with(examples, len(set(examples.texts)))


def _require_both(examples: ScoredPairs, judged: ScoredPairs) -> None:
    """Raises DataError where all test pairs have one score: there is no order to be told."""
    if len(judged) and len(set(judged.scores.tolist())) < 2:
        marked = deciding(examples) != DECIDING
        what = "who tells duplicates from others" if marked else "who puts pairs in order"
        raise DataError(
            f"All {len(judged)} test pairs of '{examples.source}' are scored alike, so it cannot "
            f"be measured {what}. Put pairs that are more and less alike into test, or give no "
            "parts, to have all pairs divided."
        )


def _told(
    contender: Contender, pairs: Pairs, answers: Answers, about: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Of each pair how alike it is, and whether that makes it a duplicate."""
    del contender, about  # the answers say it all
    called = None if answers.threshold is None else answers.duplicates
    for place, (first, second) in enumerate(pairs):
        likeness = round(float(answers.likeness[place]), 4)
        duplicate = None if called is None else bool(called[place])
        yield {"first": first, "second": second, "likeness": likeness, "duplicate": duplicate}


KIND = Kind(
    name="similarity",
    unit="pair",
    units="pairs",
    metrics=METRICS,
    deciding=DECIDING,
    table={
        "lexical": lexical,
        "cosine": cosine,
        "hybrid": hybrid,
        "adapter": adapter,
        "tuned": tuned,
    },
    deep=("tuned",),
    taught=("adapter", "tuned"),
    read=_read,
    divide=_divide,
    take=among,
    asked=asked,
    groups=groups_of,
    score=score,
    panels=panels,
    over=_over,
    told=_told,
    trial='tunewise score DIR "one text" "another"',
)

"""Contender: one complete way to answer the task, tuned or not, fitted and ready to rank."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.data.pairs import Pairs, training_pairs
from tunewise.encoders import Encoder
from tunewise.errors import OptionError
from tunewise.metrics import Threshold, best_threshold, parse_metric, score
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings
from tunewise.task import Part, Texts, Training
from tunewise.training.exam import Encode

NO_TEXTS = Texts([], [])
Map = Callable[[NDArray[np.float32]], NDArray[np.float32]]
DEPTH = 200  # documents a ranking holds; a fusion of shallower lists loses what one lacks


@dataclass(frozen=True)
class Setting:
    """What every contender is given to learn from and choose on; the test part is not in here.

    `vectors` holds the documents' vectors by the stamps of the encoders that made them.
    """

    training: Training
    encoders: Sequence[Encoder]
    metric: str
    language: str | None = None
    seed: int = 0
    progress: Progress = silent
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @cached_property
    def pairs(self) -> Pairs:
        """What the train part says, found once for all contenders: near-duplicates take time."""
        return training_pairs(self.training)

    def document_vectors(self, encoder: Encoder) -> NDArray[np.float32]:
        """The documents' vectors (n, d) by this encoder, made once for all contenders."""
        if encoder.stamp not in self.vectors:
            texts = self.training.documents.texts
            self.vectors[encoder.stamp] = encoder.encode_documents(texts, progress=self.progress)
        return self.vectors[encoder.stamp]


@dataclass(frozen=True)
class Contender:
    """One complete way to answer the task, fitted.

    `rank` gives the best DEPTH documents for each query and `dev` is what it gave for the dev
    queries. `settings` is what was chosen on dev, in plain values: with the encoder's name,
    enough to load the contender again. `encode` gives the vectors it compares, adapter and all, if
    it compares vectors. `save_vectors` writes what plain sentence-transformers
    can load, if there is such a thing. `reembed` says whether the documents need new vectors when
    it replaces the plain encoder. `seconds` is what fitting took, without encoding. `parts` are
    the contenders it is made of. `same_as` names the untuned contender that this one is, where
    tuning gave it back. `threshold` is the score below which what was found for dev was mostly
    noise; None where that was not looked at.
    """

    name: str
    family: str
    tuned: bool
    rank: Callable[[Texts], Rankings]
    dev: Rankings
    settings: Mapping[str, Any]
    bytes_per_document: int
    rung: str | None = None
    encoder: Encoder | None = None
    encode: Encode | None = None
    reembed: bool = False
    save_vectors: Callable[[Path], None] | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    parts: Mapping[str, "Contender"] = field(default_factory=dict, repr=False)
    same_as: str | None = None
    threshold: Threshold | None = None


@dataclass(frozen=True)
class Kept:
    """A contender as it lies in a folder: its description, and those it is made of, loaded."""

    saved: Mapping[str, Any]
    folder: Path
    documents: Texts = NO_TEXTS
    parts: Mapping[str, Contender] = field(default_factory=dict)
    progress: Progress = silent


class Entrant(Protocol):
    """What a file in this folder offers."""

    def fit(self, setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
        """The contenders of this family, given those fitted before it."""

    def load(self, kept: Kept) -> Contender:
        """The contender that was kept, ready to rank its documents."""


def encoding(
    encoder: Encoder,
    progress: Progress = silent,
    *,
    queries: Map = lambda vectors: vectors,
    documents: Map = lambda vectors: vectors,
) -> Encode:
    """What an exam asks: texts of a side become unit vectors, kept in the cache, then mapped."""

    def encode(texts: Sequence[str], side: str) -> NDArray[np.float32]:
        if side == "queries":
            return queries(encoder.encode_queries(texts, progress=progress))
        return documents(encoder.encode_documents(texts, progress=progress))

    return encode


def named(word: str, encoder: Encoder, encoders: Sequence[Encoder]) -> str:
    """The contender's name: the encoder is part of it only where there are several."""
    return word if len(encoders) < 2 else f"{word}@{encoder.name}"


def check_depth(metric: str) -> None:
    """Raises OptionError for a metric that looks at more places than rankings here have."""
    k = parse_metric(metric).k
    if k is not None and k > DEPTH:
        raise OptionError(
            f"{metric} looks at {k} places, and a ranking here has {DEPTH}. Choose a k of {DEPTH} "
            "at most."
        )


def dev_mean(rankings: Rankings, dev: Part, metric: str, relevant_from: float) -> float:
    """The metric's mean over dev; 0 for an empty dev part."""
    if not len(dev):
        return 0.0
    return score(rankings, dev.judgments, [metric], relevant_from=relevant_from).mean(metric)


def calibrated(contender: Contender, training: Training) -> Contender:
    """The same contender with the threshold of the best F1 over its dev queries' documents.

    What nobody judged counts as noise. What is relevant and not among the DEPTH documents of its
    query is left out: no threshold could keep it.
    """
    place = {id_: number for number, id_ in enumerate(contender.dev.document_ids)}
    relevant: list[NDArray[np.bool_]] = []
    for query, (places, _) in zip(contender.dev.query_ids, contender.dev, strict=True):
        grades = training.dev.judgments.get(query, {})
        right = [place[id_] for id_, grade in grades.items() if grade >= training.relevant_from]
        relevant.append(np.isin(places, right))
    found = np.concatenate([np.empty(0, dtype=bool), *relevant])
    return replace(contender, threshold=best_threshold(contender.dev.scores, found))

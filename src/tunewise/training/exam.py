"""Exams: how good an encoder is on dev, asked several times while it is tuned.

Encoding every document for each look would cost more than the training. An exam has few texts,
chosen once: it tells better from worse, not how good the encoder is on everything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.vectors import Side
from tunewise.metrics import score
from tunewise.retrieval import nearest
from tunewise.task import Judgments, Texts, Training

if TYPE_CHECKING:
    from tunewise.data.examples import LabelledTexts, ScoredPairs

Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[str], Side], Vectors]
"""Unit vectors (n, d) of texts on one side, by the encoder as it stands."""

_QUERIES = 200  # dev queries asked at most
_LEAST_QUERIES = 60  # and at least, if there are as many
_ROWS_A_QUERY = 10  # rows of the lesson for each dev query: a look costs some 6 % of an epoch
_RELEVANT = 2  # relevant documents of a query that are among the candidates
_WRONG = 2  # best-ranked others of a query that are, too
_NEIGHBOURS = 10  # texts that vote on a label
_KNOWN = 1000  # train texts that may vote
_LABELLED = 1000  # dev texts that a head labels


class Exam(Protocol):
    """What is looked at while an encoder is tuned; higher is better."""

    @property
    def metric(self) -> str:
        """What the number is, for those who read it."""

    @property
    def texts(self) -> Sequence[tuple[Sequence[str], Side]]:
        """All texts it will ask to have encoded."""

    def __call__(self, encode: Encode) -> float:
        """The encoder's score."""


@dataclass(frozen=True)
class Search:
    """Dev queries that rank a few hundred documents: their own, and what the base mistakes for it.

    The candidates are harder than the corpus and far fewer, so the score is not that of the
    corpus; which of two encoders is better, it tells.
    """

    queries: Texts
    documents: Texts
    judgments: Judgments
    metric: str
    relevant_from: float

    @property
    def texts(self) -> Sequence[tuple[Sequence[str], Side]]:
        """The queries and the candidates."""
        return (self.queries.texts, "queries"), (self.documents.texts, "documents")

    def __call__(self, encode: Encode) -> float:
        """The metric's mean over the queries."""
        asked, found = (encode(texts, side) for texts, side in self.texts)
        ranked = nearest(asked, found, self.queries.ids, self.documents.ids, k=len(self.documents))
        scores = score(ranked, self.judgments, [self.metric], relevant_from=self.relevant_from)
        return scores.mean(self.metric)


def search_exam(
    training: Training, queries: Vectors, documents: Vectors, metric: str, *, rows: int, seed: int
) -> Search:
    """An exam for a lesson of `rows` rows, by the base's dev and document vectors."""
    generator = np.random.default_rng(seed)
    dev, corpus = training.dev, training.documents
    count = int(np.clip(rows // _ROWS_A_QUERY, _LEAST_QUERIES, _QUERIES))
    asked = np.sort(generator.permutation(len(dev))[:count])
    ids = [dev.queries.ids[int(place)] for place in asked]
    best = nearest(queries[asked], documents, ids, corpus.ids, k=_WRONG + _RELEVANT)
    chosen: dict[int, None] = {}
    for query, (ranked, _) in zip(ids, best, strict=True):
        grades = dev.judgments[query]
        right = [d for d, grade in grades.items() if grade >= training.relevant_from]
        right.sort(key=lambda d: -grades[d])
        kept = [corpus.position[d] for d in right[:_RELEVANT]]
        wrong = [place for place in ranked.tolist() if corpus.ids[place] not in right]
        chosen |= dict.fromkeys([*kept, *wrong[:_WRONG]])
    pool = corpus.take(sorted(chosen))
    judged = {
        query: {d: g for d, g in dev.judgments[query].items() if d in pool.position}
        for query in ids
    }
    asked_texts = dev.queries.take(asked.tolist())
    return Search(asked_texts, pool, judged, metric, training.relevant_from)


@dataclass(frozen=True)
class Likeness:
    """Dev pairs and their scores: do the cosines put them into the same order?"""

    first: Sequence[str]
    second: Sequence[str]
    scores: NDArray[np.float64]
    metric: str = "Spearman"

    @property
    def texts(self) -> Sequence[tuple[Sequence[str], Side]]:
        """Both texts of every pair."""
        return (self.first, "documents"), (self.second, "documents")

    def __call__(self, encode: Encode) -> float:
        """Spearman's correlation of cosine and score; 0 where all cosines are equal."""
        from scipy.stats import rankdata

        one, other = (encode(texts, side) for texts, side in self.texts)
        ranks = np.stack([rankdata(np.einsum("nd,nd->n", one, other)), rankdata(self.scores)])
        if not ranks.std(axis=1).all():
            return 0.0
        return float(np.corrcoef(ranks)[0, 1])


def likeness_exam(examples: "ScoredPairs", part: str = "dev") -> Likeness:
    """An exam of all scored pairs of a part."""
    chosen = examples.take(part)
    return Likeness(chosen.first, chosen.second, np.asarray(chosen.scores))


@dataclass(frozen=True)
class Naming:
    """Dev texts labelled by the vote of their ten nearest train texts, weighted by cosine."""

    texts_asked: Sequence[str]
    labels: NDArray[np.int64]
    texts_known: Sequence[str]
    labels_known: NDArray[np.int64]
    metric: str = "accuracy"

    @property
    def texts(self) -> Sequence[tuple[Sequence[str], Side]]:
        """The texts to be labelled, and those whose labels are known."""
        return (self.texts_asked, "documents"), (self.texts_known, "documents")

    def __call__(self, encode: Encode) -> float:
        """The share of texts that get their own label."""
        return float(self.correct(encode).mean())

    def correct(self, encode: Encode) -> NDArray[np.float64]:
        """1 for each text that gets its own label, else 0: (n,)."""
        asked, known = (encode(texts, side) for texts, side in self.texts)
        cosines = asked @ known.T
        count = min(_NEIGHBOURS, len(self.texts_known))
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        votes = np.zeros((len(asked), int(self.labels_known.max()) + 1))
        rows = np.repeat(np.arange(len(asked)), count)
        weights = np.maximum(np.take_along_axis(cosines, best, axis=1).ravel(), 0)
        np.add.at(votes, (rows, self.labels_known[best].ravel()), weights)
        return np.asarray(votes.argmax(axis=1) == self.labels, dtype=np.float64)


def naming_exam(
    examples: "LabelledTexts", part: str = "dev", *, rows: int | None, seed: int
) -> Naming:
    """An exam of a part's texts: a sample fit for a lesson of `rows` rows, or (None) all."""
    generator = np.random.default_rng(seed)
    asked, known = examples.take(part), examples.take("train")
    take = np.arange(len(asked.texts))
    vote = np.arange(len(known.texts))
    if rows is not None:
        count = int(np.clip(rows // _ROWS_A_QUERY, _LEAST_QUERIES, _QUERIES))
        take = np.sort(generator.permutation(take)[:count])
        vote = np.sort(generator.permutation(vote)[:_KNOWN])
    return Naming(
        [asked.texts[place] for place in take.tolist()],
        asked.labels[take],
        [known.texts[place] for place in vote.tolist()],
        known.labels[vote],
    )


@dataclass(frozen=True)
class Labelling:
    """Dev texts labelled by an encoder whose vectors are what its head says of each label."""

    texts_asked: Sequence[str]
    labels: NDArray[np.int64]
    metric: str = "accuracy"

    @property
    def texts(self) -> Sequence[tuple[Sequence[str], Side]]:
        """The texts to be labelled."""
        return ((self.texts_asked, "documents"),)

    def __call__(self, encode: Encode) -> float:
        """The share of texts that get their own label; the length of a vector says nothing."""
        chosen = encode(self.texts_asked, "documents").argmax(axis=1)
        return float(np.mean(chosen == self.labels))


def labelling_exam(examples: "LabelledTexts", *, seed: int) -> Labelling:
    """An exam of the dev part's texts, of a thousand drawn where there are more."""
    dev = examples.take("dev")
    rows = np.sort(np.random.default_rng(seed).permutation(len(dev))[:_LABELLED])
    return Labelling([dev.texts[row] for row in rows.tolist()], dev.labels[rows])

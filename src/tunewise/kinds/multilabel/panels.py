"""What a report shows of sets of labels: how far to trust a probability, what is missed."""

import numpy as np
from numpy.typing import NDArray

from tunewise.data.multilabelled import MultiLabelledTexts
from tunewise.kinds.doubles import doubles
from tunewise.kinds.kind import Shown
from tunewise.kinds.multilabel.answers import Answers
from tunewise.kinds.multilabel.metrics import score
from tunewise.kinds.panels import LEAST, Curves, Examples, Line, Panel, Table, excerpt, reliability

_READ = 10  # texts shown
_HARDEST = 20  # labels told of


def panels(shown: Shown) -> list[Panel]:
    """A reliability diagram, sure mistakes, labels by F1, and texts that stand in train apart."""
    part: MultiLabelledTexts = shown.judged
    answers: Answers = shown.answers[shown.contender.name]
    found: list[Panel] = [_reliability(part, answers)]
    if (part.labels != answers.told).any():
        found.append(_mistakes(part, answers))
    found.append(_labels(part, answers))
    return found + doubles(shown, score, "micro-F1")


def _reliability(part: MultiLabelledTexts, answers: Answers) -> Curves:
    sure, right = answers.chances.ravel(), part.labels.ravel()
    return Curves(
        "How far to trust a probability",
        "Where labels are this probable, so many are right. On the diagonal a probability means "
        "what it says. From the line on, a label is told. A dot is a tenth of the probabilities "
        f"with {LEAST} labels or more.",
        "probability of a label",
        "share that is right",
        [Line("test texts and labels", reliability(sure, right))],
        diagonal=True,
        mark=answers.threshold,
    )


def _mistakes(part: MultiLabelledTexts, answers: Answers) -> Examples:
    """Texts by their surest mistake: a label told that is not theirs, or one that was missed."""
    given = np.where(part.labels, answers.chances, 1 - answers.chances)
    wrong = part.labels != answers.told
    sureness = np.where(wrong, given, 1.0).min(axis=1)
    items = []
    for row in np.argsort(sureness, kind="stable")[:_READ].tolist():
        extra, missed = answers.told[row] & ~part.labels[row], part.labels[row] & ~answers.told[row]
        told = [f"not {_named(part, answers, row, extra)}"] if extra.any() else []
        told += [f"also {_named(part, answers, row, missed)}"] if missed.any() else []
        if told:
            items.append((excerpt(part.texts[row]), "; ".join(told)))
    return Examples(
        "Sure and wrong",
        "The surest mistakes first, each label with its probability: what was told and is not the "
        "text's ('not'), and what was missed ('also'). Look whether it is the answer or the label "
        "that is wrong.",
        items,
    )


def _named(part: MultiLabelledTexts, answers: Answers, row: int, labels: NDArray[np.bool_]) -> str:
    return ", ".join(
        f"{part.names[label]} ({answers.chances[row, label]:.2f})"
        for label in np.flatnonzero(labels).tolist()
    )


def _labels(part: MultiLabelledTexts, answers: Answers) -> Table:
    own, told = part.labels.sum(axis=0), answers.told.sum(axis=0)
    hits = (part.labels & answers.told).sum(axis=0)
    rows = [
        (
            part.names[label],
            int(own[label]),
            round(float(2 * hits[label] / (own[label] + told[label])), 3),
            round(float(hits[label] / max(told[label], 1)), 3),
            round(float(hits[label] / own[label]), 3),
        )
        for label in np.flatnonzero(own).tolist()
    ]
    rows.sort(key=lambda row: (row[2], row[0]))
    return Table(
        "Labels, hardest first",
        "Precision is the share of texts told a label that have it, recall the share of texts "
        "with it that are told; F1 is their harmonic mean.",
        ("label", "test texts", "F1", "precision", "recall"),
        rows[:_HARDEST],
    )

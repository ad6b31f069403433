"""What a report shows of labels: what is mistaken for what, how far to trust a probability."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from tunewise.data.labelled import LabelledTexts
from tunewise.kinds.classification.heads import Chances
from tunewise.kinds.classification.metrics import score
from tunewise.kinds.doubles import doubles
from tunewise.kinds.kind import Shown
from tunewise.kinds.panels import LEAST, Curves, Examples, Line, Panel, Table, excerpt, reliability

_CONFUSED = 8  # pairs of labels told of
_READ = 10  # texts shown
_SHORT = 80  # characters of one that stands in a table


def panels(shown: Shown) -> list[Panel]:
    """Confusions with examples, a reliability diagram, labels by F1, and doubles apart."""
    part: LabelledTexts = shown.judged
    answers = shown.answers[shown.contender.name]
    found: list[Panel] = [_reliability(part, answers)]
    wrong = np.flatnonzero(answers.argmax(axis=1) != part.labels)
    if len(wrong):
        found += [_confusions(part, answers, wrong), _mistakes(part, answers, wrong)]
    found.append(_labels(part, answers))
    return found + doubles(shown, score, "accuracy")


def _reliability(part: LabelledTexts, answers: Chances) -> Curves:
    sure = answers.max(axis=1)
    right = answers.argmax(axis=1) == part.labels
    return Curves(
        "How far to trust a probability",
        "Where answers are this sure, so many are right. On the diagonal a probability means what "
        "it says; below it, answers are too sure of themselves. A dot is a tenth of the "
        f"probabilities with {LEAST} texts or more.",
        "probability of the label chosen",
        "share that is right",
        [Line("test texts", reliability(sure, right))],
        diagonal=True,
    )


def _confusions(part: LabelledTexts, answers: Chances, wrong: NDArray[np.int64]) -> Table:
    chosen = answers.argmax(axis=1)
    pairs = Counter(zip(part.labels[wrong].tolist(), chosen[wrong].tolist(), strict=True))
    counts = np.bincount(part.labels, minlength=len(part.names))
    surest = wrong[np.argsort(-answers[wrong].max(axis=1), kind="stable")]
    rows = []
    for (truth, taken), times in pairs.most_common(_CONFUSED):
        own = (part.labels[surest] == truth) & (chosen[surest] == taken)
        example = excerpt(part.texts[surest[own][0]], _SHORT)
        of_label = f"{100 * times / counts[truth]:.0f} %"
        rows.append((part.names[truth], part.names[taken], times, of_label, example))
    return Table(
        "Most often mistaken",
        f"{len(wrong):,} of {len(part):,} test texts get another label than their own. Of each "
        "pair of labels stands the text that was mistaken most surely.",
        ("label", "taken for", "texts", "of the label's", "such as"),
        rows,
    )


def _mistakes(part: LabelledTexts, answers: Chances, wrong: NDArray[np.int64]) -> Examples:
    surest = wrong[np.argsort(-answers[wrong].max(axis=1), kind="stable")][:_READ]
    items = []
    for row in surest.tolist():
        taken = int(answers[row].argmax())
        told = (
            f"{part.names[part.labels[row]]}, taken for {part.names[taken]} "
            f"({answers[row, taken]:.2f})"
        )
        items.append((excerpt(part.texts[row]), told))
    return Examples(
        "Sure and wrong",
        "The surest mistakes first. Look whether it is the answer or the label that is wrong.",
        items,
    )


def _labels(part: LabelledTexts, answers: Chances) -> Table:
    chosen = answers.argmax(axis=1)
    rows = []
    for label, name in enumerate(part.names):
        own, taken = part.labels == label, chosen == label
        hits, total = int((own & taken).sum()), int(own.sum() + taken.sum())
        if own.any():
            recall = hits / int(own.sum())
            rows.append((name, int(own.sum()), round(2 * hits / total, 3), round(recall, 3)))
    rows.sort(key=lambda row: (row[2], row[0]))
    return Table(
        "Labels, hardest first",
        "F1 is the harmonic mean of precision and recall.",
        ("label", "test texts", "F1", "recall"),
        rows[:20],
    )

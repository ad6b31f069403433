"""What a report shows of pairs: where to call a pair a duplicate, and what is misjudged."""

import numpy as np
from numpy.typing import NDArray

from tunewise.data.scored import ScoredPairs
from tunewise.kinds.kind import Shown
from tunewise.kinds.panels import Curves, Examples, Line, Panel, Table, apart, bare, excerpt
from tunewise.kinds.similarity.answers import ALIKE, Answers, Floats, alike
from tunewise.kinds.similarity.metrics import METRICS, score

_POINTS = 200  # of a line, at most
_READ = 10  # pairs shown


def panels(shown: Shown) -> list[Panel]:
    """Precision and recall by threshold, the pairs most misjudged, and known texts apart."""
    part: ScoredPairs = shown.judged
    answers: Answers = shown.answers[shown.contender.name]
    found: list[Panel] = []
    if alike(part).any():
        found.append(_thresholds(part, answers))
    found += _misjudged(part, answers)
    known = known_pairs(shown.train, part)
    if known.any() and not known.all():
        found.append(_without(shown, known))
    return found


def known_pairs(train: ScoredPairs, judged: ScoredPairs) -> NDArray[np.bool_]:
    """Which pairs (n,) have a text that stands in train too, but for case and space."""
    seen = {bare(text) for text in train.texts}
    both = zip(judged.first, judged.second, strict=True)
    return np.array([bare(a) in seen or bare(b) in seen for a, b in both], dtype=bool)


def _thresholds(part: ScoredPairs, answers: Answers) -> Curves:
    truth = alike(part)
    levels, place = np.unique(-answers.likeness, return_inverse=True)
    right = np.bincount(place, truth).cumsum()
    precision, recall = right / np.bincount(place).cumsum(), right / truth.sum()
    shown = np.unique(np.linspace(0, len(levels) - 1, _POINTS).astype(int))[::-1]
    lines = [
        Line(name, [(float(-levels[at]), float(values[at])) for at in shown.tolist()])
        for name, values in (("precision", precision), ("recall", recall))
    ]
    low, high = part.scale
    counts = f"{int(truth.sum()):,} of {len(part):,} test pairs"
    return Curves(
        "Precision and recall by threshold",
        f"{counts} are duplicates: their score is {low + ALIKE * (high - low):g} or more on the "
        f"scale of {low:g} to {high:g}. {_called(part, answers)}",
        "likeness from which a pair is called a duplicate",
        "share",
        lines,
        mark=answers.threshold,
    )


def _called(part: ScoredPairs, answers: Answers) -> str:
    if answers.threshold is None:
        return "Dev has no duplicate, so no threshold was chosen."
    truth, called = alike(part), answers.duplicates
    right = int((truth & called).sum())
    return (
        f"From {answers.threshold:z.3f}, the threshold with the best F1 on dev, {right:,} of the "
        f"{int(called.sum()):,} pairs called duplicates here are, and {right:,} of all "
        f"{int(truth.sum()):,} are called so."
    )


def _misjudged(part: ScoredPairs, answers: Answers) -> list[Examples]:
    """Pairs whose place by likeness is farthest from the places that their scores share."""
    from scipy.stats import rankdata

    said = rankdata(answers.likeness)
    found = []
    for title, caption, way in (
        (
            "Most overrated",
            "Said to be more alike than their scores have it.",
            said - rankdata(part.scores, method="max"),
        ),
        (
            "Most underrated",
            "Said to be less alike than their scores have it.",
            rankdata(part.scores, method="min") - said,
        ),
    ):
        rows = np.argsort(-way, kind="stable")[:_READ]
        items = [_told(part, answers.likeness, row) for row in rows.tolist() if way[row] > 0]
        if items:
            advice = f"{caption} Look whether it is the answer or the score that is wrong."
            found.append(Examples(title, advice, items))
    return found


def _told(part: ScoredPairs, likeness: Floats, row: int) -> tuple[str, str]:
    low, high = part.scale
    score = low + float(part.scores[row]) * (high - low)
    pair = f"{excerpt(part.first[row])} — {excerpt(part.second[row])}"
    return pair, f"score {score:g} of {low:g}…{high:g}, likeness {likeness[row]:z.3f}"


def _without(shown: Shown, known: NDArray[np.bool_]) -> Table:
    part: ScoredPairs = shown.judged
    rest = np.flatnonzero(~known)
    kept, scores = part.among(rest), {}
    for name, answers in shown.answers.items():
        few = score(Answers(answers.likeness[rest], answers.threshold), kept, METRICS)
        scores[name] = {m: (shown.scores[name].mean(m), few.mean(m)) for m in METRICS}
    return apart(
        "Without pairs that have a text in train",
        f"{int(known.sum()):,} of {len(part):,} test pairs have a text that stands in train too.",
        scores,
        shown.contender.name,
    )

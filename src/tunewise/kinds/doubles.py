"""Doubles: test texts that stand in train too, and what every contender does without them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tunewise.kinds.kind import Shown
from tunewise.kinds.panels import Panel, apart, bare
from tunewise.metrics import Scores


def doubles(
    shown: Shown, score: Callable[[Any, Any, Sequence[str]], Scores], metric: str
) -> list[Panel]:
    """Each contender's level over all texts, and without those also in train.

    They are told but for case and space. No panel where no text is in train too, or all are.
    """
    part, seen = shown.judged, {bare(text) for text in shown.train.texts}
    known = np.array([bare(text) in seen for text in part.texts], dtype=bool)
    if not known.any() or known.all():
        return []
    rest, scores = part.among(np.flatnonzero(~known)), {}
    for name, answers in shown.answers.items():
        without = score(answers[~known], rest, [metric]).mean(metric)
        scores[name] = {metric: (shown.scores[name].mean(metric), without)}
    told = f"{int(known.sum()):,} of {len(part):,} test texts stand in train too, word for word."
    return [apart("Without texts that are also in train", told, scores, shown.contender.name)]

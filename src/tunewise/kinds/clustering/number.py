"""How many groups: as many as were asked for, or as dev likes best; the same for all contenders.

V-measure rises with the number of groups, so contenders that chose for themselves would be compared
by how finely they divide. It is therefore chosen once, on the first encoder's vectors: where labels
are known by the adjusted Rand index of dev, which does not rise by itself, else by the silhouette.
"""

import math
from collections.abc import Sequence

import numpy as np

from tunewise.kinds.clustering.grouping import moved, nearest, sample
from tunewise.kinds.clustering.metrics import adjusted_rand
from tunewise.kinds.clustering.texts import has_gold, wanted
from tunewise.kinds.kind import Contender, Setting

_STEP = 2**0.5  # from one number tried to the next
_SPAN = 4  # from a quarter of the labels known to four times as many
_MOST = 256  # groups tried where no label is known


def number_of(setting: Setting, earlier: Sequence[Contender]) -> int:
    """How many groups there shall be: told, found by a contender before, or chosen now."""
    told = [one.settings["number"] for one in earlier if "number" in one.settings]
    return wanted(setting.train) or (told[0] if told else _chosen(setting))


def _chosen(setting: Setting) -> int:
    train, dev, encoder = setting.train, setting.dev, setting.encoders[0]
    tried = _tried(setting)
    if not len(dev):
        labels = len(np.unique(train.labels[train.labels >= 0]))
        guess = labels if has_gold(train) else math.sqrt(len(train) / 2)
        return min(tried, key=lambda count: abs(count - guess))
    rows = sample(setting.vectors(encoder, train.texts), setting.seed)
    seen, levels = setting.vectors(encoder, dev.texts), []
    for done, count in enumerate(tried):
        setting.progress("choosing the number of groups", done, len(tried))
        answers = nearest(seen, moved(rows, count, seed=setting.seed))
        if has_gold(train):
            levels.append(adjusted_rand(dev.labels, answers)(np.ones(len(dev))))
        else:
            levels.append(setting.level(answers, dev))
    return tried[int(np.argmax(levels))]


def _tried(setting: Setting) -> list[int]:
    """Numbers of groups, each √2 times the one before, and the number of labels known."""
    train = setting.train
    labels = len(np.unique(train.labels[train.labels >= 0])) if has_gold(train) else 0
    most = max(2, len(set(train.texts)) // 2)
    first, last = (max(2, labels / _SPAN), labels * _SPAN) if labels else (2, _MOST)
    steps = range(1 + math.floor(math.log(last / first, _STEP) + 1e-9))
    counts = {round(first * _STEP**step) for step in steps} | {max(labels, 2)}
    return sorted({min(count, most) for count in counts})

"""Choosing on dev: of several fitted contenders, the one whose answers dev likes best."""

from collections.abc import Iterable

import numpy as np

from tunewise.kinds.kind import Contender, Setting
from tunewise.kinds.recommendation.part import Part

_ASKED = 1000  # users of dev who are asked each time


def best(candidates: Iterable[Contender], setting: Setting) -> Contender:
    """The candidate with the highest level on dev, the first of equal ones and where dev is empty.

    Levels differ by chance too, so the simplest should come first.
    """
    dev = asked(setting)
    found, level = None, -1.0
    for one in candidates:
        reached = setting.level(one.answer(dev.question), dev)
        if found is None or reached > level:
            found, level = one, reached
        if not len(dev):
            break
    assert found is not None  # noqa: S101 - there is always a candidate
    return found


def asked(setting: Setting) -> Part:
    """A thousand users of dev, or all."""
    dev: Part = setting.dev
    if len(dev) <= _ASKED:
        return dev
    rng = np.random.default_rng(setting.seed)
    return dev.among(np.sort(rng.choice(len(dev), _ASKED, replace=False)))

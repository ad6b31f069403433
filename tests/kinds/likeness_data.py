"""Pairs made up, alike by what is done and to what; the second texts have words of their own."""

import numpy as np

from tunewise.data.scored import ScoredPairs

ACTS = {"mend": "fix", "clean": "scrub", "carry": "haul", "store": "stash", "build": "make"}
THINGS = ("kettle", "ladder", "violin", "compass", "lantern", "anchor", "mirror", "hammer")
SLANG = dict(zip(THINGS, ("pot", "steps", "fiddle", "pointer", "lamp", "hook", "glass", "maul"),
                 strict=True))  # fmt: skip


def made(count=600, *, marked=False, shuffled=False):
    """Pairs scored 1 (same act, same thing), 0.6 (same thing), 0.4 (same act) or 0.

    `marked` scores 1 or 0 only, `shuffled` gives pairs the scores of others. Half are train, a
    quarter dev, a quarter test; no two share a text.
    """
    rng = np.random.default_rng(1)
    acts, things = (rng.integers(0, len(of), count) for of in (ACTS, THINGS))
    same_act, same_thing = rng.random((2, count)) < 0.6
    first, second = [], []
    for n, (a, t) in enumerate(zip(acts.tolist(), things.tolist(), strict=True)):
        other = list(ACTS.values())[(a + (not same_act[n])) % len(ACTS)]
        thing = THINGS[(t + (not same_thing[n])) % len(THINGS)]
        first.append(f"how to {list(ACTS)[a]} the {THINGS[t]}, {n}")
        second.append(f"{other} my {thing if n % 4 else SLANG[thing]}, {n}!")
    scores = 0.4 * same_act + 0.6 * same_thing
    if marked:
        scores = (scores > 0.9).astype(np.float64)
    if shuffled:
        scores = rng.permutation(scores)
    parts = np.repeat(["train", "dev", "test"], [count // 2, count // 4, count - 3 * count // 4])
    return ScoredPairs(first, second, scores, parts, np.arange(count), (0.0, 1.0), source="made up")

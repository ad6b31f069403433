"""`hybrid`: what users chose and what items say, mixed as dev likes it.

Both lists are brought to 0…1, user by user, and added with a weight.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tunewise.kinds.kind import Contender, Saved, Setting
from tunewise.kinds.recommendation.catalogue import ranked
from tunewise.kinds.recommendation.choosing import asked
from tunewise.kinds.recommendation.part import Question
from tunewise.rankings import Rankings

_SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8)  # of the content, behaviour having the rest
_BEHAVIOUR = ("popular", "together", "factors")


def fit(setting: Setting, earlier: Sequence[Contender]) -> list[Contender]:
    """One contender for each that reads texts, with the behaviour that dev likes best beside it."""
    contents = [one for one in earlier if one.family in ("content", "profile")]
    found = [mixed(setting, one, earlier, name_of(one.name)) for one in contents]
    return [one for one in found if one is not None]


def load(saved: Saved) -> Contender:
    """The two it is made of, mixed as they were."""
    behaviour, content = saved.parts["behaviour"], saved.parts["content"]
    return _contender(saved.name, behaviour, content, saved.settings["share"])


def name_of(content: str) -> str:
    """The mixture's name, by that of the contender that reads texts.

    >>> name_of("content"), name_of("profile@other")
    ('hybrid', 'profile-hybrid@other')
    """
    word, at, encoder = content.partition("@")
    return f"{'hybrid' if word == 'content' else f'{word}-hybrid'}{at}{encoder}"


def mixed(
    setting: Setting, content: Contender, earlier: Sequence[Contender], name: str
) -> Contender | None:
    """The best mixture with any of the earlier ones that go by behaviour; None without one."""
    began = time.perf_counter()
    behaviours = [one for one in earlier if one.family in _BEHAVIOUR]
    if not behaviours:
        return None
    dev = asked(setting)
    said = content.answer(dev.question)
    levels = {}
    for one in behaviours:
        did = one.answer(dev.question)
        for share in _SHARES:
            levels[one.name, share] = setting.level(_mixed(did, said, share), dev)
    chosen, share = max(levels, key=lambda pair: levels[pair])
    behaviour = next(one for one in behaviours if one.name == chosen)
    found = _contender(name, behaviour, content, share)
    taken = time.perf_counter() - began
    return replace(found, seconds=behaviour.seconds + content.seconds + taken)


def _contender(name: str, behaviour: Contender, content: Contender, share: float) -> Contender:
    def answer(question: Question) -> Rankings:
        return _mixed(behaviour.answer(question), content.answer(question), share)

    return Contender(
        name=name,
        family="hybrid",
        tuned=False,
        answer=answer,
        settings={"share": share, "behaviour": behaviour.name},
        encoder=content.encoder,
        bytes_each=content.bytes_each,
        parts={"behaviour": behaviour, "content": content},
    )


def _mixed(did: Rankings, said: Rankings, share: float) -> Rankings:
    """Both lists of each user in one, by the weighted sum of their scores."""
    size = len(did.document_ids)
    keys, weights = [], []
    for one, weight in ((did, 1 - share), (said, share)):
        row = np.repeat(np.arange(len(one)), np.diff(one.starts))
        keys.append(row * size + one.documents)
        weights.append(weight * _levelled(one))
    both, where = np.unique(np.concatenate(keys), return_inverse=True)
    score = np.bincount(where, np.concatenate(weights), minlength=len(both))
    return ranked(did.query_ids, did.document_ids, both // size, both % size, score)


def _levelled(one: Rankings) -> NDArray[np.float64]:
    """Scores from 0 to 1, the best of each user's list 1 and the worst 0; 1 where all are equal."""
    lengths = np.diff(one.starts)
    filled = lengths > 0
    highest, lowest = np.zeros(len(one)), np.zeros(len(one))
    highest[filled] = one.scores[one.starts[:-1][filled]]
    lowest[filled] = one.scores[one.starts[1:][filled] - 1]
    width = highest - lowest
    row = np.repeat(np.arange(len(one)), lengths)
    above = one.scores.astype(np.float64) - lowest[row]
    return np.where(width[row] > 0, above / np.where(width > 0, width, 1.0)[row], 1.0)

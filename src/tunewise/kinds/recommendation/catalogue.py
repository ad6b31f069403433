"""Catalogue: the items and users known at fit, and how a question about them is answered.

Every contender here scores items by what a user had, weighted by how long ago: a function of a
sparse matrix of users by items, and of which users these are, where more is known of them. All else
is the same for all: what is known of a user who comes without a history, that items already had are
left out, that at most 200 are named.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tunewise.kinds.kind import Arrays, Setting
from tunewise.kinds.recommendation.part import Numbers, Part, Question, taken
from tunewise.rankings import Rankings

MOST = 200  # items recommended to a user
MOST_HAD = 500  # items of a history that count, the latest
_CELLS = 2**24  # scores in memory at once
_NONE = np.empty(0, dtype=np.int64)

Floats = NDArray[np.float32]
Scored = Callable[[csr_array, slice], Floats]
"""Scores (n, items) of weighted histories (n, items) of the users at these places of the question;
-inf: never to be recommended."""


@dataclass(frozen=True)
class Catalogue:
    """The items, and the users known at fit with what they had; `again`: had may be recommended."""

    items: Sequence[str]
    users: Sequence[str]
    starts: Numbers
    places: Numbers
    again: bool
    _user: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        named = {name: place for place, name in enumerate(self.users)}
        object.__setattr__(self, "_user", named)

    @property
    def arrays(self) -> Arrays:
        """All that it is, to be saved."""
        return {
            "items": _packed(self.items),
            "users": _packed(self.users),
            "starts": self.starts,
            "places": self.places,
            "again": np.array([self.again]),
        }

    def understood(self, question: Question) -> tuple[Numbers, Numbers]:
        """The histories asked about as starts and places here; what is not known is left out."""
        starts, places = question.starts, question.places
        if list(question.items) != list(self.items):
            here = {name: place for place, name in enumerate(self.items)}
            number = np.array([here.get(name, -1) for name in question.items], dtype=np.int64)
            found = number[places] if len(places) else places
            kept = np.concatenate([[0], np.cumsum(found >= 0)])
            starts, places = kept[starts], found[found >= 0]
        return self._recalled(question, starts, places)

    def _recalled(
        self, question: Question, starts: Numbers, places: Numbers
    ) -> tuple[Numbers, Numbers]:
        """The same, with what was known at fit for users who come without a history."""
        empty = np.flatnonzero(np.diff(question.starts) == 0)
        known = np.array([self._user.get(question.users[u], -1) for u in empty.tolist()], np.int64)
        if not (known >= 0).any():
            return starts, places
        rows = np.arange(len(question))
        rows[empty[known >= 0]] = len(question) + known[known >= 0]
        return taken(
            np.concatenate([starts, starts[-1] + self.starts[1:]]),
            np.concatenate([places, self.places]),
            rows,
        )

    def answer(self, scored: Scored, decay: float, question: Question) -> Rankings:
        """The best items for each user, at most 200, those had left out unless `again`."""
        starts, places = self.understood(question)
        step = max(1, _CELLS // max(1, len(self.items)))
        users, found, scores = [], [], []
        for begin in range(0, len(question), step):
            bounds = starts[begin : begin + step + 1]
            had = weighted(bounds[:-1], bounds[1:], places, len(self.items), decay)
            scores_here = scored(had, slice(begin, begin + len(bounds) - 1))
            if not self.again:
                rows = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
                scores_here[rows, places[bounds[0] : bounds[-1]]] = -np.inf
            row, place = _best(scores_here)
            users.append(row + begin)
            found.append(place)
            scores.append(scores_here[row, place])
        return ranked(
            question.users,
            self.items,
            np.concatenate([_NONE, *users]),
            np.concatenate([_NONE, *found]),
            np.concatenate([_NONE, *scores]),
        )


def catalogue(setting: Setting) -> Catalogue:
    """The items, and the users of train with what they had there."""
    train: Part = setting.train
    asked = train.question
    return Catalogue(asked.items, asked.users, asked.starts, asked.places, train.again)


def restored(arrays: Arrays) -> Catalogue:
    """The catalogue with these arrays."""
    return Catalogue(
        _unpacked(arrays["items"]),
        _unpacked(arrays["users"]),
        arrays["starts"],
        arrays["places"],
        bool(arrays["again"][0]),
    )


def weighted(
    begins: Numbers, ends: Numbers, places: Numbers, items: int, decay: float
) -> csr_array:
    """Histories (n, items), each item weighing decay ** (how many came after it).

    A decay of 1 weighs all alike, of 0 the last alone. Only the latest 500 count.

    >>> starts, places = np.array([0, 2]), np.array([3, 1])
    >>> weighted(starts[:1], starts[1:], places, 4, 0.5).toarray().tolist()
    [[0.0, 1.0, 0.0, 0.5]]
    """
    begins = np.maximum(begins, ends - MOST_HAD)
    lengths = ends - begins
    starts = np.concatenate([[0], np.cumsum(lengths)])
    inside = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    after = np.repeat(lengths, lengths) - 1 - inside
    weights = np.power(np.float32(decay), after.astype(np.float32))
    chosen = places[np.repeat(begins, lengths) + inside]
    found = csr_array((weights, chosen, starts), shape=(len(lengths), items))
    found.sum_duplicates()
    return found


def ranked(
    users: Sequence[str],
    items: Sequence[str],
    row: Numbers,
    place: Numbers,
    score: NDArray[Any],
) -> Rankings:
    """The rankings of scored items (one entry each), the best 200 of each user."""
    single = score.astype(np.float32)
    order = np.lexsort((place, -single, row))
    row, place, single = row[order], place[order], single[order]
    lengths = np.bincount(row.astype(np.int64), minlength=len(users))
    first = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.arange(len(row)) - np.repeat(first[:-1], lengths) < MOST
    starts = np.concatenate([[0], np.cumsum(np.minimum(lengths, MOST))]).astype(np.int64)
    return Rankings(users, items, starts, place[kept].astype(np.int64), single[kept])


def _best(scores: Floats) -> tuple[Numbers, Numbers]:
    """Row and place of the 200 best of each row that may be recommended at all."""
    most = min(MOST, scores.shape[1])
    best = np.argpartition(-scores, most - 1, axis=1)[:, :most]
    row = np.repeat(np.arange(len(scores)), most)
    place = best.ravel()
    kept = np.isfinite(scores[row, place])
    return row[kept], place[kept]


def _packed(names: Sequence[str]) -> NDArray[np.uint8]:
    """Names as bytes: arrays are all that is saved beside plain settings, which stay readable."""
    return np.frombuffer(json.dumps(list(names)).encode(), dtype=np.uint8)


def _unpacked(array: NDArray[np.uint8]) -> list[str]:
    found: list[str] = json.loads(array.tobytes().decode())
    return found

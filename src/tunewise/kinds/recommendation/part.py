"""Part: users, what they had when they are asked about, and what they chose next."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """What is asked: what each user has had so far, oldest first.

    The items of user i are `items[p]` for p in `places[starts[i]:starts[i + 1]]`. Where there are
    none, what was known of a user of that name when a contender was fitted stands in. `profiles`
    say something of each user, empty where nothing is said; () where nothing is of anybody.
    """

    users: Sequence[str]
    items: Sequence[str]
    starts: Numbers
    places: Numbers
    profiles: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.users)

    def among(self, rows: Numbers) -> "Question":
        """The users at these places."""
        starts, places = taken(self.starts, self.places, rows)
        users = [self.users[row] for row in rows.tolist()]
        profiles = [self.profiles[row] for row in rows.tolist()] if self.profiles else ()
        return Question(users, self.items, starts, places, profiles)


def ask(
    histories: Mapping[str, Sequence[str]], profiles: Mapping[str, str] | None = None
) -> Question:
    """The question for users with these items, oldest first; none: what was known at fit.

    `profiles` is what is said of users, by name.

    >>> ask({"ann": ["milk", "bread"], "bob": []}).starts.tolist()
    [0, 2, 2]
    """
    items = sorted({item for history in histories.values() for item in history})
    number = {item: place for place, item in enumerate(items)}
    return Question(
        users=list(histories),
        items=items,
        starts=np.cumsum([0, *map(len, histories.values())], dtype=np.int64),
        places=np.array([number[i] for own in histories.values() for i in own], dtype=np.int64),
        profiles=[profiles.get(user, "") for user in histories] if profiles else (),
    )


def histories(*parts: "Part") -> Question:
    """All that is known of each user: what they had and chose next in the last part that has them.

    Parts should be in order of time, so that the last of them knows most.
    """
    wholes = [_whole(part) for part in parts]
    names = [user for one in wholes for user in one.users]
    profiles = [said for one in wholes for said in one.profiles]
    last = {user: row for row, user in enumerate(names)}
    starts = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(w.starts) for w in wholes]))])
    places = np.concatenate([one.places for one in wholes])
    known = Question(names, wholes[0].items, starts.astype(np.int64), places, profiles)
    return known.among(np.array(sorted(last.values()), dtype=np.int64))


def known_of(about: Mapping[str, Any], user: str) -> Question | None:
    """What was kept of a user with a saved contender; None if that is nothing."""
    if user not in about["users"]:
        return None
    names = ("users", "items", "starts", "places", "profiles")
    known = Question(*(about[name] for name in names))
    return known.among(np.array([about["users"].index(user)]))


def _whole(part: "Part") -> Question:
    """What each user of a part had, and then chose."""
    asked = part.question
    rows = np.arange(2 * len(part)).reshape(2, -1).T.ravel()  # had, chose, had, chose, …
    starts, places = taken(
        np.concatenate([asked.starts, asked.starts[-1] + part.wanted_starts[1:]]),
        np.concatenate([asked.places, part.wanted]),
        rows,
    )
    return Question(asked.users, asked.items, starts[::2], places, asked.profiles)


@dataclass(frozen=True)
class Part:
    """Users of one part: what is asked of them, and what they chose next.

    User i chose `wanted[wanted_starts[i]:wanted_starts[i + 1]]`, places in the question's items;
    nothing in train. `texts` stand beside the items. `counts` (items,) and `learners` say how
    often each item was chosen in the whole train part, and by how many users. With `again`, items
    already had may be recommended.
    """

    question: Question
    wanted_starts: Numbers
    wanted: Numbers
    texts: Sequence[str]
    counts: Numbers
    learners: int
    again: bool = False

    def __len__(self) -> int:
        return len(self.question)

    def among(self, rows: Numbers) -> "Part":
        """The users at these places."""
        starts, wanted = taken(self.wanted_starts, self.wanted, rows)
        return replace(
            self, question=self.question.among(rows), wanted_starts=starts, wanted=wanted
        )

    def wanting(self, items: NDArray[np.bool_]) -> tuple["Part", Numbers]:
        """The users who chose one of these items, wanting nothing else, and where they are."""
        keep = items[self.wanted]
        lengths = np.add.reduceat(np.append(keep, False), self.wanted_starts[:-1]).astype(int)
        lengths[np.diff(self.wanted_starts) == 0] = 0
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.flatnonzero(lengths)
        return replace(self, wanted_starts=starts, wanted=self.wanted[keep]).among(rows), rows

    @property
    def groups(self) -> list[str]:
        """The group of each user: those with the same history, wish and profile are one."""
        names = []
        for user in range(len(self)):
            had = _of(self.question.starts, self.question.places, user).tobytes()
            chose = _of(self.wanted_starts, self.wanted, user).tobytes()
            told = self.question.profiles[user] if self.question.profiles else ""
            own = had + b"|" + chose + told.encode("utf-8", "surrogatepass")
            names.append(hashlib.sha256(own).hexdigest()[:16])
        return names


def taken(starts: Numbers, places: Numbers, rows: Numbers) -> tuple[Numbers, Numbers]:
    """The lists at these rows, in that order, as starts and places."""
    lengths = np.diff(starts)[rows]
    found = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    inside = np.arange(found[-1]) - np.repeat(found[:-1], lengths)
    return found, places[np.repeat(starts[rows], lengths) + inside]


def _of(starts: Numbers, places: Numbers, user: int) -> Numbers:
    return places[starts[user] : starts[user + 1]]

"""Histories are divided in time: what came last is the test, what came before it dev."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewise.data.histories import Histories
from tunewise.data.interactions import moment_of
from tunewise.data.remarks import Remarks
from tunewise.errors import DataError
from tunewise.kinds.kind import Parts
from tunewise.kinds.recommendation.part import Numbers, Part, Question

_MOST_TEST, _MOST_DEV = 10_000, 2_000  # users; more would hardly make an interval narrower
_SHARE = 0.1  # of all events, where time divides
_COLD = 0.2  # of the users of whom only a profile is known before their one item

_TRAIN, _DEV, _TEST = range(3)


def divide(examples: Histories, seed: int) -> Parts:
    """The parts: by each user's own time, or by one time for all.

    Last out (Rendle et al. 2009 and many since): a user's last item is asked for in test, the one
    before in dev, of at most 10,000 and 2,000 users drawn; whoever is not drawn is learned from
    whole. Of users with one item and a profile a fifth each are asked for it in test and in dev, by
    what is said of them alone. By one time: what came from it on is asked for, and the tenth of
    events before it in dev.
    """
    remarks, rng = Remarks(), np.random.default_rng(seed)
    last = examples.split == "last"
    marks = _last_out(examples, rng, remarks) if last else _by_time(examples, remarks)
    counts = np.bincount(examples.places[marks == _TRAIN], minlength=len(examples.items))
    owner = _owner(examples)
    learners = len(np.unique(owner[marks == _TRAIN]))
    cut = _Cut(examples, marks, owner, counts, learners)
    test, dev = cut.asked(_TEST), cut.asked(_DEV)
    test = test.among(_drawn(np.arange(len(test)), _MOST_TEST, rng, remarks))
    dev = dev.among(_drawn(np.arange(len(dev)), _MOST_DEV, rng))
    parts = {"train": cut.train(), "dev": dev, "test": test}
    _require_tested(parts, examples)
    how = {
        "by": "last item of each user" if last else "one time for all users",
        **{name: len(part) for name, part in parts.items()},
    }
    findings = (*examples.findings, *remarks.findings())
    return Parts(**parts, how=how, texts=len(examples.items), findings=findings)


def _require_tested(parts: Mapping[str, Part], examples: Histories) -> None:
    """Raises DataError where nothing could be learned, or nobody asked."""
    tested = len(parts["test"])
    if tested > 1 and len(parts["train"]):
        return
    if examples.split == "last":
        takes = "two different items or more, one of them to be foreseen from the others"
    else:
        takes = (
            f"something chosen before the test begins and something after (split={examples.split})"
        )
    raise DataError(
        f"{tested} of the {len(examples)} users of '{examples.source}' can be tested, and it takes "
        f"two at the least: users with {takes}. Add interactions, or choose another split."
    )


@dataclass(frozen=True)
class _Cut:
    """Histories with the part of each of their events."""

    examples: Histories
    marks: NDArray[np.int8]
    owner: Numbers
    counts: Numbers
    learners: int

    def train(self) -> Part:
        """All users who have an event in train."""
        kept = self.marks == _TRAIN
        return self._part(np.unique(self.owner[kept]), kept, np.zeros(len(kept), dtype=bool))

    def asked(self, part: int) -> Part:
        """The users of whom something is asked, with all that came before and is said of them."""
        wanted = self.marks == part
        before = self.marks < part
        told = np.flatnonzero(_told(self.examples))
        if not self.examples.again:
            wanted &= ~np.isin(self._pairs, self._pairs[before])
        some = np.union1d(self.owner[before], told)  # something is known of them
        users = np.intersect1d(self.owner[wanted], some)
        return self._part(users, before, wanted)

    @property
    def _pairs(self) -> Numbers:
        return self.owner * len(self.examples.items) + self.examples.places

    def _part(self, users: Numbers, had: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> Part:
        starts, places = self._lists(users, had)
        wanted_starts, chosen = self._lists(users, wanted)
        names = [self.examples.users[user] for user in users.tolist()]
        said = self.examples.profiles
        profiles = [said[user] for user in users.tolist()] if said else ()
        return Part(
            question=Question(names, self.examples.items, starts, places, profiles),
            wanted_starts=wanted_starts,
            wanted=chosen,
            texts=self.examples.texts,
            counts=self.counts,
            learners=self.learners,
            again=self.examples.again,
        )

    def _lists(self, users: Numbers, events: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
        kept = np.flatnonzero(events & np.isin(self.owner, users))
        lengths = np.bincount(self.owner[kept], minlength=len(self.examples))[users]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return starts, self.examples.places[kept]


def _told(examples: Histories) -> NDArray[np.bool_]:
    """Of which users (n,) something is said."""
    said = examples.profiles or [""] * len(examples)
    return np.array([bool(one.strip()) for one in said], dtype=bool)


def _owner(examples: Histories) -> Numbers:
    return np.repeat(np.arange(len(examples)), np.diff(examples.starts))


def _last_out(examples: Histories, rng: np.random.Generator, remarks: Remarks) -> NDArray[np.int8]:
    """The part of each event; of users with two there is no dev.

    Of those with one there is nothing, unless a profile tells of them.
    """
    lengths, ends = np.diff(examples.starts), examples.starts[1:]
    marks = np.full(len(examples.places), _TRAIN, dtype=np.int8)
    tested = _drawn(np.flatnonzero(lengths > 1), _MOST_TEST, rng, remarks)
    marks[ends[tested] - 1] = _TEST
    several = tested[lengths[tested] > 2]
    marks[ends[_drawn(several, _MOST_DEV, rng)] - 2] = _DEV
    single = lengths == 1
    cold = rng.permutation(np.flatnonzero(single & _told(examples)))
    share = min(round(_COLD * len(cold)), _MOST_DEV)
    marks[ends[cold[:share]] - 1] = _TEST
    marks[ends[cold[share : 2 * share]] - 1] = _DEV
    _tell_short(np.flatnonzero(single & ~_told(examples)), examples, remarks)
    return marks


def _by_time(examples: Histories, remarks: Remarks) -> NDArray[np.int8]:
    """The part of each event, by two times."""
    times, owner = examples.times, _owner(examples)
    said = moment_of(examples.split)
    begin = float(np.quantile(times, 1 - _SHARE)) if said is None else said
    earlier = times[times < begin]
    dev = float(np.quantile(earlier, 1 - _SHARE)) if len(earlier) else begin
    new = np.setdiff1d(owner[times >= begin], owner[times < begin])
    _tell_short(new[~_told(examples)[new]], examples, remarks)
    return np.where(times >= begin, _TEST, np.where(times >= dev, _DEV, _TRAIN)).astype(np.int8)


def _drawn(
    users: Numbers, most: int, rng: np.random.Generator, remarks: Remarks | None = None
) -> Numbers:
    """At most so many of the users, in their order."""
    if len(users) <= most:
        return users
    if remarks is not None:
        remarks.add("D136", f"{most:,} of {len(users):,} users", times=len(users) - most)
    return np.sort(rng.choice(users, most, replace=False))


def _tell_short(users: Numbers, examples: Histories, remarks: Remarks) -> None:
    for user in users.tolist():
        remarks.add("D132", f"'{examples.users[user]}'")

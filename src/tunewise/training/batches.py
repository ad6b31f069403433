"""Batches: rows that may stand beside each other, in a new order each epoch.

In a batch every row's documents are the other rows' negatives. So no two rows meet where a
document of one is barred for the other, and no document answers two rows.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tunewise.errors import DataError, OptionError
from tunewise.training.lesson import Lesson

_LEAST = 2  # rows of a batch: one alone has nothing to be told from
_TRIES = 4  # rows passed on from one queue to another, for a queue and a batch
_AGAIN = 3  # other orders tried before an epoch falls back on the first one's batches

_LONG = 64  # barred documents: more are looked up where they are, not gathered for each batch

_Key = int  # what keeps a row out: a document by its place, or what `_own` or `_foreign` gives
_Batch = list[int]


class Batches:
    """The batches of one epoch after the other: a batch sampler for the trainer.

    Give `for_trainer` as `batch_sampler` to the trainer's arguments. Batches hold `batch_size`
    rows and fewer, at least two, where those left must not meet; no row comes twice in an epoch.
    All epochs have the same number of batches, which is `len`, because the trainer reckons with
    that, and the same epoch has the same batches whatever was drawn before. `left_out` is how
    many rows the current epoch does without.

    With `multiple_of` processes a batch is cut into one part for each, so it must be full:
    `batch_size` is then the largest multiple, up to the size asked for, at which full batches
    hold half of the rows, and batches that are not full are left out.
    """

    def __init__(self, lesson: Lesson, size: int, *, seed: int = 0, multiple_of: int = 1) -> None:
        if multiple_of < 1 or size < max(_LEAST, multiple_of):
            raise OptionError(
                f"A batch of {size} rows on {multiple_of} processes cannot be made. "
                "Give at least 2 rows, and one for each process."
            )
        self._rows = len(lesson)
        self._meeting = _meeting(lesson)
        self._seed = seed
        self._full = multiple_of > 1
        self.drop_last = False
        self.epoch = 0
        self.batch_size, self._first = self._fitting(size, multiple_of)
        self._drawn = 0, self._first

    def __len__(self) -> int:
        return len(self._first)

    def __iter__(self) -> Iterator[_Batch]:
        return iter([list(batch) for batch in self._current()])

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration that of this epoch, counted from 0."""
        self.epoch = epoch

    def for_trainer(self, dataset: Any, **told: Any) -> "Batches":
        """These batches, for a trainer that asks for them with its data set.

        A trainer of several processes that goes on within an epoch forgets to say which one
        (transformers 5.23 with accelerate: what skips the first batches hides the sampler), so
        `set_epoch` must be called when an epoch begins, by a callback.

        Raises OptionError where the data set has another number of rows than the lesson.
        """
        del told  # batch size and seed are known here
        if len(dataset) != self._rows:
            raise OptionError(
                f"The batches are of a lesson of {self._rows} rows, but the data set has "
                f"{len(dataset)}. Make both of the same lesson."
            )
        return self

    @property
    def left_out(self) -> int:
        """Rows that are in no batch of the current epoch."""
        return self._rows - sum(map(len, self._current()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of these batches, one sentence each; nothing of full ones."""
        # one that holds what is left over is nothing to tell of
        short = sum(len(batch) < self.batch_size for batch in self._first) - 1
        told = []
        if self.left_out:
            told.append(
                f"{self.left_out:,} of {self._rows:,} rows sit out each epoch, others each time: "
                "no batch was left that they could join without being wrong negatives, or fill"
            )
        if short > 0:
            told.append(
                f"{short:,} of {len(self):,} batches hold fewer than {self.batch_size} rows, "
                "because those left must not meet"
            )
        return tuple(told)

    def _current(self) -> list[_Batch]:
        if self._drawn[0] != self.epoch:
            self._drawn = self.epoch, self._of(self.epoch)
        return self._drawn[1]

    def _of(self, epoch: int) -> list[_Batch]:
        """The batches of this epoch: as many as the first has."""
        if epoch == 0:
            return self._first
        for again in range(_AGAIN):
            generator = np.random.default_rng([self._seed + epoch, again])
            batches = self._packed(generator, self.batch_size)
            if len(batches) >= len(self._first):
                longest = sorted(range(len(batches)), key=lambda b: -len(batches[b]))
                return [batches[b] for b in sorted(longest[: len(self._first)])]
        generator = np.random.default_rng([self._seed + epoch, _AGAIN])
        return [self._first[place] for place in generator.permutation(len(self._first))]

    def _fitting(self, size: int, multiple_of: int) -> tuple[int, list[_Batch]]:
        """The size of a full batch, and the first epoch's batches of it."""
        least = max(_LEAST, multiple_of)
        if self._full:
            size = self._fillable(size, least, multiple_of)
        found = self._packed(np.random.default_rng([self._seed, 0]), size)
        if not found:
            raise DataError(
                f"The {self._rows} rows make no batch of {least} or more that may stand beside "
                "each other: what answers one is an answer to the others, too. Add pairs of other "
                "groups, or train on fewer processes."
            )
        return size, found

    def _fillable(self, size: int, least: int, multiple_of: int) -> int:
        """The largest multiple up to `size` at which full batches hold half of the rows."""
        cut = self._cut(np.random.default_rng([self._seed, 0]), size)
        lengths = np.array([len(batch) for batch in cut])
        for smaller in range(size // multiple_of * multiple_of, least, -multiple_of):
            if 2 * smaller * np.count_nonzero(lengths >= smaller) >= self._rows:
                return smaller
        return -(-least // multiple_of) * multiple_of

    def _packed(self, generator: np.random.Generator, size: int) -> list[_Batch]:
        """All rows in batches, those in turn that can be; the batches in random order."""
        least = size if self._full else _LEAST
        kept = [batch for batch in self._cut(generator, size) if len(batch) >= least]
        return [kept[place] for place in generator.permutation(len(kept))]

    def _cut(self, generator: np.random.Generator, size: int) -> list[_Batch]:
        """All rows in batches, however short."""
        order: _Batch = generator.permutation(self._rows).tolist()
        if self._meeting is not None:
            return _Packing(self._meeting, size).packed(order)
        return [order[at : at + size] for at in range(0, self._rows, size)]


def batches(lesson: Lesson, size: int, *, seed: int = 0, multiple_of: int = 1) -> Batches:
    """Batches of a lesson's rows, `size` at a time, none of whose rows must not meet.

    Raises OptionError for a size below 2, DataError where no two rows may meet.
    """
    return Batches(lesson, size, seed=seed, multiple_of=multiple_of)


@dataclass(frozen=True)
class _Meeting:
    """What decides whether rows may meet.

    `holds` are each row's documents, its positive first; `bars` the documents barred beside it
    (rows with one list share it). `shared` is that list's number where other rows have it too
    and it bars the row's own positive, so that rows of equal number never meet; -1 elsewhere.
    """

    holds: list[tuple[int, ...]]
    bars: list[frozenset[int]]
    shared: list[int]


def _meeting(lesson: Lesson) -> _Meeting | None:
    """None where any rows may meet."""
    answers, barred = lesson.answers, lesson.barred
    if not len(answers.places):
        return None
    starts, places = answers.starts.tolist(), answers.places.tolist()
    holds = [tuple(places[a:b]) for a, b in pairwise(starts)]
    which = np.arange(len(lesson)) if barred.which is None else barred.which
    begins, listed = barred.starts.tolist(), barred.places.tolist()
    different: dict[frozenset[int], int] = {}
    numbers: dict[int, int] = {}
    for number in np.unique(which).tolist():
        documents = frozenset(listed[begins[number] : begins[number + 1]])
        numbers[number] = different.setdefault(documents, len(different))
    lists = list(different)
    of = [numbers[number] for number in which.tolist()]
    often = np.bincount(of, minlength=len(lists))
    closed = [own[0] in lists[number] for own, number in zip(holds, of, strict=True)]
    return _Meeting(
        holds,
        # its own answer is barred even where the lesson forgot to say so
        [
            lists[number] if inside else lists[number] | {own[0]}
            for own, number, inside in zip(holds, of, closed, strict=True)
        ],
        [
            number if inside and often[number] > 1 else -1
            for number, inside in zip(of, closed, strict=True)
        ],
    )


def _own(shared: int) -> _Key:
    """The key of rows whose own list of barred documents is this shared one."""
    return -1 - 2 * shared


def _foreign(shared: int) -> _Key:
    """The key of rows that hold a document of this shared list without having it.

    They may stand beside each other, so they must not wait behind those of the list, who may not.
    """
    return -2 - 2 * shared


class _Packing:
    """Rows put into batches one by one; those that must not be in this one wait for the next.

    Who waits is kept by what kept it out, so that a batch asks the first of each queue and not
    all that wait: a group that holds a third of the rows costs no more than the others.
    """

    def __init__(self, meeting: _Meeting, size: int) -> None:
        self._meeting = meeting
        self._size = size
        self._waiting: dict[_Key, deque[int]] = {}
        self._begin()

    def packed(self, order: list[int]) -> list[_Batch]:
        """The rows in this order, each in one batch."""
        fresh, found = deque(order), []
        while fresh or self._waiting:
            self._begin()
            # the longest queue first: a batch takes one of it, so it would be left over
            for key in sorted(self._waiting, key=lambda key: -len(self._waiting[key])):
                if len(self._batch) == self._size:
                    break
                self._serve(key)
            while fresh and len(self._batch) < self._size:
                row = fresh.popleft()
                why = self._blocked(row)
                if why is None:
                    self._add(row)
                else:
                    self._waiting.setdefault(why, deque()).append(row)
            found.append(self._batch)
        return found

    def _begin(self) -> None:
        self._batch: _Batch = []
        self._held: set[int] = set()
        self._short: dict[int, _Key] = {}  # documents barred by short lists → what waits for it
        self._long: dict[_Key, frozenset[int]] = {}
        self._lists: set[int] = set()

    def _serve(self, key: _Key) -> None:
        queue, tries = self._waiting[key], 0
        while queue and len(self._batch) < self._size and tries < _TRIES:
            if key < 0 and (-1 - key) // 2 in self._lists:
                break
            why = self._blocked(queue[0])
            if why == key:
                break
            row = queue.popleft()
            if why is None:
                self._add(row)
            else:
                tries += 1
                self._waiting.setdefault(why, deque()).append(row)
        if not queue:
            del self._waiting[key]

    def _blocked(self, row: int) -> _Key | None:
        """What keeps this row out of the batch; None if nothing does."""
        shared = self._meeting.shared[row]
        if shared in self._lists:
            return _own(shared)
        for document in self._meeting.holds[row]:
            if document in self._short:
                return self._short[document]
            for key, documents in self._long.items():
                if document in documents:
                    return key if key < 0 else document
        bars = self._meeting.bars[row]
        if self._held.isdisjoint(bars):
            return None
        return _own(shared) if shared >= 0 else min(self._held & bars)

    def _add(self, row: int) -> None:
        shared, bars = self._meeting.shared[row], self._meeting.bars[row]
        self._batch.append(row)
        self._held.update(self._meeting.holds[row])
        if shared >= 0:
            self._lists.add(shared)
        if len(bars) > _LONG:
            # a list nobody shares goes under its row, which is no key
            self._long[_foreign(shared) if shared >= 0 else row] = bars
        else:
            for document in bars:
                self._short[document] = _foreign(shared) if shared >= 0 else document

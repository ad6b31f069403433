"""Lanes: what waits for one side of one encoder, whose turn it is, and what goes with it.

Callers take turns, a text each, so that a short query beside a request of two thousand texts is
among the next. A batch is cut around the text whose turn it is, from all that may come soon, so
that little of it is padding: nothing is emptied first, so that no small rest is left of it.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count

import numpy as np

from tunewise.encoders import Encoder
from tunewise.encoders.vectors import Side
from tunewise.serving.recent import Vectors

Key = tuple[str, Side, bytes]
# What a call takes beside its tokens, in tokens: 6.6 ms through OpenVINO, where one takes 0.138;
# 2.5 of them for a shape that is new. Half or twice as many here cost a hundredth at the most.
_CALL = 48


@dataclass(eq=False, slots=True)
class Text:
    """A text that is waited for, and by how many.

    `turn` is which of its caller's texts it is, counted from the turn in which that came, and then
    which caller.
    """

    key: Key
    text: str
    tokens: int
    vector: asyncio.Future[Vectors]
    asked_in: object  # the span of who asked first
    wanted: int = 0
    begun: bool = False
    turn: tuple[int, int] = (0, 0)


class Lane:
    """What waits for one side of one encoder; of it, `near` tokens are looked at for a batch."""

    def __init__(self, encoder: Encoder, side: Side, near: int) -> None:
        self.encoder, self.side = encoder, side
        self._room = near
        self._callers: list[tuple[int, int, deque[Text]]] = []  # a heap: whose turn is first
        self._near: list[Text] = []  # shortest first
        self._turn, self._numbers = 0, count()

    def add(self, texts: Iterable[Text]) -> None:
        """Texts of one more caller, whose turn comes after those that came before in this one."""
        heappush(self._callers, (self._turn + 1, next(self._numbers), deque(texts)))

    def take(self, most: int | None) -> list[Text]:
        """The next batch, shortest first: none where nothing waits.

        Of at most so many tokens, padding included, but for a text that is longer; None for all
        that is near.
        """
        self._fill()
        near = self._near
        if not near:
            return []
        first = min(range(len(near)), key=lambda place: near[place].turn)
        self._turn = near[first].turn[0]
        batch = slice(None) if most is None else best([each.tokens for each in near], first, most)
        taken = near[batch]
        del near[batch]
        for text in taken:
            text.begun = True
        return taken

    def forget(self) -> None:
        """Leaves out what nobody waits for any more."""
        self._near = _wanted(self._near)
        callers = [(turn, number, deque(_wanted(texts))) for turn, number, texts in self._callers]
        self._callers = [each for each in callers if each[2]]
        heapify(self._callers)

    def _fill(self) -> None:
        near = _wanted(self._near)  # whoever asked may have gone
        room = self._room - sum(text.tokens for text in near)
        while self._callers and (room > 0 or not near):
            turn, number, texts = heappop(self._callers)
            while texts and not texts[0].wanted:
                texts.popleft()
            if texts:
                text = texts.popleft()
                text.turn = turn, number
                near.append(text)
                room -= text.tokens
            if texts:
                heappush(self._callers, (turn + 1, number, texts))
        self._near = sorted(near, key=lambda text: text.tokens)


def best(sizes: Sequence[int], first: int, most: int) -> slice:
    """The places that make the best batch with `first`, of sizes from the smallest to the largest.

    The best has the most tokens for what it takes: those of its texts, all padded to the longest,
    and what each call takes. None takes more than `most`, but `first` alone may.

    >>> best([1, 8, 9, 10, 10, 40], 2, 64), best([1, 8, 9, 10, 10, 40], 5, 64)
    (slice(1, 5, None), slice(5, 6, None))
    """
    fit = max(1, most // max(1, sizes[first]))  # texts, where none is longer
    low = max(0, first + 1 - fit)
    # those of no token at all would else be worth nothing together, and go one by one
    around = np.maximum(np.array(sizes[low : first + fit], dtype=np.int64), 1)
    sums = np.concatenate([[0], np.cumsum(around)])
    starts, ends = np.arange(first - low + 1)[:, None], np.arange(first - low, len(around))[None]
    padded = (ends - starts + 1) * around[ends]
    worth = (sums[ends + 1] - sums[starts]) / (padded + _CALL)
    worth[(padded > most) & (ends > starts)] = -1.0
    start, end = divmod(int(worth.argmax()), worth.shape[1])
    return slice(low + start, first + end + 1)


def _wanted(texts: Iterable[Text]) -> list[Text]:
    return [text for text in texts if text.wanted]

"""Threads: work shared by batches, not within one.

torch can also spread a single operation over threads, and waits at the end of each for the
slowest. Where another process holds a core, every wait lasts a time slice: an adapter's step of
55 ms took 500 ms. Batches on one thread each wait for nobody, are some tenth quicker even on a
quiet machine, and give the same bits however many run beside one another.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


_turn = threading.Lock()
_held: list[int] = []  # how many threads torch had before each who holds it to one
_own = threading.local()  # `lowered`: how many this thread had, where another one left last


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps every torch operation to one thread, until the last of those who asked for it ends."""
    import torch

    with _turn:
        _held.append(getattr(_own, "lowered", 0) or torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _turn:
            threads = max(_held)
            _held.pop()
            _own.lowered = threads if _held else 0
            if not _held:
                torch.set_num_threads(threads)


def all_threads() -> None:
    """Lets this thread spread torch's operations over the cores again, if nobody holds it.

    torch counts for each thread by itself: who was held and did not leave last stays with one.
    """
    import torch

    with _turn:
        if not _held and (threads := getattr(_own, "lowered", 0)):
            torch.set_num_threads(threads)
            _own.lowered = 0


_computing: list[object] = []


@contextmanager
def among_others() -> Iterator[bool]:
    """Counts as computing in this process; gives whether somebody else does already."""
    me = object()
    with _turn:
        others = bool(_computing)
        _computing.append(me)
    try:
        yield others
    finally:
        with _turn:
            _computing.remove(me)


def cores() -> int:
    """How many processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """The results of `work` on each item, in order, `workers` at a time; one in this thread.

    Only a few items are begun ahead of the one that is asked for, so that neither memory nor the
    time to stop grows with their number.

    >>> list(in_order(abs, [-3, 2, -1], workers=2))
    [3, 2, 1]
    """
    if workers == 1:
        yield from map(work, items)
        return
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) > 2 * workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()

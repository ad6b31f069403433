"""Threads: where a disk is waited for, so that the event loop goes on; past a bound, nobody may."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from tunewise.serving.refused import busy

Result = TypeVar("Result")


class Threads:
    """So many threads, calls that may be in or wait for them, and seconds that one may take."""

    def __init__(self, name: str, *, count: int, waiting: int, patience: float = 60.0) -> None:
        self._name, self._most, self._patience = name, waiting, patience
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._inside, self._turn = 0, threading.Lock()

    async def run(self, work: Callable[[], Result], *, patience: float | None = None) -> Result:
        """What `work` gives, from a thread.

        Raises Refused where too many wait already, and where it takes longer than `patience`
        seconds (None: the usual ones): its thread is then busy until it ends.
        """
        with self._turn:
            if self._inside >= self._most:
                raise busy(
                    f"{self._inside} calls of this kind are waited for already ({self._name}). "
                    "Ask again after the time in Retry-After.",
                    seconds=1,
                )
            self._inside += 1
        future = self._pool.submit(work)
        future.add_done_callback(self._left)
        seconds = self._patience if patience is None else patience
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.done() and not future.cancelled():
                raise
            raise busy(
                f"There was no answer after {seconds:g} seconds ({self._name}). Ask again.",
                seconds=1,
            ) from None

    def close(self) -> None:
        """Takes no more; what was begun goes on by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _left(self, _: Future[Any]) -> None:
        with self._turn:
            self._inside -= 1

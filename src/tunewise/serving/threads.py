"""Threads: where a disk is waited for, so that the event loop goes on; past a bound, nobody may."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tunewise.serving.refused import busy

Result = TypeVar("Result")


class Threads:
    """So many threads, calls that may be in or wait for them, and seconds that one may take.

    Calls `of` something named are in `each` threads at once at most, and half of all calls: one
    caller, or one lock that is held, leaves room for others.
    """

    def __init__(
        self, name: str, *, count: int, waiting: int, patience: float = 60.0, each: int = 1
    ) -> None:
        self._name, self._most, self._patience, self._each = name, waiting, patience, each
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._inside, self._turn = dict[_Call, None](), threading.Lock()  # in their order
        self._closed = False

    async def run(
        self, work: Callable[[], Result], *, patience: float | None = None, of: str | None = None
    ) -> Result:
        """What `work` gives, from a thread.

        Raises Refused where too many wait already, and where it takes longer than `patience`
        seconds (None: the usual ones): its thread is then busy until it ends.
        """
        future: Future[Result] = self._entered(_Call(work, of))
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
        with self._turn:
            self._closed, left = True, list(self._inside)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for call in left:
            call.told.cancel()

    def _entered(self, call: "_Call") -> Future[Any]:
        """Takes a call in. Raises Refused where it is one too many."""
        with self._turn:
            own = self._like(call)
            if len(self._inside) >= self._most or len(own) >= self._most // 2:
                many = max(len(own), len(self._inside))
                raise busy(
                    f"{many} calls of this kind are waited for already ({self._name}). "
                    "Ask again after the time in Retry-After.",
                    seconds=1,
                )
            self._inside[call] = None
            self._begin([*own, call])
        call.told.add_done_callback(lambda _: self._left(call))
        return call.told

    def _left(self, call: "_Call") -> None:
        with self._turn:
            del self._inside[call]
            if not self._closed:
                self._begin(self._like(call))

    def _like(self, call: "_Call") -> list["_Call"]:
        """The calls inside that share their part of the threads with this one."""
        return [] if call.of is None else [each for each in self._inside if each.of == call.of]

    def _begin(self, alike: list["_Call"]) -> None:
        """Hands on those that may be in a thread at once, and are not handed on yet."""
        for call in alike[: self._each]:
            if not call.begun:
                call.begun = True
                self._pool.submit(call.do)


@dataclass(eq=False, slots=True)
class _Call:
    """A call under way, and where what it gives is told."""

    work: Callable[[], Any]
    of: str | None
    begun: bool = False
    told: Future[Any] = field(default_factory=Future)

    def do(self) -> None:
        if not self.told.set_running_or_notify_cancel():
            return  # nobody waits for it any more
        try:
            self.told.set_result(self.work())
        except BaseException as error:  # raised where it is waited for
            self.told.set_exception(error)
            del self  # it would hold on to the error, whose traceback holds this

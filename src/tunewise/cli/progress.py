"""Progress on a terminal: what is done, how far it is, how long it will still take."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tunewise.progress import Progress

_QUIET = 15.0  # seconds between lines where there is no terminal to draw a bar on
_TELLING = 200  # the rest is foretold once one part in so many is done


@contextmanager
def shown() -> Iterator[Progress]:
    """A progress that draws a bar on a terminal, or now and then a line where there is none."""
    drawn: Bars | Lines = Bars() if sys.stderr.isatty() else Lines()
    try:
        yield drawn
    finally:
        drawn.close()


def _step(what: str) -> str:
    """The step itself: what stands before a colon; the rest says how it goes and may change."""
    return what.partition(":")[0]


class Bars:
    """One bar for each step, left standing when the step is done."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Draws how far it is."""
        if _step(what) != _step(self._what) or (self._bar is not None and done < self._bar.n):
            self._start(what, total)
        if self._bar is not None:
            if what != self._what:
                self._what = what
                self._bar.set_description(what, refresh=False)
            self._bar.total = total or None
            self._bar.update(done - self._bar.n)

    def _start(self, what: str, total: int) -> None:
        from tqdm import tqdm

        again = _step(what) == _step(self._what)
        self.close(leave=not again)
        self._what = what
        form = (
            "{desc:<28} {percentage:3.0f}% {bar:24} {n_fmt}/{total_fmt} {elapsed}, {remaining} left"
        )
        self._bar = (
            tqdm(total=total or None, desc=what, bar_format=form if total else "{desc}", leave=True)
            if what
            else None
        )

    def close(self, *, leave: bool = True) -> None:
        """Ends the bar that is drawn, if any."""
        if self._bar is not None:
            self._bar.leave = leave
            self._bar.close()
            self._bar = None


class Lines:
    """A line when a step begins and every so often while it lasts."""

    def __init__(self) -> None:
        self._what = ""
        self._told = 0.0
        self._began = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Says how far it is, if it is time to."""
        now = time.monotonic()
        begins = _step(what) != _step(self._what)
        if not what or not (begins or now - self._told > _QUIET):
            return
        if begins:
            self._what, self._began = what, now
        self._told = now
        print(what + self._how_far(done, total, now), file=sys.stderr, flush=True)

    def _how_far(self, done: int, total: int, now: float) -> str:
        if not total:
            return ""
        # the first of many batches says little about the rest: it may have waited for imports
        early = now - self._began < _QUIET / 3 or done * _TELLING < total
        left = 0.0 if early or not done else (now - self._began) / done * (total - done)
        still = f", about {left:.0f} s left" if left >= 1 else ""
        return f": {done:,} of {total:,}{still}"

    def close(self, *, leave: bool = True) -> None:
        """Nothing to end."""

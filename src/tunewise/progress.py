"""Progress: what a long step tells whoever waits for it.

A long step takes `progress=` and calls it with what it is doing, how far it is and how far
it has to go. The library shows nothing by itself; the command line draws a bar.
"""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as `progress(what, done, total)`; a total of 0 means that it is not known."""


def silent(what: str, done: int, total: int) -> None:
    """Shows nothing: the default."""


def named(what: str, progress: Progress) -> Progress:
    """Progress of a step that goes by this name here, whatever it calls itself."""
    return lambda _, done, total: progress(what, done, total)

"""Heap: what the C library is told of memory, where it can be told.

Threads that free large arrays of ever other sizes, or what another thread allocated, leave each
thread's heap full of holes.
"""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

# numbers of malloc.h, names in the environment and among its GLIBC_TUNABLES, and what is told
_SETTINGS = (
    (-8, "MALLOC_ARENA_MAX", "glibc.malloc.arena_max=", 2),
    (-3, "MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold=", 64 * 1024),
)
_YOUNG = 10_000  # objects more than were let go, where Python looks at each 700


@cache
def few_holes() -> None:
    """Has threads share two heaps and large blocks lie outside them, unless told otherwise.

    With a heap for each thread, indexing 100 MB held twice as much (benchmarks/indexing.md). What
    a server's encoder asks for is of ever other sizes: of 750 MB in two heaps, 430 were holes, and
    with blocks of 64 to 512 KB within them they grew by 2 MB a minute (benchmarks/soak.md). What
    the environment says of malloc stays.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    with suppress(AttributeError, TypeError):
        for number, name, tunable, value in _SETTINGS:
            if name not in os.environ and tunable not in tunables:
                _library().mallopt(number, value)


def give_back() -> None:
    """Gives freed memory back to the system.

    A training whose arrays took 5 GB held 8, and all 24 of a machine's after another training in
    the same process.
    """
    with suppress(AttributeError, TypeError):
        _library().malloc_trim(0)


def set_aside() -> None:
    """Has garbage looked for in none of what there is now, and in new objects less often.

    To be called once all is loaded, in a process that then does the same for long: of a request
    that is answered in a millisecond, looking for garbage took a fifth.
    """
    gc.collect()
    gc.freeze()
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, _YOUNG), *older)


@contextmanager
def collected() -> Iterator[None]:
    """Collects at the end what was made within and forgotten, and looks through nothing else.

    To look through all that the libraries brought with them takes half a second, and accelerate
    does so before each training. What was set aside before, as servers do that fork, stays so.
    """
    ours = not gc.get_freeze_count()  # nothing tells apart who froze what
    if ours:
        gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        if ours:
            gc.unfreeze()


@cache
def _library() -> Any:
    """The C library; None where there is none to be told."""
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None

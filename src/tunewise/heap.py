"""Heap: what the C library is told of memory, where it can be told.

Threads that free large arrays of ever other sizes, or what another thread allocated, leave each
thread's heap full of holes.
"""

import ctypes
import os
from contextlib import suppress
from functools import cache
from typing import Any

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


@cache
def few_heaps() -> None:
    """Has all threads share two heaps, unless whoever started the process said how many.

    With one heap a thread, indexing 100 MB held twice as much (benchmarks/indexing.md).
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(AttributeError, TypeError):
            _library().mallopt(_ARENA_MAX, 2)


def give_back() -> None:
    """Gives freed memory back to the system.

    A training whose arrays took 5 GB held 8, and all 24 of a machine's after another training in
    the same process.
    """
    with suppress(AttributeError, TypeError):
        _library().malloc_trim(0)


@cache
def _library() -> Any:
    """The C library; None where there is none to be told."""
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None

"""Freed memory is given back to the system, where the C library can be told to."""

import sys
from pathlib import Path

import pytest

from tunewise.heap import give_back

STATUS = Path("/proc/self/statm")


def resident() -> int:
    return int(STATUS.read_text().split()[1]) * 4096


@pytest.mark.skipif(
    not STATUS.exists() or not hasattr(sys, "getallocatedblocks"), reason="read from /proc of Linux"
)
def test_holes_in_the_heap_are_given_back() -> None:
    # pieces small enough for the heap; those that stay keep it from shrinking by itself
    pieces = [bytes([1]) * 60_000 for _ in range(4000)]
    stay = pieces[::100]
    del pieces
    before = resident()
    give_back()
    assert before - resident() > 100 * 2**20
    assert all(len(piece) == 60_000 for piece in stay)

"""Freed memory is given back to the system, where the C library can be told to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunewise.heap import give_back

STATUS = Path("/proc/self/statm")
# Of a block that was freed before, whether its like lies outside the heap (1) or in it (0), by
# glibc's mallinfo2; -1 where there is no such thing.
LIES = """
import ctypes, sys
from tunewise.heap import few_holes
library = ctypes.CDLL(None)
if not hasattr(library, "mallinfo2"):
    sys.exit(print(-1))
class Told(ctypes.Structure):
    _fields_ = [(f"f{n}", ctypes.c_size_t) for n in range(10)]
library.mallinfo2.restype, library.malloc.restype = Told, ctypes.c_void_p
few_holes()
library.free(ctypes.c_void_p(library.malloc(ctypes.c_size_t(2**20))))
before = library.mallinfo2().f3
library.malloc(ctypes.c_size_t(2**20 - 64))
print(library.mallinfo2().f3 - before)
"""


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


@pytest.mark.parametrize(
    ("said", "outside"),
    [
        ({}, 1),
        ({"MALLOC_MMAP_THRESHOLD_": "4194304"}, 0),
        ({"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=4194304"}, 0),
    ],
)
def test_large_blocks_lie_outside_the_heaps_unless_the_environment_says_otherwise(
    said: dict[str, str], outside: int
) -> None:
    mine = {name: value for name, value in os.environ.items() if "MALLOC_" not in name}
    mine = {**mine, "GLIBC_TUNABLES": "", **said}
    ran = subprocess.run([sys.executable, "-c", LIES], env=mine, capture_output=True, text=True)
    lies = int(ran.stdout)
    if lies < 0:
        pytest.skip("this C library does not tell")
    assert lies == outside

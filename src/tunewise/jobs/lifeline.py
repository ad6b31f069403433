"""Lifeline: a process that ends when the one that started it ends, however that came about."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

_PDEATHSIG = 1  # prctl's number for: a signal when the parent dies


def end_with_parent(ended: Callable[[], None]) -> None:
    """Calls `ended`, in a thread, once the parent is gone: standard input is a pipe it holds.

    On Linux the system itself also kills this process then, whatever it is at.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    def watch() -> None:
        while os.read(0, 1):
            pass
        ended()

    # if it died before the call above, the pipe is closed by now, and this finds out
    threading.Thread(target=watch, daemon=True).start()


def end_group() -> None:
    """Ends this process and all that it started, at once."""
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)

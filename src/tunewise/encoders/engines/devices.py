"""Several GPUs: a process for each, with a model of its own."""

import os
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines.runtime import budget_of
from tunewise.encoders.engines.torch import TorchRuntime
from tunewise.encoders.model import load_model
from tunewise.encoders.vectors import Side
from tunewise.errors import EncoderError

WORTHWHILE = 2_000_000  # tokens: a process takes some ten seconds to load torch and the model

_own: dict[str, TorchRuntime] = {}  # in a process of a device: its runtime


class DevicesRuntime:
    """Batches go to whichever device is free. Processes, for one could not feed several GPUs.

    A script that starts encoding must guard its entry with `if __name__ == "__main__"`, as with
    any library that starts processes.
    """

    def __init__(self, folder: Path, side: Side, precision: str, devices: Sequence[str]) -> None:
        self.budget = budget_of(devices[0])
        self.workers = len(devices)
        self._free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for device in devices:
            given = (folder, side, precision, device)
            spawn = get_context("spawn")  # a forked process could not use CUDA
            self._free.put(ProcessPoolExecutor(1, spawn, initializer=_open, initargs=given))

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, d) of one batch, from the next device that is free."""
        process = self._free.get()
        try:
            found: NDArray[np.float32] = process.submit(_vectors, list(texts)).result()
            return found
        except BrokenExecutor as broken:
            raise EncoderError(
                "The process of a GPU ended. Start again: what was encoded is kept. If it ends at "
                'once, encode under `if __name__ == "__main__":`; if late, memory may have run '
                "out."
            ) from broken
        finally:
            self._free.put(process)

    def alone(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same: a batch has one device."""
        return self.vectors(texts)


def spread(devices: Sequence[str], tokens: int) -> bool:
    """Whether so much work is for all devices at once; under torchrun each process has its own."""
    return len(devices) > 1 and tokens >= WORTHWHILE and "WORLD_SIZE" not in os.environ


@cache
def gpus() -> tuple[str, ...]:
    """The GPUs there are, as torch names them."""
    import torch

    return tuple(f"cuda:{place}" for place in range(torch.cuda.device_count()))


def _open(folder: Path, side: Side, precision: str, device: str) -> None:
    _own["runtime"] = TorchRuntime(load_model(folder, device), side, precision)


def _vectors(texts: list[str]) -> Any:
    return _own["runtime"].vectors(texts)

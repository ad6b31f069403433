"""Several devices: a process for each, the same vectors, a clear word when one ends.

Processors stand in for GPUs here: what differs is the name of the device.
"""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tunewise.encoders import load_encoder
from tunewise.encoders.engines.devices import WORTHWHILE, DevicesRuntime, spread
from tunewise.errors import EncoderError

TEXTS = ["open the door", "close a file", "file " * 40, "open : close", "door"] * 8


def test_only_much_work_is_spread_over_several_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spread(["cuda:0", "cuda:1"], WORTHWHILE)
    assert not spread(["cuda:0", "cuda:1"], WORTHWHILE - 1)
    assert not spread(["cuda:0"], WORTHWHILE)
    assert not spread([], WORTHWHILE)
    monkeypatch.setenv("WORLD_SIZE", "2")  # each process of torchrun has a device of its own
    assert not spread(["cuda:0", "cuda:1"], WORTHWHILE)


@pytest.mark.slow
def test_two_processes_give_the_vectors_of_one(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = load_encoder(str(tiny_model), engine="torch", cache=False).encode_documents(TEXTS)
    monkeypatch.setattr("tunewise.encoders.transformer.gpus", lambda: ["cpu", "cpu"])
    monkeypatch.setattr("tunewise.encoders.engines.devices.WORTHWHILE", 0)
    opened = []

    def watched(*given: object) -> DevicesRuntime:
        opened.append(DevicesRuntime(*given))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr("tunewise.encoders.transformer.DevicesRuntime", watched)
    shared = load_encoder(str(tiny_model), engine="torch", cache=False).encode_documents(TEXTS)
    assert len(opened) == 1
    assert np.abs(shared - plain).max() < 1e-6


@pytest.mark.slow
def test_a_process_that_ends_is_told(tiny_model: Path) -> None:
    runtime = DevicesRuntime(tiny_model, "documents", "fp32", ["cpu"])
    runtime.vectors(["door"])
    process = runtime._free.get()
    [number] = process._processes
    runtime._free.put(process)
    os.kill(number, signal.SIGKILL)
    with pytest.raises(EncoderError, match=r"process of a GPU ended\. Start again"):
        runtime.vectors(["door"])

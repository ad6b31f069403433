"""Processes: what several of them that train one model together have to agree on."""

import os
from typing import Any


def first() -> bool:
    """Whether this is the process that writes, the first or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


def processes() -> int:
    """How many processes train together, as torchrun tells them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join() -> None:
    """Brings the processes together, before any of them relies on what another one wrote.

    Must be called before a model is loaded: each process has a GPU of its own, if there are any.
    """
    if processes() == 1:
        return
    import torch
    import torch.distributed as together

    if not together.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        together.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    together.barrier()


def from_first(values: list[float], device: Any) -> list[float]:
    """What the first process gives here, in every process; each must give as many numbers."""
    if processes() == 1:
        return values
    import torch
    import torch.distributed as together

    told = torch.tensor(values, dtype=torch.float64, device=device)
    together.broadcast(told, 0)
    return [float(value) for value in told.tolist()]


def anywhere(true: bool, device: Any) -> bool:
    """Whether it is true in any process."""
    if processes() == 1:
        return true
    import torch
    import torch.distributed as together

    told = torch.tensor([float(true)], device=device)
    together.all_reduce(told, together.ReduceOp.MAX)
    return bool(told.item())

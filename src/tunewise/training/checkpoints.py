"""Checkpoints: all that a run needs to go on, in a folder that is there whole or not at all.

Tensors are safetensors, the rest is JSON, written so that every number comes back to the bit.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from tunewise.files import whole, whole_folder, write_text
from tunewise.training.layers import trained

_WEIGHTS = "trained.safetensors"
_MOMENTS = "optimizer.safetensors"
_SETTINGS = "settings.json"
_STATE = "trainer_state.json"  # the name that transformers looks for


def write_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Writes tensors, whole, as safetensors. Raises OutputError when the disk refuses."""
    with whole(path) as beside:
        try:
            there = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
            save_file(there, beside, metadata={"format": "pt"})
        except SafetensorError as refusal:  # a full disk is no OSError there
            raise OSError(str(refusal)) from refusal


def save_weights(model: nn.Module, path: Path) -> None:
    """Writes the weights that are trained, whole, as safetensors."""
    write_tensors(trained(model), path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Puts weights that `save_weights` wrote back in their places."""
    kept = load_file(path)
    with torch.no_grad():
        for name, parameter in trained(model).items():
            parameter.copy_(kept[name])


def save_checkpoint(
    folder: Path, model: nn.Module, optimizer: Any, scheduler: Any, scaler: Any, state: Any
) -> None:
    """Writes a checkpoint of a trainer's `state` into `folder`; older ones go once it is there."""
    home = folder / f"checkpoint-{state.global_step}"
    moments = optimizer.state_dict()
    settings = {
        "groups": moments["param_groups"],
        "scheduler": scheduler.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    with whole_folder(home) as beside:
        save_weights(model, beside / _WEIGHTS)
        flat = {f"{k}.{name}": t for k, of in moments["state"].items() for name, t in of.items()}
        write_tensors(flat, beside / _MOMENTS)
        write_text(beside / _SETTINGS, json.dumps(settings))
        state.save_to_json(str(beside / _STATE))
    for older in folder.glob("checkpoint-*"):
        if older != home:
            shutil.rmtree(older, ignore_errors=True)


def load_checkpoint(folder: Path, optimizer: Any, scheduler: Any, scaler: Any) -> None:
    """Puts all but the weights of a checkpoint back in their places."""
    settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(folder / _MOMENTS).items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": settings["groups"]})
    scheduler.load_state_dict(settings["scheduler"])
    if scaler is not None and settings["scaler"]:
        scaler.load_state_dict(settings["scaler"])


def load_checkpoint_weights(folder: Path, model: nn.Module) -> None:
    """Puts the weights of a checkpoint back in their places."""
    load_weights(model, folder / _WEIGHTS)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in a folder; None if there is none."""
    found = [path.parent for path in folder.glob(f"checkpoint-*/{_STATE}")]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

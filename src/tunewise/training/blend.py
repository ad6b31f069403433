"""Blend: weights some of the way from the base's to the tuned ones, as a model in a folder."""

import json
from pathlib import Path
from typing import Any

from tunewise.encoders import TransformerEncoder, write_folder
from tunewise.training.tuning import Tuned

_LORA = "adapter_model.safetensors"


def save_blend(encoder: TransformerEncoder, tuned: Tuned, share: float, folder: Path) -> None:
    """Fills `folder` with an ordinary sentence-transformers model, safetensors only.

    Its weights are the base's moved `share` of the way to the tuned ones. A LoRA run puts its
    adapter beside it in `lora`, weakened by the same share. Raises OSError when the disk refuses.
    """
    write_folder(blended(encoder, tuned, share), folder)
    if tuned.lora is not None:
        _save_lora(tuned.lora, encoder.name, share, folder / "lora")


def blended(encoder: TransformerEncoder, tuned: Tuned, share: float) -> Any:
    """A model whose weights are the encoder's moved `share` of the way to the tuned ones."""
    import torch
    from safetensors.torch import load_file

    model = encoder.copy()
    goal = load_file(tuned.weights)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in goal:
                parameter.lerp_(goal[name].to(parameter.device), share)
    return model


def _save_lora(source: Path, base: str, share: float, folder: Path) -> None:
    from safetensors.torch import load_file

    from tunewise.training.checkpoints import write_tensors

    folder.mkdir(parents=True, exist_ok=True)
    matrices = load_file(source / _LORA)
    weakened = {
        name: matrix * share if "lora_B" in name else matrix for name, matrix in matrices.items()
    }
    write_tensors(weakened, folder / _LORA)
    config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")

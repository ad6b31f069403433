"""Precision: how many bits of a number a multiplication looks at on this machine."""

from typing import Any

from tunewise.training.recipe import Precision


def best_precision(device: Any) -> Precision:
    """The quickest precision that trains safely on a torch device.

    bf16 where the processor or the GPU multiplies in it (AMX, AVX512-BF16, Ampere and later),
    fp16 on other GPUs, else fp32. Weights stay in fp32 whatever the answer.
    """
    import torch

    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return "bf16" if able.get("amx_bf16") or able.get("avx512_bf16") else "fp32"
    return "fp32"

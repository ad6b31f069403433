"""Runtime: one side of a model, ready to compute vectors in one way."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines.way import Way
from tunewise.encoders.threads import cores
from tunewise.encoders.vectors import Side

# Tokens a batch, padding included. On a processor measured with the default model, texts a second
# of one core at 1,024 / 2,048 / 4,096 / 8,192: short 153/144/129/105, middle 28/28/26/22, long
# 17/17/17/14 (sentence-transformers' defaults 98, 20, 14): small batches stay in its caches.
# For a GPU it is a guess.
CPU_BUDGET = 1024
_GPU_BUDGET = 32_768

logger = logging.getLogger(__name__)


class Runtime(Protocol):
    """Computes vectors of texts, in several threads at once if `workers` says so."""

    @property
    def budget(self) -> int:
        """Tokens that a batch should have, padding included."""

    @property
    def workers(self) -> int:
        """How many batches may be under way at once."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, d) of one batch, as the model gives them; others may run beside it."""

    def alone(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same with nothing beside it, so that all cores may serve the one batch."""


class TorchRuntime:
    """A sentence-transformers model as it is; with bf16, all its numbers are."""

    def __init__(self, model: Any, side: Side, precision: str) -> None:
        if precision == "bf16":
            import torch

            model = model.to(torch.bfloat16)
        self._encode = model.encode_query if side == "queries" else model.encode_document
        self._on_cpu = model.device.type == "cpu"
        self.budget = budget_of(model.device.type)
        self.workers = cores() if self._on_cpu else 1

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, d) of one batch; one too large for a GPU is halved until it fits."""
        if self._on_cpu:
            return self._plainly(texts)
        return halving(self._plainly, texts)

    def alone(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same: how many threads torch uses is for the caller to say."""
        return self.vectors(texts)

    def _plainly(self, texts: Sequence[str]) -> NDArray[np.float32]:
        given = self._encode(
            list(texts), batch_size=len(texts), show_progress_bar=False, convert_to_tensor=True
        )
        return np.asarray(given.float().cpu().numpy(), dtype=np.float32)


def budget_of(device: str) -> int:
    """Tokens that a batch on this device should have."""
    return CPU_BUDGET if device.startswith("cpu") else _GPU_BUDGET


def halving(
    vectors: Callable[[Sequence[str]], NDArray[np.float32]], texts: Sequence[str]
) -> NDArray[np.float32]:
    """The vectors of a batch, in halves where all at once take more memory than there is.

    Raises torch.OutOfMemoryError when even one text does.
    """
    import torch

    try:
        return vectors(texts)
    except torch.OutOfMemoryError:
        if len(texts) < 2:
            raise
        torch.cuda.empty_cache()
    half = len(texts) // 2
    logger.info("out of memory with %d texts at once: trying %d", len(texts), half)
    return np.concatenate([halving(vectors, texts[:half]), halving(vectors, texts[half:])])


def open_runtime(way: Way, model: Any, side: Side, prompt: str, folder: Path | None) -> Runtime:
    """The model's side in this way; what is converted is kept in `folder`, if one is given.

    `model` is this runtime's own: it may be changed. `prompt` goes before each text. Raises
    MissingExtra when the engine is not installed, EncoderError when it cannot have this model.
    """
    if way.engine == "openvino":
        from tunewise.encoders.engines.openvino import OpenVinoRuntime

        return OpenVinoRuntime(model, side, prompt, way.precision, folder)
    if way.engine == "onnx":
        from tunewise.encoders.engines.onnx import OnnxRuntime

        return OnnxRuntime(model, side, prompt, way.precision, folder)
    return TorchRuntime(model, side, way.precision)

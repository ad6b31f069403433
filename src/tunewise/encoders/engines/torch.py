"""TorchRuntime: a sentence-transformers model by torch, on a processor or a GPU."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines.runtime import budget_of
from tunewise.encoders.threads import all_threads, cores
from tunewise.encoders.vectors import Side

logger = logging.getLogger(__name__)


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
        """The same with as many threads as torch has."""
        all_threads()
        return self.vectors(texts)

    def _plainly(self, texts: Sequence[str]) -> NDArray[np.float32]:
        given = self._encode(
            list(texts), batch_size=len(texts), show_progress_bar=False, convert_to_tensor=True
        )
        return np.asarray(given.float().cpu().numpy(), dtype=np.float32)


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

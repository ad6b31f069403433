"""Runtime: one side of a model, ready to compute vectors in one way."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Tokens a batch, padding included. On a processor measured with the default model, texts a second
# of one core at 1,024 / 2,048 / 4,096 / 8,192: short 153/144/129/105, middle 28/28/26/22, long
# 17/17/17/14 (sentence-transformers' defaults 98, 20, 14): small batches stay in its caches.
# For a GPU it is a guess.
CPU_BUDGET = 1024
_GPU_BUDGET = 32_768


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


def budget_of(device: str) -> int:
    """Tokens that a batch on this device should have."""
    return CPU_BUDGET if device.startswith("cpu") else _GPU_BUDGET

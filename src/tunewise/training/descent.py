"""Descent: arrays moved against their gradients, until dev has not liked any better for a while.

By numpy alone: for a matrix or two torch's optimisers are not worth the seconds that loading them
takes, and a step of theirs takes longer than one of these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from tunewise.progress import Progress

Arrays = Mapping[str, NDArray[np.float32]]
Kept = TypeVar("Kept")

_REMEMBERED = (0.9, 0.999)  # of the running means of gradients and of their squares, each step
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a descent goes on.

    `steps` at most, `between` two looks so many, and `patience` looks in a row may be in vain.
    """

    steps: int
    between: int
    patience: int


def _whole(_: int) -> float:
    return 1.0


def descend(
    weights: Arrays,
    gradients: Callable[[], Arrays],
    look: Callable[[Arrays], tuple[float, Kept]],
    *,
    best: float,
    pace: Pace,
    rate: float,
    progress: Progress,
    decay: float = 0.0,
    share: Callable[[int], float] = _whole,
) -> Kept | None:
    """What `look` made of the weights that dev liked best on the way; None if that was the start.

    The weights are moved in place; `gradients` are those of the next batch. `look` says how dev
    likes the weights as they are then, and `best` how it likes those to begin with. `rate` is the
    learning rate, of which each step takes its `share`, counted from 1; `decay` as in `Adam`.
    """
    threads = ThreadpoolController()
    learned = {name: Adam(array, decay=decay) for name, array in weights.items()}
    waited, kept = 0, None
    for looked in range(0, pace.steps, pace.between):
        # each product waits for all threads it is spread over: on a busy machine that is dear
        with threads.limit(limits=1, user_api="blas"):
            for step in range(looked + 1, min(looked + pace.between, pace.steps) + 1):
                progress("training an adapter", step, pace.steps)
                for name, gradient in gradients().items():
                    learned[name].step(gradient, rate * share(step))
        level, found = look({name: array.copy() for name, array in weights.items()})
        waited = 0 if level > best else waited + 1
        if level > best:
            best, kept = level, found
        if waited == pace.patience:
            break
    return kept


class Adam:
    """Weights moved in place by Adam (Kingma & Ba 2015).

    `decay` shrinks them beside it, in each step by that share of its rate (Loshchilov & Hutter
    2019, "Decoupled weight decay regularization").
    """

    def __init__(self, weights: NDArray[np.float32], *, decay: float = 0.0) -> None:
        self._weights, self._decay = weights, decay
        self._mean, self._square = np.zeros_like(weights), np.zeros_like(weights)
        self._at_hand = np.empty_like(weights), np.empty_like(weights)
        self._steps = 0

    def step(self, gradient: NDArray[np.float32], rate: float) -> None:
        """One step of this learning rate against the gradient."""
        self._steps += 1
        move, root = self._at_hand  # a new array at each turn would take longer than its sums
        for_mean, for_square = (1 - kept**self._steps for kept in _REMEMBERED)
        np.subtract(gradient, self._mean, out=move)
        move *= 1 - _REMEMBERED[0]
        self._mean += move
        np.multiply(gradient, gradient, out=root)
        root -= self._square
        root *= 1 - _REMEMBERED[1]
        self._square += root
        np.divide(self._square, for_square, out=root)
        np.sqrt(root, out=root)
        root += _TINY
        np.divide(self._mean, root, out=move)
        move *= rate / for_mean
        if self._decay:
            self._weights *= 1 - rate * self._decay
        self._weights -= move

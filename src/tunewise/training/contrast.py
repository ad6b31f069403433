"""Contrast: what two linear maps of frozen vectors get wrong, and which way is better.

InfoNCE (van den Oord et al. 2018): of all candidates the one that answers should be nearest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_BARRED = -1e4  # a logit that no softmax notices
_LEAST = 1e-12  # what a length is divided by at the least: there are vectors of zeros


@dataclass(frozen=True, slots=True)
class Contrast:
    """A batch, and what it is held against.

    `asked` (b, d) and `candidates` (c, d) are vectors, `targets` (b,) says which candidate answers
    each, and `barred` (b, c) which must not count as wrong; None for none.
    """

    asked: Vectors
    candidates: Vectors
    targets: NDArray[np.int64]
    barred: NDArray[np.bool_] | None = None


def contrastive_loss(
    contrast: Contrast, asked: Vectors, candidates: Vectors | None, temperature: float
) -> tuple[float, list[Vectors]]:
    """The mean over the batch of −log softmax of what answers; its gradients by the offsets.

    `asked` (d, d) maps what asks, as an offset from the identity, and `candidates` what may
    answer; None leaves that as it is. Cosines are divided by `temperature`.
    """
    rows = np.arange(len(contrast.targets))
    one, length = _unit(contrast.asked + contrast.asked @ asked)
    other, reach = contrast.candidates, None
    if candidates is not None:
        other, reach = _unit(other + other @ candidates)
    logits = one @ other.T / np.float32(temperature)
    if contrast.barred is not None:
        logits[contrast.barred] = _BARRED
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    sums = shares.sum(axis=1, keepdims=True)
    loss = float((np.log(sums[:, 0]) - logits[rows, contrast.targets]).mean())
    shares /= sums
    shares[rows, contrast.targets] -= 1
    shares /= np.float32(len(rows) * temperature)
    gradients = [contrast.asked.T @ _across(shares @ other, one, length)]
    if reach is not None:
        gradients.append(contrast.candidates.T @ _across(shares.T @ one, other, reach))
    return loss, gradients


def _unit(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Vectors (n, d) at length one, in place, and the lengths (n, 1) they had."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _LEAST)
    vectors /= lengths
    return vectors, lengths


def _across(gradient: Vectors, unit: Vectors, lengths: Vectors) -> Vectors:
    """The gradient by vectors, of that by their unit vectors, which only move across themselves.

    What points along a vector changes its length alone.
    """
    gradient -= unit * np.einsum("ij,ij->i", gradient, unit)[:, None]
    gradient /= lengths
    return gradient

"""Cross-entropy: the loss of an encoder with a head behind it."""

from typing import Any

import torch
from torch import nn


class CrossEntropy(nn.Module):
    """The mean of -log softmax of each text's own label, the vectors being what a head says."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def forward(self, features: Any, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch of one column, whose labels are numbers of classes."""
        said = self._model(next(iter(features)))["sentence_embedding"]
        return nn.functional.cross_entropy(said.float(), labels.long().to(said.device))

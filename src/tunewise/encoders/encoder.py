"""Encoder: what turns texts into vectors, whatever stands behind it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.progress import Progress, silent


class Encoder(Protocol):
    """A model that turns queries and documents into vectors that can be compared.

    Every vector has unit length, whether the model normalises or not, because retrieval here
    is by cosine; a vector of zeros stays zeros. A dot product of two vectors is their cosine.
    """

    @property
    def name(self) -> str:
        """What the user called it."""

    @property
    def stamp(self) -> str:
        """16 hexadecimal digits that change whenever any vector could change."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read; the rest is cut off. None where no limit is known."""

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Vectors of shape (n, dimension) for texts people search with.

        No texts give shape (0, dimension). Raises EncoderError for a vector that is not finite.
        """

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Vectors of shape (n, dimension) for texts that are found. As `encode_queries`."""

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text before anything is cut off, shape (n,); −1 where unknown."""

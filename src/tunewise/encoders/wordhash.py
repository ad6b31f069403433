"""WordHashEncoder: vectors without a model, for tests, trials and growth benchmarks."""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.texts import as_texts
from tunewise.encoders.vectors import room
from tunewise.errors import OptionError
from tunewise.progress import Progress, silent

_WORD = re.compile(r"\w+")
_BLOCK = 20_000  # texts at once: keeps the memory beside the result small


class WordHashEncoder:
    """An encoder that hashes words into signed buckets; deterministic, numpy only, no model.

    A text is the sum of its lower-cased words, each +1 or −1 in the bucket that its hash picks,
    brought to unit length ("hashing trick", Weinberger et al. 2009). Texts with common words
    are therefore near. A text without words is a vector of zeros. Queries and documents are
    treated alike; nothing is cached on disk, since hashing is quicker than reading.

    >>> encoder = WordHashEncoder()
    >>> vectors = encoder.encode_documents(["open a file", "close a window"])
    >>> vectors.shape, vectors.dtype
    ((2, 64), dtype('float32'))
    """

    name = "word-hash"
    found = "built in"
    max_tokens: int | None = None

    def __init__(self, dimension: int = 64) -> None:
        if dimension < 1:
            raise OptionError(
                f"A word-hash encoder cannot have {dimension} dimensions. Give 1 or more."
            )
        self.dimension = dimension
        self.stamp = blake2b(f"word-hash 1 {dimension}".encode(), digest_size=8).hexdigest()
        self._codes: dict[str, int] = {}

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts people search with."""
        return self._encode(as_texts(texts), "encoding queries", progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts that are found."""
        return self._encode(as_texts(texts), "encoding documents", progress)

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Words of each text, shape (n,).

        >>> WordHashEncoder().count_tokens(["two words", ""]).tolist()
        [2, 0]
        """
        return np.array([len(_WORD.findall(text)) for text in as_texts(texts)], dtype=np.int64)

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Share of words that cannot be read: 0, since every word has a hash."""
        as_texts(texts)
        return 0.0

    def _encode(self, texts: Sequence[str], what: str, progress: Progress) -> NDArray[np.float32]:
        vectors = room(len(texts), self.dimension, None)
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            vectors[start : start + len(block)] = self._block(block)
            progress(what, start + len(block), len(texts))
        return vectors

    def _block(self, texts: Sequence[str]) -> NDArray[np.float64]:
        words = [_WORD.findall(text.lower()) for text in texts]
        codes = self._codes
        flat = np.array(
            [codes.get(word) or self._learn(word) for found in words for word in found],
            dtype=np.int64,
        )
        rows = np.repeat(np.arange(len(texts)), [len(found) for found in words])
        cells = rows * self.dimension + np.abs(flat) - 1
        sums = np.bincount(cells, weights=np.sign(flat), minlength=len(texts) * self.dimension)
        sums = sums.reshape(len(texts), self.dimension)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        unit: NDArray[np.float64] = sums / np.where(lengths > 0, lengths, 1.0)
        return unit

    def _learn(self, word: str) -> int:
        # Bucket and sign in one number that is never 0: ±(bucket + 1).
        digest = blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        number = int.from_bytes(digest, "little")
        bucket = number // 2 % self.dimension + 1
        code = bucket if number % 2 else -bucket
        self._codes[word] = code
        return code

"""TransformerEncoder: any sentence-transformers model in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.texts import as_texts
from tunewise.progress import Progress, silent


class TransformerEncoder:
    """A sentence-transformers model; its prompts and its two sides are honoured."""

    def __init__(self, folder: Path, *, name: str, found: str, stamp: str) -> None:
        self.name = name
        self.found = found
        self.stamp = stamp
        self._folder = folder
        self._loaded: Any = None

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._model.get_embedding_dimension())

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read; the rest is cut off."""
        limit: int | None = self._model.max_seq_length
        return limit

    @property
    def _model(self) -> Any:
        if self._loaded is None:
            from sentence_transformers import SentenceTransformer

            self._loaded = SentenceTransformer(
                str(self._folder),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        return self._loaded

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts people search with."""
        return self._encode(self._model.encode_query, as_texts(texts))

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts that are found."""
        return self._encode(self._model.encode_document, as_texts(texts))

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text before anything is cut off."""
        tokenizer = self._model.tokenizer
        return np.array([len(tokenizer.encode(text)) for text in texts], dtype=np.int64)

    def _encode(self, encode: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.asarray(encode(list(texts), show_progress_bar=False), dtype=np.float32)

"""Reranking: a cross-encoder reads a query and a text together, and says how well they go."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.model import load_safely
from tunewise.encoders.safety import read_json
from tunewise.encoders.sources import find
from tunewise.errors import EncoderError

_OWNER = "cross-encoder/"
_HEAD = "ForSequenceClassification"
_BATCH = 32  # pairs read together
_DECIMALS = 6  # what padding to other lengths changes lies below


class Reranker:
    """A cross-encoder in a folder. It is slow, so it is asked about the best that were found."""

    def __init__(self, name: str, model: Any) -> None:
        self.name, self._model = name, model

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """How well each text answers the query, shape (n,), on the model's own scale.

        Of a pair that is longer than the model reads, the longer side is cut at its end. Raises
        EncoderError for a score that is no number.
        """
        distinct = list(dict.fromkeys(texts))  # the same text has one score, whatever its batch
        if not distinct:
            return np.empty(0, dtype=np.float32)
        pairs = [(query, text) for text in distinct]
        found = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        if not np.isfinite(found).all():
            raise EncoderError(
                f"The cross-encoder '{self.name}' gave a score that is no finite number, so its "
                "weights are damaged. Copy or download it again."
            )
        kept = dict(zip(distinct, np.round(found, _DECIMALS), strict=True))
        return np.array([kept[text] for text in texts], dtype=np.float32)

    def order(self, query: str, texts: Sequence[str]) -> list[tuple[int, float]]:
        """Places of the texts with their scores, best first; equal ones as they came."""
        scores = self.scores(query, texts)
        return [(int(place), float(scores[place])) for place in np.argsort(-scores, kind="stable")]


def load_reranker(name: str | Path) -> Reranker:
    """The cross-encoder called `name`: a folder, or a name on the hub.

    Looked for as `load_encoder` does, with "cross-encoder/" before a bare name. It has to be in
    safetensors, run no code of its own, and give one score a pair; EncoderError if not.

    >>> load_reranker("ms-marco-MiniLM-L6-v2").order("how do I pay?", texts)  # doctest: +SKIP
    [(2, 0.981), (0, 0.004)]
    """
    folder = find(str(name), owner=_OWNER).folder
    kinds = read_json(folder / "config.json").get("architectures") or ["none"]
    if not str(kinds[0]).endswith(_HEAD):
        raise EncoderError(
            f"'{name}' is no cross-encoder: its architecture is {kinds[0]}, and one that scores "
            f"pairs ends in {_HEAD}. Name one such as 'cross-encoder/ms-marco-MiniLM-L6-v2'."
        )
    return Reranker(str(name), _loaded(folder))


def _loaded(folder: Path) -> Any:
    from sentence_transformers import CrossEncoder

    mend = "Copy or download it again."
    model = load_safely(CrossEncoder, folder, called="cross-encoder", mend=mend)
    if model.num_labels != 1:
        raise EncoderError(
            f"The cross-encoder in '{folder}' gives {model.num_labels} numbers a pair, and one "
            "score is needed to rank by. Name one that was trained for ranking."
        )
    return model

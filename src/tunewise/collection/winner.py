"""Winner: what a collection's vectors are made with, from a folder that measure wrote or a name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.collection.retrieval import Retrieval
from tunewise.collection.store import Precision
from tunewise.contenders import Contender, load_contender
from tunewise.contenders.contender import NO_TEXTS
from tunewise.contenders.kept import MAPS, MODEL, mapped_stamp, place_of
from tunewise.contenders.shrunk import form_in
from tunewise.encoders import Encoder, engine_of, load_encoder
from tunewise.encoders.vectors import Side
from tunewise.errors import OptionError
from tunewise.metrics import Threshold
from tunewise.progress import Progress, silent
from tunewise.retrieval import Analyzer

_FORM = "shrink.safetensors"


@dataclass(frozen=True)
class Winner:
    """An encoder, how its collection is searched, and what of its vectors is kept.

    `prefix` and `precision` are what `tunewise shrink` found to suffice, as far as collections
    can keep it; `note` says so. None: whole vectors, in what suits the store. `threshold` is for
    whole vectors: cut ones have other cosines. A hybrid has none: its scores are relative to the
    documents that were measured.
    """

    encoder: Encoder
    retrieval: Retrieval
    source: str
    prefix: int | None = None
    precision: Precision | None = None
    note: str = ""
    threshold: Threshold | None = None

    @property
    def engine(self) -> str:
        """How its encoder computes; "" for what is not computed here."""
        return engine_of(self.encoder)


class MappedEncoder:
    """An encoder whose vectors go through an adapter, as the contender that was measured."""

    def __init__(self, inner: Encoder, contender: Contender, maps: Path) -> None:
        self.inner, self._contender = inner, contender
        self.name = f"{inner.name} with adapter"
        self.stamp = mapped_stamp(inner, maps)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return self.inner.dimension

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read."""
        return self.inner.max_tokens

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts people search with."""
        return self._encode(texts, "queries", progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts that are found."""
        return self._encode(texts, "documents", progress)

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text before anything is cut off."""
        return self.inner.count_tokens(texts)

    def _encode(self, texts: Sequence[str], side: Side, progress: Progress) -> NDArray[np.float32]:
        assert self._contender.encode is not None  # noqa: S101 - looked at before
        progress(f"encoding {side}", 0, 0)
        return self._contender.encode(texts, side)


def is_winner(source: str | Path) -> bool:
    """Whether a folder holds a winner that measure or tune wrote."""
    return place_of(Path(source)) == Path(source) / MODEL


def load_winner(
    source: str,
    *,
    engine: str = "auto",
    base_url: str | None = None,
    texts: Sequence[str] = (),
    progress: Progress = silent,
) -> Winner:
    """The winner in a folder, else the encoder of that name, searched by vectors.

    `engine`, `base_url` and `texts` are as in `load_encoder`, for a plain encoder; a winner has
    what it was measured with. Raises
    OptionError for a winner that compares no vectors, and what `load_encoder` and
    `load_contender` raise.
    """
    if not is_winner(source):
        encoder = load_encoder(
            source, engine=engine, base_url=base_url, texts=texts, progress=progress
        )
        return Winner(encoder, Retrieval(), source)
    folder, home = Path(source), Path(source) / MODEL
    contender = load_contender(home, NO_TEXTS, progress=progress)
    if contender.encoder is None or contender.encode is None:
        raise OptionError(
            f"The winner in '{source}' is '{contender.name}', which searches by words alone and "
            "makes no vectors, and a collection keeps some. Index by an encoder and search by "
            "words: tunewise index all-MiniLM-L6-v2 --from DOCUMENTS, then tunewise search "
            "all-MiniLM-L6-v2 WORDS --collection documents --by words."
        )
    encoder = contender.encoder
    if (home / MAPS).is_file():
        encoder = MappedEncoder(encoder, contender, home / MAPS)
    retrieval = _retrieval(contender)
    threshold = contender.threshold if retrieval.by == "vectors" else None
    winner = Winner(encoder, retrieval, str(folder.resolve()), threshold=threshold)
    return _shrunk(winner, contender, folder / _FORM)


def _retrieval(contender: Contender) -> Retrieval:
    words = contender.parts.get("lexical")
    if words is None:
        return Retrieval()
    own, lexical = contender.settings, words.settings
    return Retrieval(
        by="hybrid",
        weight=own["weight"],
        method=own["method"],
        analyzer=Analyzer(**lexical["analyzer"]),
        k1=lexical["k1"],
        b=lexical["b"],
    )


def _shrunk(winner: Winner, contender: Contender, path: Path) -> Winner:
    """The winner with what a shrink left of its vectors, where a store can keep that."""
    if not path.is_file():
        return winner
    form = form_in(path, contender)
    if form.cut != "prefix" or form.again in ("int8", "float16"):
        return replace(winner, note=f"vectors are kept whole: a collection has no '{form.name}'")
    precision: Precision = "float32" if form.numbers == "float32" else "float16"
    return replace(
        winner,
        prefix=form.size,
        precision=precision,
        note=f"of each vector {form.size} first numbers are kept, in {precision}",
    )

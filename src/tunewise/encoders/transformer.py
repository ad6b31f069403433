"""TransformerEncoder: any sentence-transformers model in a folder, on this machine."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders import tokens
from tunewise.encoders.cache import read_facts, stores, write_facts
from tunewise.encoders.engines.cutting import FORMAT
from tunewise.encoders.engines.devices import DevicesRuntime, gpus, spread
from tunewise.encoders.engines.exported import Handed
from tunewise.encoders.engines.opening import open_runtime
from tunewise.encoders.engines.runtime import Runtime
from tunewise.encoders.engines.torch import TorchRuntime
from tunewise.encoders.engines.way import PLAIN, Way
from tunewise.encoders.model import load_model
from tunewise.encoders.safety import routed
from tunewise.encoders.stamp import stamp
from tunewise.encoders.texts import as_texts
from tunewise.encoders.threads import among_others, in_order, one_thread
from tunewise.encoders.vectors import Batch, Side, encode
from tunewise.errors import EncoderError
from tunewise.progress import Progress, silent

_PROMPTS: Mapping[Side, tuple[str, ...]] = {
    "queries": ("query",),
    # The names that sentence-transformers looks for, in its order.
    "documents": ("document", "passage", "corpus"),
}

_CUTTING = ("sentence-transformers", "transformers", "tokenizers")

logger = logging.getLogger(__name__)


class TransformerEncoder:
    """A sentence-transformers model from a folder; its prompts and two sides are honoured.

    The model is loaded when the first text has to be encoded: if all vectors are in the cache,
    never. Texts are encoded longest first in batches of about as many tokens, on a GPU if there
    is one. `found` says where the model was found, `folder` where its files are, `way` by which
    engine and in which numbers vectors are computed, `why` what spoke for it, `model_stamp` which
    model it is whatever the way, `root` where vectors and converted models are kept. `lanes` is how
    many threads a call spreads its batches over; None for as many as are quickest.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        found: str,
        digests: Mapping[str, str],
        cache: Path | None,
        way: Way = PLAIN,
        why: str = "",
        keep: bool = True,
        lanes: int | None = None,
    ) -> None:
        self.name = name
        self.found = found
        self.way, self.why, self.lanes = way, why, lanes
        parts = [part for pair in digests.items() for part in pair]
        self.stamp, self.model_stamp = stamp(str(way), *parts), stamp(*parts)
        self.folder = folder
        self._digests = digests
        self._prompts: dict[Side, str] = {}
        self._runtimes: dict[tuple[Side, bool], Runtime] = {}
        self.root = cache
        self._queries, self._documents = stores(cache if keep else None, self.stamp, name)
        self._loaded: Any = None
        self._counts: tokens.Counter | None = None
        self._facts = read_facts(cache, self.model_stamp)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._known[0] or 0)

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read; the rest is cut off. None if there is no limit."""
        return (self._declared if self._facts is None else None) or self._known[1]

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

    def count_tokens(self, texts: Sequence[str], *, side: Side = "documents") -> NDArray[np.int64]:
        """Tokens of each text before anything is cut off, shape (n,).

        The special tokens and the side's prompt count, since they take up room as well; −1 for
        the rare model whose tokenizer cannot tell.
        """
        counter = self._counter()
        if counter is None:
            return np.full(len(as_texts(texts)), -1, dtype=np.int64)
        return counter.count(as_texts(texts), self.prompt(side))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where each token of this text begins and ends in it, in characters, for `documents.cut`.

        Special tokens and prompts are not among them. Raises EncoderError for the rare model whose
        tokenizer cannot tell.
        """
        counter = self._counter()
        if counter is None:
            raise EncoderError(
                f"The tokenizer of '{self.name}' does not say where its tokens are. Cut by words "
                "instead: documents.words."
            )
        return tokens.places(counter.tokenizer, text)

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Share of the words in which something cannot be read: becomes an unknown token."""
        counter = self._counter()
        return 0.0 if counter is None else tokens.unknown_share(counter.tokenizer, as_texts(texts))

    def speed(self, side: Side) -> float | None:
        """Measured seconds a text of this side takes, kept with the vectors; None if unknown."""
        return (self._queries if side == "queries" else self._documents).spent.seconds_per_text

    def copy(self) -> Any:
        """A sentence-transformers model loaded afresh, for whoever wants to change or save it."""
        return load_model(self.folder)

    def in_way(
        self, way: Way, *, why: str = "", keep: bool = True, lanes: int | None = None
    ) -> "TransformerEncoder":
        """The same model with its vectors computed in another way: another encoder.

        `why` says what speaks for it. With `keep=False` vectors are computed whenever they are
        asked for. One lane is for who calls it from several threads.
        """
        return TransformerEncoder(
            self.folder,
            name=self.name,
            found=self.found,
            digests=self._digests,
            cache=self.root,
            way=way,
            why=why,
            keep=keep,
            lanes=lanes,
        )

    def prompt(self, side: Side) -> str:
        """What the model wants before each text of this side; empty if nothing."""
        if side not in self._prompts:
            self._prompts[side] = tokens.prompt_of(self.folder, _PROMPTS[side])
        return self._prompts[side]

    @cached_property
    def _declared(self) -> int | None:
        return tokens.declared_limit(self.folder)  # looked up once: a server asks at each text

    @property
    def _known(self) -> Sequence[int | None]:
        if self._facts is None:
            model = self._model()
            self._facts = (int(model.get_embedding_dimension()), _limit(model))
            write_facts(self.root, self.model_stamp, *self._facts)
        return self._facts

    def _encode(self, texts: Sequence[str], side: Side, progress: Progress) -> NDArray[np.float32]:
        return encode(
            texts,
            lambda wanted: self._produce(wanted, side, alone=len(texts) == 1),
            self._queries if side == "queries" else self._documents,
            dimension=lambda: self.dimension,
            what=f"encoding {side}",
            progress=progress,
        )

    def _produce(self, texts: Sequence[str], side: Side, *, alone: bool) -> Iterator[Batch]:
        lengths = self.count_tokens(texts, side=side)
        if (lengths < 0).any():
            lengths = np.array([len(text) // 4 + 1 for text in texts], dtype=np.int64)
        lengths = np.minimum(lengths, self.max_tokens or lengths.max())
        # opened here, before the clock of the first batch runs
        runtime = self._runtime(side, int(lengths.sum()))
        lanes = None if alone else self.lanes or runtime.workers
        return _encoded(texts, lengths, runtime, self.dimension, lanes=lanes)

    def _runtime(self, side: Side, work: int) -> Runtime:
        devices = gpus() if self.way.engine == "torch" else ()
        key = (side, spread(devices, work))
        if key not in self._runtimes:
            self._runtimes[key] = (
                DevicesRuntime(self.folder, side, self.way.precision, devices)
                if key[1]
                else self._opened(side)
            )
        return self._runtimes[key]

    def _opened(self, side: Side) -> Runtime:
        if self.way == PLAIN:
            return TorchRuntime(self._model(), side, "fp32")
        home, cut, counter = partial(self._home, side), self._cut(side), self._counter()
        return open_runtime(
            self.way, Handed(self.copy, side, self.prompt(side), home, cut, counter)
        )

    def _home(self, side: Side, numbers: str) -> Path | None:
        """Where the model is kept for another engine: one for both sides, if they are alike."""
        if self.root is None:
            return None
        which = side if routed(self.folder) else "texts"
        name = f"{self.model_stamp}-{self.way.engine}-{numbers}-{which}"
        return self.root / "engines" / name

    def _cut(self, side: Side) -> Path | None:
        """Where it is kept how texts become tokens: by other libraries they may do otherwise."""
        if self.root is None:
            return None
        libraries = [version(each) for each in _CUTTING]
        return self.root / "tokens" / f"{self.model_stamp}-{side}-{stamp(FORMAT, *libraries)}"

    def _counter(self) -> tokens.Counter | None:
        if self._counts is None:
            tokenizer = tokens.load_tokenizer(self.folder, self._model)
            self._counts = None if tokenizer is None else tokens.Counter(tokenizer)
        return self._counts

    def _model(self) -> Any:
        if self._loaded is None:
            self._loaded = load_model(self.folder)
            logger.info("loaded %s on %s", self.name, self._loaded.device)
        return self._loaded


def greedy(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Places of texts, longest first, as many at once as fit `budget` tokens with their padding.

    What is left after any number of batches makes the very same batches, so that a run that was
    broken off goes on to the very same vectors. A text longer than the budget goes alone.

    >>> [batch.tolist() for batch in greedy(np.array([2, 5, 4, 1]), 10)]
    [[1, 2], [0, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        stop = start + max(1, budget // max(1, longest))
        yield order[start:stop]
        start = stop


def _encoded(
    texts: Sequence[str],
    lengths: NDArray[np.int64],
    runtime: Runtime,
    dimension: int,
    *,
    lanes: int | None,
) -> Iterator[Batch]:
    work, done = int((lengths + 1).sum()), 0

    def vectors_of(
        places: NDArray[np.int64], vectors: Callable[[Sequence[str]], NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if not lengths[places[0]]:  # no token to pool over: some models' empty texts
            return places, np.zeros((len(places), dimension), dtype=np.float32)
        return places, vectors([texts[place] for place in places])

    with among_others() as others:
        if lanes is None and not others:  # all cores for one batch
            yield Batch(*vectors_of(np.arange(len(texts)), runtime.alone), 1.0)
            return
        # an engine that does without torch is not to wait for it to load
        with one_thread() if "torch" in sys.modules else nullcontext():
            lane = partial(vectors_of, vectors=runtime.vectors)
            for places, found in in_order(lane, greedy(lengths, runtime.budget), lanes or 1):
                done += int((lengths[places] + 1).sum())
                yield Batch(places, found, done / work)


def _limit(model: Any) -> int | None:
    limit = model.max_seq_length
    # Tokenizers without a limit say 10³⁰, static models infinity.
    return int(limit) if limit is not None and limit < 10**9 else None

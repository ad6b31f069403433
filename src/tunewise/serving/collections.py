"""Collections: a server's, searched in threads by vectors that were batched across callers.

A collection is opened with the served model whose stamp made its vectors, and with no other. They
lie in the server's home, and beside served winners, where `tunewise index` puts them.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tunewise.collection import BESIDE, Collection, Hit, Store, open_store
from tunewise.collection import about as kept
from tunewise.collection.about import Generation
from tunewise.collection.filters import Filter
from tunewise.collection.retrieval import By
from tunewise.collection.searching import RERANK_TOP
from tunewise.collection.stamp import check_encoder
from tunewise.encoders import Encoder
from tunewise.encoders.vectors import Side
from tunewise.errors import DataError, EncoderError, StoreError
from tunewise.progress import Progress, silent
from tunewise.querylog import QueryLog
from tunewise.retrieval import Reranker
from tunewise.serving.keys import Key
from tunewise.serving.models import Model, Offer
from tunewise.serving.recent import Vectors, encode
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.threads import Threads
from tunewise.serving.tuned import TunedModels

NO_COLLECTION = "collection_not_found"
"""The code of an answer about a collection that is not there."""

_OPEN = 200  # collections kept open: an index by words lies in memory

Result = TypeVar("Result")

Encoded = Callable[[Model, str], Awaitable[NDArray[np.float32]]]
"""A query's vector (d,) by a model: of `Service.encoded`, batched with those of others."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What is searched for: as `Collection.search` has it."""

    query: str
    k: int
    offset: int = 0
    where: Filter | None = None
    by: By | None = None
    threshold: float | Literal["calibrated"] | None = None
    grouped: bool = False
    rerank: Reranker | None = None


@dataclass(frozen=True)
class Found:
    """What was found: hits, best first, and each one's cosine to the query.

    `model` is what made the vectors is called, `stamp` is its stamp; a cosine is None where that
    model is not served. `query` is the id of the record in the query log, if it was written.
    """

    model: str
    stamp: str
    hits: Sequence[Hit]
    cosines: Sequence[float | None]
    query: str | None


class Collections:
    """The collections of the home's store, each opened once; `close` when done.

    Those beside a served winner are searched too, where the home has none of that name, and never
    written to.
    """

    def __init__(
        self, store: Store, offer: Offer, tuned: TunedModels, log: QueryLog | None = None
    ) -> None:
        self.store, self.log, self._offer, self._tuned = store, log, offer, tuned
        self._beside: dict[Path, Store] = {}
        self.threads = Threads("searching", count=4, waiting=256)
        self._open: OrderedDict[str, tuple[Model | None, Collection]] = OrderedDict()
        self._turn = threading.Lock()

    def names(self) -> list[str]:
        """The collections there are in the home."""
        return kept.names(self.store)

    async def opened(self, name: str, by: By | None = None) -> tuple[Model | None, Collection]:
        """A collection, and the served model that made its vectors.

        None for that model where it is not served and the search is by words, which takes no
        vectors. Raises Refused where it takes some, or where there is no collection of that name.
        """
        with self._turn:
            before, there = self._open.get(name, (None, None))
            at_home = there is not None and there.store is self.store
            if there is not None and at_home and before is not None and self._served(before):
                self._open.move_to_end(name)
                return before, there
        located = await self.threads.run(lambda: self._located(name))
        if located is None:
            raise no_collection(name)
        store, made = located
        model = await self.model(made)
        if model is None and by != "words":
            called = await self.threads.run(lambda: self.called(made))
            remedy = (
                "serve it, or delete the bucket's embeddings and have it embedded by one that is"
                if store is self.store
                else "or serve what `tunewise index` embedded it by besides what it lies beside"
            )
            raise Refused(
                f"The vectors of '{name}' were made by '{called}' (stamp {made.stamp.model}), "
                f"which is not served here just so. Search by words, {remedy}.",
                Reason(422, "model_not_served"),
            )
        # the one that is open may hold an index by words
        if there is None or before is not model or there.store is not store:
            there = Collection(store, name, None if model is None else encoder_of(model))
        found = model, there
        with self._turn:
            self._open[name] = found
            self._open.move_to_end(name)
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)
        return found

    async def model(self, made: Generation) -> Model | None:
        """The served model that makes just such vectors, one that was tuned here too."""
        if (own := self._offered(made)) is not None:
            return own
        tuned = await self.threads.run(lambda: self._tuned.within(made.source))
        found = None if tuned is None else await self._tuned.load(tuned)
        return found if found is not None and found.stamp == made.stamp.model else None

    def called(self, made: Generation) -> str:
        """What the model that made vectors is called: an encoder's name is also its base's.

        Several models may have its stamp, so where it was loaded from goes first.
        """
        if (tuned := self._tuned.called(made.source)) is not None:
            return tuned
        if (own := self._offered(made)) is not None:
            return own.name
        folder = Path(made.source)
        return folder.name if folder.is_absolute() else made.stamp.encoder

    def _offered(self, made: Generation) -> Model | None:
        alike = [each for each in self._offer.models.values() if each.stamp == made.stamp.model]
        return next((each for each in alike if each.source == made.source), next(iter(alike), None))

    def _served(self, model: Model) -> bool:
        """Whether a model is served still: one that was tuned may have been deleted."""
        return self._offer.models.get(model.name) is model or self._tuned.holds(model.source)

    def there(self, name: str) -> Generation | None:
        """What made the vectors of a collection in the home; None if there is none."""
        return Collection.there(self.store, name)

    def steady(self, name: str, work: Callable[[Collection], Result]) -> Result | None:
        """What `work` gives of a collection in the home; None where there is none (any more).

        It is done again where the collection was removed and made anew meanwhile. What fails for
        another reason is raised.
        """
        while (before := self.there(name)) is not None:
            try:
                return work(Collection(self.store, name))
            except (DataError, StoreError):
                if (now := self.there(name)) is not None and now.table == before.table:
                    raise
        return None

    def _located(self, name: str) -> tuple[Store, Generation] | None:
        """Which store has a collection, and what made its vectors; None if none has."""
        for store in (self.store, *self._stores_beside()):
            if (made := Collection.there(store, name)) is not None:
                return store, made
        return None

    def _stores_beside(self) -> list[Store]:
        """Where `tunewise index` put collections of served winners, unless told otherwise."""
        places = [Path(each.source) / BESIDE for each in self._offer.models.values() if each.source]
        with self._turn:
            for place in places:
                if place not in self._beside and place.is_absolute() and place.is_dir():
                    self._beside[place] = open_store(str(place))
            return [self._beside[place] for place in places if place in self._beside]

    def drop(self, name: str) -> None:
        """Removes a collection, if there is one of that name, or what a kill left of one."""
        with suppress(DataError):  # there is none
            Collection(self.store, name).remove()
        self.forget(name)

    def drop_chunks(self, name: str, where: Filter) -> int:
        """Removes a collection's chunks that pass a filter, and says how many there were.

        Those, too, that are being written as this is called.
        """

        def dropped(collection: Collection) -> int:
            with self.store.hold(name):  # whoever writes has written when this is had
                pass
            known = set(where) <= set(collection.about().fields)
            # where there are none nothing is written: the disk may be full
            return collection.delete(where=where) if known and collection.count(where) else 0

        return self.steady(name, dropped) or 0

    def forget(self, name: str) -> None:
        """Lets go of a collection that is not what it was when it was opened."""
        with self._turn:
            self._open.pop(name, None)

    async def search(self, name: str, asked: Asked, encoded: Encoded) -> Found:
        """Searches a collection with the query's vector, and records the query in the log.

        Raises Refused as `opened` does, for a collection that is removed meanwhile too, and where
        too many wait; OptionError for a filter that cannot be, and whatever `encoded` raises.
        """
        failed = set[tuple[type[Exception], str]]()
        while True:
            model, collection = await self.opened(name, asked.by)
            vector = None if model is None else await encoded(model, asked.query)
            try:
                return await self.threads.run(
                    lambda c=collection, v=vector: self._found(c, asked, v)  # type: ignore[misc]
                )
            except (DataError, EncoderError, StoreError) as refusal:
                # removed, perhaps between two readings of its table, or embedded anew
                located = await self.threads.run(lambda: self._located(name))
                if located is None or not isinstance(refusal, StoreError):
                    self.forget(name)
                if located is None:
                    raise no_collection(name) from None
                this = type(refusal), located[1].table
                if this in failed:
                    raise
                failed.add(this)

    def _found(
        self, collection: Collection, asked: Asked, vector: NDArray[np.float32] | None
    ) -> Found:
        hits = collection.search(
            asked.query,
            k=asked.k,
            vector=vector,
            offset=asked.offset,
            where=asked.where,
            by=asked.by,
            threshold=asked.threshold,
            grouped=asked.grouped,
            rerank=asked.rerank,
            rerank_top=max(RERANK_TOP, asked.offset + asked.k),
        )
        cosines: Sequence[float | None] = [hit.score for hit in hits]
        now = _unchanged(collection)
        if vector is None:
            cosines = [None] * len(hits)
        elif asked.rerank is not None or (asked.by or now.retrieval.by) != "vectors":
            cosines = _cosines(collection, hits, vector)
        record = self._recorded(collection.name, now.stamp.digits, asked, hits)
        return Found(self.called(now), now.stamp.model, hits, cosines, record)

    def _recorded(self, name: str, stamp: str, asked: Asked, hits: Sequence[Hit]) -> str | None:
        """Records the query; one that cannot be recorded is answered all the same."""
        if self.log is None:
            return None
        try:
            pairs = [(hit.chunk.id, hit.score) for hit in hits]
            return self.log.record(name, stamp, pairs, words=asked.query)
        except StoreError as refusal:
            logger.error("a query was not recorded: %s", refusal)
            return None

    def close(self) -> None:
        """Ends once all searches under way are done."""
        self.threads.close()
        for store in (self.store, *self._beside.values()):
            store.close()


@dataclass(frozen=True)
class Adapted:
    """A model with an adapter as an encoder: what `tunewise index` makes vectors with."""

    model: Model

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.model.name

    @property
    def stamp(self) -> str:
        """The stamp of encoder and adapter."""
        return self.model.stamp

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return self.model.encoder.dimension

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that are read."""
        return self.model.encoder.max_tokens

    def encode_queries(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Unit vectors of shape (n, dimension) for texts people search with."""
        return self._encode(texts, "queries", progress)

    def encode_documents(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Unit vectors of shape (n, dimension) for texts that are found."""
        return self._encode(texts, "documents", progress)

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text before anything is cut off."""
        return self.model.encoder.count_tokens(texts)

    def _encode(self, texts: Sequence[str], side: Side, progress: Progress) -> Vectors:
        progress(f"encoding {side}", 0, 0)
        return self.model.finish(encode(self.model.encoder, side, texts), side)


def encoder_of(model: Model) -> Encoder:
    """The model as the encoder that a collection's vectors are stamped with."""
    return model.encoder if model.maps is None else Adapted(model)


def no_collection(name: str) -> Refused:
    """The answer about a collection that is not there."""
    return Refused(
        f"There is no embedded bucket '{name}'. Embed it and wait until that is done. What "
        "`tunewise index` made is searched where the folder that it was given is served; all else, "
        "such as clusters, takes buckets only.",
        Reason(404, NO_COLLECTION),
    )


def check_opens(key: Key | None, name: str) -> None:
    """Raises Refused where the key is not for this collection."""
    if key is not None and not key.opens(name):
        raise Refused(
            f"The key {key.id} is not for '{name}'. Use another key.",
            Reason(403, "insufficient_scope"),
        )


def _unchanged(collection: Collection) -> Generation:
    """What made the vectors there are now.

    Raises EncoderError where that is not what the collection was opened with: a search by words
    takes no vectors, and would not notice.
    """
    now = collection.about().current
    if collection.encoder is not None:
        check_encoder(now.stamp, collection.encoder, collection.name, engine=now.engine)
    return now


def _cosines(
    collection: Collection, hits: Sequence[Hit], vector: NDArray[np.float32]
) -> list[float]:
    chunks, rows = collection.vectors(ids=[hit.chunk.id for hit in hits])
    _unchanged(collection)  # again, after they were read: another process may embed anew just now
    first = vector[: rows.shape[1]]
    length = float(np.linalg.norm(first)) or 1.0
    scores = (rows @ first / length).tolist()
    known = dict(zip((chunk.id for chunk in chunks), scores, strict=True))
    return [known.get(hit.chunk.id, 0.0) for hit in hits]

"""Service: what the routes share: the models, the batches, who may ask, and what is counted."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property

from tunewise.collection import open_store
from tunewise.encoders import TransformerEncoder, cache_folder
from tunewise.encoders.engines.devices import gpus
from tunewise.encoders.engines.runtime import CPU_BUDGET
from tunewise.encoders.threads import cores
from tunewise.encoders.vectors import Side
from tunewise.errors import StoreError
from tunewise.heap import give_back
from tunewise.jobs import clustered
from tunewise.jobs.embedded import Embedded
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.objects import Objects
from tunewise.querylog import QueryLog
from tunewise.retrieval import Reranker, load_reranker
from tunewise.serving.access import Access
from tunewise.serving.batching import Batcher, Limits
from tunewise.serving.collections import Collections
from tunewise.serving.keys import Key
from tunewise.serving.models import Model, Offer
from tunewise.serving.observed import Meters
from tunewise.serving.openai.input import MOST_TOKENS
from tunewise.serving.recent import KeptVectors, Vectors
from tunewise.serving.refused import bad_request
from tunewise.serving.shelves import Shelves
from tunewise.serving.spans import NoSpans, Spans
from tunewise.serving.threads import Threads
from tunewise.serving.tokens import Tokens
from tunewise.serving.tuned import TunedModels
from tunewise.serving.workers import Workers

_TIDIED = 60.0  # seconds

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What the operator decided about a server with a home.

    `query_texts` keeps what was asked in the query log, `query_days` is how long records stay;
    `hosts` are those that addresses may be fetched from, `rerank` names a cross-encoder. `upload`
    is the bytes of one file at most, `files` and `stored` how many files there may be, and of how
    many bytes together.
    """

    query_texts: bool = False
    query_days: float = 30.0
    hosts: tuple[str, ...] = ()
    rerank: str | None = None
    upload: int = 512 * 2**20
    files: int = 1_000_000
    stored: int = 2**40


def check_home(home: Home) -> None:
    """Raises StoreError where a database in a home is damaged or cannot be used.

    OutputError for a folder. Every page is looked at, in about a second a gigabyte.
    """
    with closing(Objects(home.objects)) as objects:
        objects.check()
    with closing(Queue(home.jobs)) as queue:
        queue.check()
    with closing(Embedded(home.embedded)) as fates:
        fates.check()
    with closing(Shelves(home.shelves)) as shelves:
        shelves.check()
    with closing(QueryLog(home.queries)) as log:
        log.check()


@dataclass
class Service:
    """All that a running server has; one an app. What lies in its home opens when first used.

    `clock` tells the time of queries that are recorded.
    """

    offer: Offer
    access: Access
    limits: Limits
    meters: Meters = field(default_factory=Meters)
    home: Home | None = None
    settings: Settings = Settings()
    spans: Spans = field(default_factory=NoSpans)
    clock: Callable[[], float] = time.time
    _batchers: dict[str, Batcher] = field(default_factory=dict)
    _workers: Workers | None = None
    _tidying: "asyncio.Task[None] | None" = None

    async def vectors(
        self, model: Model, side: Side, texts: list[str], tokens: list[int]
    ) -> Vectors:
        """The encoder's vectors of texts, batched with those of other callers."""
        most = model.encoder.max_tokens
        read = tokens if most is None else [min(count, most) for count in tokens]
        return await self._batcher(model).vectors(model.encoder, side, texts, read)

    async def encoded(self, model: Model, query: str, key: Key | None) -> Vectors:
        """A query's vector (d,), counted against the caller's limit.

        Raises Refused for one that is too long.
        """
        [tokens] = model.count_tokens([query], "queries")
        if tokens > MOST_TOKENS:
            raise bad_request(
                f"The query has {tokens} tokens, and {MOST_TOKENS} are the most. Shorten it.",
                param="query",
                code="context_length_exceeded",
            )
        self.access.charge(key, tokens)
        self.meters.charged.labels(model.name).inc(tokens)
        vectors = await self.vectors(model, "queries", [query], [tokens])
        vector: Vectors = model.finish(vectors, "queries")[0]
        return vector

    async def begin(self, workers: int) -> None:
        """Clears away what killed processes left half-done in the home, and starts workers."""
        self._tidying = asyncio.create_task(self._tidy(None if self.home is None else self.queries))
        if self.home is not None:
            self.objects.sweep()
            self.tuned_models.sweep()
            clustered.sweep(self.home, self.queue)
            self._workers = Workers(self.home, workers)
            self._workers.start()

    async def close(self) -> None:
        """Ends when all that was asked is encoded, found and written."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait([self._tidying])
        if self._workers is not None:
            await self._workers.close()
        for batcher in self._batchers.values():
            await batcher.close()
        files = ("objects", "queue", "fates", "shelves", "queries")
        for name in ("disk", "uploads", "changes", "collections", "tuned_models", *files):
            if name in self.__dict__:  # it was used
                getattr(self, name).close()
        await asyncio.to_thread(self.spans.close)

    @cached_property
    def disk(self) -> Threads:
        """Where the disk is waited for."""
        return Threads("disk", count=4, waiting=256)

    @cached_property
    def changes(self) -> Threads:
        """Where a collection's lock is waited for, which who embeds or indexes may hold long."""
        return Threads("changes of collections", count=4, waiting=64)

    @cached_property
    def uploads(self) -> Threads:
        """Where files are written as they come."""
        return Threads("uploads", count=8, waiting=16, patience=1_000, each=4)

    @cached_property
    def tokens(self) -> Tokens:
        """What signs the addresses of uploads."""
        return Tokens(self._at_home.secret)

    @cached_property
    def fates(self) -> Embedded:
        """What became of each file that was embedded."""
        return Embedded(self._at_home.embedded)

    @cached_property
    def shelves(self) -> Shelves:
        """The buckets that are searched together."""
        return Shelves(self._at_home.shelves)

    @cached_property
    def reranker(self) -> Reranker:
        """What orders the best anew, where the operator named one."""
        assert self.settings.rerank is not None  # noqa: S101 - looked at before
        return load_reranker(self.settings.rerank)

    @cached_property
    def objects(self) -> Objects:
        """The files that were uploaded."""
        return Objects(self._at_home.objects)

    @cached_property
    def queue(self) -> Queue:
        """What was asked of the workers."""
        return Queue(self._at_home.jobs)

    @cached_property
    def tuned_models(self) -> TunedModels:
        """What jobs tuned."""
        return TunedModels(self._at_home, self.queue, self.offer)

    @cached_property
    def collections(self) -> Collections:
        """The collections that can be searched."""
        store = open_store(str(self._at_home.collections))
        return Collections(store, self.offer, self.tuned_models, self.queries)

    @cached_property
    def queries(self) -> QueryLog:
        """The log of what was searched for."""
        settings = self.settings
        return QueryLog(
            self._at_home.queries,
            texts=settings.query_texts,
            days=settings.query_days,
            clock=self.clock,
        )

    @property
    def _at_home(self) -> Home:
        assert self.home is not None  # noqa: S101 - without one, no route asks for it
        return self.home

    def _batcher(self, model: Model) -> Batcher:
        # What is computed here takes turns, for the cores are the same; an endpoint that does not
        # answer holds up nobody but those who ask for it.
        name = model.encoder.name
        here = isinstance(model.encoder, TransformerEncoder)
        place = "here" if here else name
        if place not in self._batchers:
            shared = here and not gpus()  # by cores that are ours to share out
            self._batchers[place] = Batcher(
                self.limits,
                self.meters,
                self._kept.vectors,
                cores=cores() if shared else 1,
                padded=CPU_BUDGET if shared else None,
                spans=self.spans,
            )
        return self._batchers[place]

    @cached_property
    def _kept(self) -> KeptVectors:
        return KeptVectors(cache_folder())

    async def _tidy(self, queries: QueryLog | None) -> None:
        """At the start and every so often: queries past their days go, however idle this server is.

        The system is given what threads freed: their heaps' holes are ever others.
        """
        while True:
            if queries is not None:
                try:
                    await asyncio.to_thread(queries.prune_if_due)
                except StoreError as refusal:
                    logger.error("queries past their days were not removed: %s", refusal)
            await asyncio.sleep(_TIDIED)
            await asyncio.to_thread(give_back)

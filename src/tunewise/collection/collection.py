"""Collection: chunks and their vectors in a store, searched by what made them and nothing else."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tunewise.collection import about as kept
from tunewise.collection.about import About, Built, Generation, Info
from tunewise.collection.building import ASKED, build_table
from tunewise.collection.chunks import Wanted, check_chunks, chunk_of, chunks_of, cut, rows_of
from tunewise.collection.filters import Filter, condition, one_of
from tunewise.collection.retrieval import By, Retrieval
from tunewise.collection.searching import (
    RERANK_TOP,
    Asked,
    Hit,
    checked,
    find,
    find_documents,
    hit_of,
)
from tunewise.collection.stamp import check_encoder, stamp_of
from tunewise.collection.store import Precision, Store, Table
from tunewise.collection.sweeping import sweep_tables, sweep_texts
from tunewise.collection.words import Words
from tunewise.documents import Chunk
from tunewise.encoders import Encoder
from tunewise.errors import DataError, OptionError
from tunewise.metrics import Threshold
from tunewise.progress import Progress, named, silent
from tunewise.retrieval import Reranker

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_AT_ONCE = 4_096  # texts encoded together: one document may have a hundred thousand


class Collection:
    """Chunks, their vectors, and the stamp of what made these, in a store.

    Several processes may write to and search one collection: each call sees what was there when
    it began. What a call wrote is there when it returns, and survives a kill of any process.

    >>> from tunewise.collection import Collection, open_store
    >>> faq = Collection.open(open_store("collections"), "faq", encoder)  # doctest: +SKIP
    >>> faq.search("how do I pay?", k=3, where={"year": {"gte": 2020}})  # doctest: +SKIP
    """

    def __init__(self, store: Store, name: str, encoder: Encoder | None = None) -> None:
        self.store, self.name, self.encoder = store, name, encoder
        self._tables: dict[str, tuple[Table, Words]] = {}

    @classmethod
    def create(
        cls,
        store: Store,
        name: str,
        encoder: Encoder,
        *,
        precision: Precision | None = None,
        prefix: int | None = None,
        chunker: str = "",
        retrieval: Retrieval = Retrieval(),  # noqa: B008 - frozen
        source: str = "",
        engine: str = "",
        threshold: Threshold | None = None,
    ) -> "Collection":
        """An empty collection for what this encoder makes.

        `prefix` keeps so many numbers of each vector, `precision` says in what (None: what suits
        the store), `threshold` is the one that was chosen for a search by whole vectors: other
        ways to search keep none.
        Raises OptionError for a name that cannot be, DataError if there is one of it.
        """
        if not _NAME.fullmatch(name):
            raise OptionError(
                f"A collection cannot be called '{name}'. Take up to 40 letters, digits, - and _."
            )
        stamp = stamp_of(
            encoder, prefix=prefix, precision=precision or store.precision, chunker=chunker
        )
        with store.hold(name):
            if name in kept.names(store):
                raise DataError(
                    f"There is a collection '{name}' in '{store.url}' already. Choose another "
                    "name, or open that one."
                )
            made = Generation(kept.new_table(name), stamp, retrieval, source, engine)
            about = About(name, replace(made, threshold=threshold))
            kept.open_table(store, about, about.current, new=True)
            kept.write(store, about)
            sweep_tables(store, name, about)
        return cls(store, name, encoder)

    @classmethod
    def open(cls, store: Store, name: str, encoder: Encoder | None = None) -> "Collection":
        """The collection of that name; without an encoder it is searched by words only.

        Raises DataError if there is none, EncoderError if the encoder did not make its vectors.
        """
        about = kept.read(store, name)
        if encoder is not None:
            now = about.current
            check_encoder(now.stamp, encoder, name, engine=now.engine)
        return cls(store, name, encoder)

    @staticmethod
    def there(store: Store, name: str) -> Generation | None:
        """What made the vectors of the collection of that name; None if there is none."""
        about = kept.find(store, name)
        return None if about is None else about.current

    def add(self, chunks: Sequence[Chunk], *, progress: Progress = silent) -> None:
        """Adds chunks; DataError, and nothing is added, if there is one of an id already."""
        self._put(chunks, (), {}, new=True, progress=progress)

    def upsert(self, chunks: Sequence[Chunk], *, progress: Progress = silent) -> None:
        """Adds chunks in place of those that have their ids."""
        self._put(chunks, (), {}, progress=progress)

    def replace(
        self,
        chunks: Sequence[Chunk],
        *,
        documents: Mapping[str, str],
        wanted: Wanted | None = None,
        progress: Progress = silent,
    ) -> Set[str]:
        """Puts chunks in the place of all that whole documents had, in one write.

        `documents` are their ids with their checksums (`digests` gives these back). `wanted` says
        which of them still are, once nobody else may write. Gives the ids of those that were put.
        """
        return self._put(chunks, tuple(documents), documents, wanted=wanted, progress=progress)

    def delete(
        self,
        *,
        ids: Sequence[str] | None = None,
        documents: Sequence[str] | None = None,
        where: Filter | None = None,
    ) -> int:
        """Removes the chunks for which all that is given holds, and says how many there were."""
        given = {"id": ids, "document": documents}
        with self.store.hold(self.name):
            about = self.about()
            parts = [one_of(name, each) for name, each in given.items() if each]
            parts += [condition(where, about.fields)] if where else []
            if ids is None and documents is None and not where:
                raise OptionError("Say which chunks are to go: ids, documents or a filter.")
            if any(each is not None and not each for each in given.values()):
                return 0
            return self._table(about).delete(" AND ".join(parts))

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """The chunks with these ids, in this order; ids that are not there are passed over."""
        found = chunks_of(self._table(self.about()), ids)
        return [found[id_] for id_ in ids if id_ in found]

    def page(
        self, *, where: Filter | None = None, after: str = "", limit: int = 100
    ) -> list[Chunk]:
        """The next chunks by id (byte order) after `after`: the last id of the page before.

        Whatever is written meanwhile, no chunk is shown twice and none that stays is passed over.
        """
        if limit < 1:
            raise OptionError(f"A page of {limit} chunks shows nothing. Give limit=1 or more.")
        about = self.about()
        rows = self._table(about).rows(
            condition(where or {}, about.fields), after=after, limit=limit
        )
        return [chunk_of(row) for row in rows]

    def count(self, where: Filter | None = None) -> int:
        """How many chunks pass the filter."""
        about = self.about()
        return self._table(about).count(condition(where or {}, about.fields))

    def vectors(
        self, *, ids: Sequence[str] | None = None, where: Filter | None = None
    ) -> tuple[list[Chunk], NDArray[np.float32]]:
        """Chunks by id, those with these ids or all that pass the filter, and their vectors (n, d).

        All are in memory at once: `count` says how many that will be.
        """
        about = self.about()
        asked = condition(where or {}, about.fields) if ids is None else one_of("id", ids)
        rows = self._table(about).rows(asked, vectors=True) if ids is None or ids else []
        out = np.empty((len(rows), about.current.stamp.dimension), dtype=np.float32)
        for place, row in enumerate(rows):
            assert row.vector is not None  # noqa: S101 - they were asked for
            out[place] = row.vector
        return [chunk_of(row) for row in rows], out

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        vector: NDArray[np.float32] | None = None,
        offset: int = 0,
        where: Filter | None = None,
        by: By | None = None,
        weight: float | None = None,
        threshold: float | Literal["calibrated"] | None = None,
        grouped: bool = False,
        rerank: Reranker | None = None,
        rerank_top: int = RERANK_TOP,
    ) -> list[Hit]:
        """The k best chunks for a query, after the first `offset`, best first.

        `vector` (d,) is the query's by the collection's encoder, where it is at hand already.
        `where` filters by metadata (`_document` is the document's id), `by` is vectors, words or
        hybrid (None: what the winner did), `weight` the share of words in a hybrid (None: the
        verdict's), `threshold` the least score ("calibrated": the one chosen with the verdict), and
        `grouped` gives each document's best chunk only. `rerank` puts the best `rerank_top` of
        these in an order of its own, with scores of its own; the threshold is for those before.
        Raises OptionError for what cannot be asked, EncoderError for an encoder that did not make
        the vectors that are searched now.
        """
        about = self.about()
        depth = offset + k if rerank is None else rerank_top
        how, where_sql, least = checked(
            about, by, where, threshold, weight, k=k, offset=offset, depth=depth
        )
        vector = None if how == "words" else self._asked(about, query, vector)
        asked = Asked(query, vector, how, where_sql, least, weight)
        table, words = self._opened(about)
        look = find_documents if grouped else find
        found = look(table, words, about.current, asked, depth)[0 if rerank else offset :]
        chunks = chunks_of(table, [id_ for id_, _ in found])
        hits = [hit_of(chunks[id_], score) for id_, score in found if id_ in chunks]
        if rerank is None:
            return hits
        best = rerank.order(query, [hit.chunk.text for hit in hits])[offset : offset + k]
        return [hit_of(hits[place].chunk, score) for place, score in best]

    def digests(self) -> Mapping[str, str]:
        """Each document's checksum, as it was given to `replace`."""
        return self._table(self.about()).digests()

    def info(self) -> Info:
        """What the collection holds, what made it, and how well its index finds."""
        about = self.about()
        table, now = self._table(about), about.current
        return Info(
            name=self.name,
            store=self.store.url,
            chunks=table.count(),
            documents=len(table.digests()),
            nbytes=table.nbytes,
            fields={name: each.kind for name, each in about.fields.items()},
            stamp=now.stamp,
            retrieval=now.retrieval,
            source=now.source,
            engine=now.engine,
            built=now.built,
            threshold=now.threshold,
            previous=about.previous.stamp if about.previous else None,
        )

    def build(self, *, queries: Sequence[str] = (), progress: Progress = silent) -> Built | None:
        """Indexes the vectors if they are many, and measures what the index finds.

        It is asked as thoroughly as recall@10 of 0.99 takes, measured against exact search with up
        to 100 of `queries`, else of the vectors themselves. None where exact search is quick
        enough. Writers wait meanwhile.
        """
        with self.store.hold(self.name):
            about = self.about()
            asked = self._encoded(about, queries[:ASKED]) if queries else None
            built = build_table(self._table(about), asked, progress)
            kept.write(self.store, replace(about, current=replace(about.current, built=built)))
        return built

    def compact(self, *, progress: Progress = silent) -> None:
        """Takes what was replaced or deleted off the disk, and what kills left; readers go on."""
        with self.store.hold(self.name):
            anew = sweep_texts(self.store, self.about())
        if anew:
            self.build(progress=progress)

    def calibrate(self, threshold: Threshold) -> None:
        """Keeps the threshold that searches with "calibrated" take from now on."""
        with self.store.hold(self.name):
            about = self.about()
            now = replace(about.current, threshold=threshold)
            kept.write(self.store, replace(about, current=now))

    def remove(self) -> None:
        """Removes the collection and all its generations."""
        with self.store.hold(self.name):
            there = self.name in kept.names(self.store)
            if there:
                kept.forget(self.store, self.name)
            sweep_tables(self.store, self.name, None)  # what a kill in here left, too
            if not there:
                kept.read(self.store, self.name)  # which says so

    def about(self) -> About:
        """What is known of it now, whoever changed it last."""
        return kept.read(self.store, self.name)

    def _put(
        self,
        chunks: Sequence[Chunk],
        replacing: Sequence[str],
        digests: Mapping[str, str],
        *,
        new: bool = False,
        wanted: Wanted | None = None,
        progress: Progress,
    ) -> Set[str]:
        check_chunks(chunks)
        before = self.about()
        vectors = self._vectors(before, [chunk.text for chunk in chunks], progress)
        with self._writing(before) as (about, table):
            if new and chunks:
                there = table.ids(one_of("id", [chunk.id for chunk in chunks]))
                if there:
                    raise DataError(
                        f"Chunk '{there[0]}' is in collection '{self.name}' already, so nothing "
                        "was added. Use upsert to put chunks in the place of others."
                    )
            if wanted is not None:
                replacing = tuple(wanted(replacing))
                own = [place for place, each in enumerate(chunks) if each.document in replacing]
                chunks, vectors = [chunks[place] for place in own], vectors[own]
            about = kept.fielded(self.store, about, table, chunks)
            rows = rows_of(chunks, digests, about.fields, vectors, about.current.stamp.precision)
            table.put(rows, replacing=replacing)
            return set(replacing)

    @contextmanager
    def _writing(self, before: About) -> Iterator[tuple[About, Table]]:
        """The table to write to, for one writer at a time.

        Raises EncoderError if the collection was embedded anew since `before` by another encoder.
        """
        with self.store.hold(self.name):
            about = self.about()
            if about.current.stamp != before.current.stamp:
                self._checked(about)
                raise DataError(
                    f"Collection '{self.name}' was embedded anew while this was encoded, and "
                    "nothing was written. Do it again."
                )
            yield about, self._table(about)

    def _opened(self, about: About) -> tuple[Table, Words]:
        now = about.current
        if now.table not in self._tables:
            table = kept.open_table(self.store, about, now)
            self._tables = {now.table: (table, Words(table, now.retrieval))}
        return self._tables[now.table]

    def _table(self, about: About) -> Table:
        return self._opened(about)[0]

    def _checked(self, about: About) -> Encoder:
        if self.encoder is None:
            raise OptionError(
                f"Collection '{self.name}' was opened without an encoder, so that it can be "
                "searched by words only. Open it with the one that made its vectors."
            )
        now = about.current
        check_encoder(now.stamp, self.encoder, self.name, engine=now.engine)
        return self.encoder

    def _vectors(
        self, about: About, texts: Sequence[str], progress: Progress
    ) -> NDArray[np.float32]:
        encoder, stamp = self._checked(about), about.current.stamp
        told = named("encoding chunks", progress)
        parts = [
            cut(encoder.encode_documents(texts[begin : begin + _AT_ONCE], progress=told), stamp)
            for begin in range(0, max(len(texts), 1), _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _encoded(self, about: About, queries: Sequence[str]) -> NDArray[np.float32]:
        return cut(self._checked(about).encode_queries(queries), about.current.stamp)

    def _asked(
        self, about: About, query: str, known: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        if known is None:
            found = self._encoded(about, [query])
        else:
            self._checked(about)
            found = cut(known[None], about.current.stamp)
        vector: NDArray[np.float32] = found[0]
        return vector

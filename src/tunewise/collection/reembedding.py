"""Re-embedding: the chunks with another model's vectors, made beside the old and switched at once.

The old vectors are searched and written to until the switch, which is one fact in the store; they
stay beside the new ones until the next re-embedding, so that a rollback only brings over what
was written since. A kill at any time leaves the old or the new; what was made is gone on from.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial

from tunewise.collection import about as kept
from tunewise.collection.about import About, Generation
from tunewise.collection.building import build_table
from tunewise.collection.chunks import cut, same, with_vector
from tunewise.collection.collection import Collection
from tunewise.collection.filters import one_of
from tunewise.collection.retrieval import Retrieval
from tunewise.collection.stamp import VectorStamp, check_encoder, stamp_of
from tunewise.collection.store import Row, Store
from tunewise.collection.sweeping import sweep_tables
from tunewise.encoders import Encoder
from tunewise.errors import DataError, OptionError, StoreError
from tunewise.metrics import Threshold
from tunewise.progress import Progress, named, silent

_AT_ONCE = 512  # chunks encoded and written together


def reembed(
    collection: Collection,
    encoder: Encoder,
    *,
    prefix: int | None = None,
    retrieval: Retrieval | None = None,
    source: str = "",
    engine: str = "",
    threshold: Threshold | None = None,
    progress: Progress = silent,
) -> Collection:
    """The collection with vectors by another encoder; the old ones are kept for a rollback.

    None for `retrieval` keeps how it is searched; `threshold` is as in `Collection.create`.
    Raises OptionError if the vectors are this encoder's already, DataError if another re-embedding
    takes the place of this one, or the collection is removed meanwhile.
    """
    store, name = collection.store, collection.name
    with store.hold(name):
        about = collection.about()
        now = about.current
        stamp = stamp_of(
            encoder, prefix=prefix, precision=now.stamp.precision, chunker=now.stamp.chunker
        )
        if stamp == now.stamp:
            raise OptionError(
                f"The vectors of collection '{name}' are those of '{encoder.name}' already. "
                "Name another model; a winner over the same one has the same vectors."
            )
        about = _begun(store, about, stamp, retrieval or now.retrieval, source, engine)
    assert about.coming is not None  # noqa: S101 - begun
    turn = partial(_turn, collection, about.coming)
    try:
        _bring_over(store, about, about.coming, encoder, progress, turn)
        with store.hold(about.coming.table):
            built = build_table(kept.open_table(store, about, about.coming), None, progress)
    except StoreError:
        with turn():  # else its table is gone because it is not wanted any more
            raise
    with turn() as (about, coming):
        _bring_over(store, about, coming, encoder, progress)
        _switch(store, about, replace(coming, built=built, threshold=threshold))
    return Collection(store, name, encoder)


def rollback(
    collection: Collection, encoder: Encoder | None = None, *, progress: Progress = silent
) -> Collection:
    """The collection with the vectors it had before the last switch.

    What was written since is encoded with `encoder`, the one of those vectors; it may be left out
    if nothing was. Raises DataError if there is nothing to go back to.
    """
    store, name = collection.store, collection.name
    with store.hold(name):
        about = collection.about()
        back = about.previous
        if back is None:
            raise DataError(
                f"Collection '{name}' has only the vectors it has, so that there is nothing to go "
                "back to."
            )
        if encoder is not None:
            check_encoder(back.stamp, encoder, name, engine=back.engine)
        _bring_over(store, about, back, encoder, progress)
        _switch(store, about, back)
    return Collection(store, name, encoder)


def _begun(
    store: Store,
    about: About,
    stamp: VectorStamp,
    retrieval: Retrieval,
    source: str,
    engine: str,
) -> About:
    """The collection with a generation to come; one that was broken off is gone on with."""
    coming = about.coming
    if coming is not None and coming.stamp == stamp:
        return about
    begun = Generation(kept.new_table(about.name), stamp, retrieval, source, engine)
    about = replace(about, coming=begun)
    kept.open_table(store, about, begun, new=True)
    kept.write(store, about)
    sweep_tables(store, about.name, about)
    return about


@contextmanager
def _turn(collection: Collection, begun: Generation) -> Iterator[tuple[About, Generation]]:
    """One writer's turn at a generation to come, which is what it was, but for how it is searched.

    Raises DataError once it is not to come any more: it may be the current one by now.
    """
    with collection.store.hold(collection.name):
        about = collection.about()
        if about.coming is None or about.coming.table != begun.table:
            raise DataError(
                f"Another re-embedding of collection '{collection.name}' took the place of this "
                "one. Look which vectors it has now, and start again if need be."
            )
        yield about, about.coming


def _bring_over(
    store: Store,
    about: About,
    to: Generation,
    encoder: Encoder | None,
    progress: Progress,
    turn: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Makes a generation hold the same chunks as the current one, with vectors of its own.

    Each write takes a `turn`, so that nobody waits while texts are encoded.
    """
    current, target = (kept.open_table(store, about, each) for each in (about.current, to))
    with turn():
        for each in about.fields.values():
            target.add_column(each.column, each.kind)
    ids = current.ids()
    for begin in range(0, len(ids), _AT_ONCE):
        progress("embedding anew", begin, len(ids))
        some = one_of("id", ids[begin : begin + _AT_ONCE])
        there = {row.id: row for row in target.rows(some)}
        missing = [
            row for row in current.rows(some) if row.id not in there or not same(row, there[row.id])
        ]
        rows = _embedded(missing, to.stamp, encoder, about.name, progress)
        with turn():  # what was deleted meanwhile is not brought back
            now = dict(zip(*current.texts(some), strict=True)) if rows else {}
            target.put([row for row in rows if now.get(row.id) == row.text])
    gone = sorted(set(target.ids()) - set(ids))
    for begin in range(0, len(gone), _AT_ONCE):
        with turn():
            target.delete(one_of("id", gone[begin : begin + _AT_ONCE]))
    progress("embedding anew", len(ids), len(ids))


def _embedded(
    rows: list[Row], stamp: VectorStamp, encoder: Encoder | None, name: str, progress: Progress
) -> list[Row]:
    if not rows:
        return []
    if encoder is None:
        raise OptionError(
            f"Chunks were written to collection '{name}' since its vectors were switched. Give "
            f"the encoder that they have to be encoded with: '{stamp.encoder}'."
        )
    told = named("encoding chunks", progress)
    vectors = cut(encoder.encode_documents([row.text for row in rows], progress=told), stamp)
    return [
        with_vector(row, vector, stamp.precision) for row, vector in zip(rows, vectors, strict=True)
    ]


def _switch(store: Store, about: About, to: Generation) -> None:
    """Makes a generation the current one, and the current one the one before it."""
    about = replace(about, current=to, previous=about.current, coming=None)
    kept.write(store, about)
    sweep_tables(store, about.name, about)

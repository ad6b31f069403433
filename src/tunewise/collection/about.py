"""About: what is known of a collection, kept in its store as one fact."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from tunewise.collection.filters import DOCUMENT, Field, kind_of
from tunewise.collection.retrieval import Retrieval
from tunewise.collection.stamp import VectorStamp
from tunewise.collection.store import Store, Table
from tunewise.documents import Chunk
from tunewise.errors import DataError, StoreError
from tunewise.metrics import Threshold

_FORMAT = 1
_PREFIX = "collection "
_FIELDS = 200  # as many columns as a table is easy with


@dataclass(frozen=True)
class Built:
    """An index over vectors: how it is asked, and what it finds of what exact search finds.

    `recall` is recall@10, over `asked` ("100 documents"); `rows` were there when it was built.
    """

    rows: int
    effort: int
    recall: float
    asked: str
    seconds: float


@dataclass(frozen=True)
class Generation:
    """Vectors of one stamp, in a table of their own, whose name is never used again.

    `source` is the folder or name that the encoder was loaded by, `engine` the way it computes,
    `threshold` the score from which on the winner's measured search finds more than noise.
    """

    table: str
    stamp: VectorStamp
    retrieval: Retrieval = field(default_factory=Retrieval)
    source: str = ""
    engine: str = ""
    built: Built | None = None
    threshold: Threshold | None = None


@dataclass(frozen=True)
class About:
    """Which generation is searched, which was before it, which fields chunks have."""

    name: str
    current: Generation
    previous: Generation | None = None
    coming: Generation | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True)
class Info:
    """What is to be known of a collection. `previous` is the stamp that a rollback brings back."""

    name: str
    store: str
    chunks: int
    documents: int
    nbytes: int
    fields: Mapping[str, str]
    stamp: VectorStamp
    retrieval: Retrieval
    source: str
    engine: str
    built: Built | None
    threshold: Threshold | None
    previous: VectorStamp | None


def names(store: Store) -> list[str]:
    """The collections that the store has."""
    return sorted(name.removeprefix(_PREFIX) for name in store.facts() if name.startswith(_PREFIX))


def read(store: Store, name: str) -> About:
    """What is known of a collection; DataError if there is none, StoreError if it is damaged."""
    about = find(store, name)
    if about is None:
        there = ", ".join(names(store)) or "none"
        raise DataError(
            f"There is no collection '{name}' in '{store.url}' (there: {there}). Make one: "
            f"tunewise index DIR --from DOCUMENTS --collection {name}."
        )
    return about


def find(store: Store, name: str) -> About | None:
    """What is known of a collection; None if there is none, StoreError if it is damaged."""
    told = store.facts().get(_PREFIX + name)
    if told is None:
        return None
    try:
        found = json.loads(told)
        if found.pop("sum", None) != _sum_of(found):
            raise ValueError("its checksum is another")
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']}, and this version reads {_FORMAT}")
        return About(
            name=name,
            current=_generation(found["current"]),
            previous=found["previous"] and _generation(found["previous"]),
            coming=found["coming"] and _generation(found["coming"]),
            fields={key: Field(**each) for key, each in found["fields"].items()},
        )
    except (ValueError, LookupError, TypeError) as wrong:
        raise StoreError(
            f"What '{store.url}' keeps about collection '{name}' cannot be read ({wrong}). Bring "
            "the store back from a copy, or use the version of Tunewise that wrote it."
        ) from wrong


def write(store: Store, about: About) -> None:
    """Keeps what is known of a collection; whoever reads sees the old or the new."""
    told = {"format": _FORMAT, **asdict(about)}
    store.keep(_PREFIX + about.name, json.dumps({**told, "sum": _sum_of(told)}))


def forget(store: Store, name: str) -> None:
    """Removes what is known of a collection."""
    store.keep(_PREFIX + name, None)


def new_table(name: str) -> str:
    """What the next table of a collection is called: no handle of a former one reads it."""
    return f"{name}_{uuid4().hex[:8]}"


def is_table(table: str, name: str) -> bool:
    """Whether a table may be called so by `new_table`, for the collection of this name."""
    return re.fullmatch(f"{re.escape(name)}_[0-9a-f]{{8}}", table) is not None


def generations(about: About) -> list[Generation]:
    """Those that a collection has."""
    return [each for each in (about.current, about.previous, about.coming) if each is not None]


def open_table(store: Store, about: About, generation: Generation, *, new: bool = False) -> Table:
    """The table of a generation, with a column for each field; `new` makes it, empty."""
    stamp = generation.stamp
    table = store.table(
        generation.table,
        dimension=stamp.dimension,
        precision=stamp.precision,
        new=new,
    )
    for each in about.fields.values() if new else ():
        table.add_column(each.column, each.kind)
    return table


def fielded(store: Store, about: About, table: Table, chunks: Iterable[Chunk]) -> About:
    """The collection with a field for each metadata name; DataError where kinds differ."""
    found = dict(about.fields)
    for chunk in chunks:
        for name, value in chunk.metadata.items():
            kind = kind_of(name, value)
            known = found.setdefault(name, Field(f"{kind}_{len(found)}", kind))
            if known.kind != kind:
                raise DataError(
                    f"The metadata field '{name}' holds a {known.kind} elsewhere and a {kind} "
                    f"({value!r}) in '{chunk.id}'. Convert one, or call it otherwise."
                )
    new = {name: each for name, each in found.items() if name not in about.fields}
    if len(found) > _FIELDS or DOCUMENT in new:
        raise DataError(
            f"A collection has {_FIELDS} metadata fields at most, and none called "
            f"'{DOCUMENT}'. Leave some out."
        )
    for each in new.values():
        table.add_column(each.column, each.kind)
    if not new:
        return about
    more = replace(about, fields=found)
    write(store, more)
    return more


def _sum_of(told: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


def _generation(told: Mapping[str, Any]) -> Generation:
    built, threshold = told["built"], told.get("threshold")  # added later
    if told["retrieval"]["by"] != "vectors":  # was kept once, though its scale is the documents'
        threshold = None
    return Generation(
        **{
            **told,
            "stamp": VectorStamp(**told["stamp"]),
            "retrieval": Retrieval.from_dict(told["retrieval"]),
            "built": built and Built(**built),
            "threshold": threshold and Threshold(**threshold),
        }
    )

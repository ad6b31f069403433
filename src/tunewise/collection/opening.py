"""Opening: a store by its address."""

from pathlib import Path

from tunewise.collection.lance import LanceStore
from tunewise.collection.postgres import PostgresStore
from tunewise.collection.store import Store
from tunewise.errors import DataError

BESIDE = "collections"
"""The folder of a winner's own collections, in the winner's folder."""


def open_store(url: str, *, new: bool = True) -> Store:
    """The store at `url`: "postgresql://…", else a folder or an address such as "s3://…".

    A folder that is not there is made, unless `new` is False: then it is refused (DataError).
    Raises MissingExtra without the package it takes, StoreError for one that cannot be reached.

    >>> open_store("collections/").url  # doctest: +SKIP
    'collections/'
    """
    if url.startswith(("postgresql://", "postgres://")):
        return PostgresStore(url)
    url = url.removeprefix("file://")
    if not new and "://" not in url and not Path(url).is_dir():
        raise DataError(
            f"There is no folder '{url}' with collections. Name the one they are in, or make one: "
            f"tunewise index DIR --from DOCUMENTS --store {url}."
        )
    return LanceStore(url)

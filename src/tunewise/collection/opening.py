"""Opening: a store by its address."""

from tunewise.collection.lance import LanceStore
from tunewise.collection.postgres import PostgresStore
from tunewise.collection.store import Store

BESIDE = "collections"
"""The folder of a winner's own collections, in the winner's folder."""


def open_store(url: str) -> Store:
    """The store at `url`: "postgresql://…", else a folder or an address such as "s3://…".

    Raises MissingExtra without the package it takes, StoreError for one that cannot be reached.

    >>> open_store("collections/").url  # doctest: +SKIP
    'collections/'
    """
    if url.startswith(("postgresql://", "postgres://")):
        return PostgresStore(url)
    return LanceStore(url)

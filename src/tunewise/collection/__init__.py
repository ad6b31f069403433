"""Collections: documents, their vectors and the stamp of what made them, over a vector store."""

from tunewise.collection.about import Info
from tunewise.collection.collection import Collection
from tunewise.collection.opening import BESIDE, open_store
from tunewise.collection.reembedding import reembed, rollback
from tunewise.collection.retrieval import Retrieval
from tunewise.collection.searching import Hit
from tunewise.collection.stamp import VectorStamp
from tunewise.collection.store import Store, Table
from tunewise.collection.verifying import verify

__all__ = [
    "BESIDE",
    "Collection",
    "Hit",
    "Info",
    "Retrieval",
    "Store",
    "Table",
    "VectorStamp",
    "open_store",
    "reembed",
    "rollback",
    "verify",
]

"""Ranking documents for queries: by vectors, by words, and by both."""

from tunewise.retrieval.dense import nearest
from tunewise.retrieval.fusion import fuse

__all__ = ["fuse", "nearest"]

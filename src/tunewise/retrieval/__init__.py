"""Ranking documents for queries: by vectors, by words, and by both."""

from tunewise.retrieval.analysis import Analyzer, default_analyzer
from tunewise.retrieval.choosing import Fusion, LexicalSettings, choose, choose_fusion
from tunewise.retrieval.dense import nearest
from tunewise.retrieval.fusion import fuse
from tunewise.retrieval.lexical import Bm25Index, build
from tunewise.retrieval.reranking import Reranker, load_reranker

__all__ = [
    "Analyzer",
    "Bm25Index",
    "Fusion",
    "LexicalSettings",
    "Reranker",
    "build",
    "choose",
    "choose_fusion",
    "default_analyzer",
    "fuse",
    "load_reranker",
    "nearest",
]

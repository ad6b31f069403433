"""Graph: an approximate index over document vectors, kept, with its recall against exact search.

A hierarchical navigable small world (Malkov and Yashunin, 2018, arXiv:1603.09320) by usearch. The
vectors in it are bf16; what it finds is scored again with the vectors it was built from. When it
pays is decided by figures in benchmarks/retrieval.md.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import DataError
from tunewise.extras import need
from tunewise.files import whole, write_text
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings, collect
from tunewise.retrieval.dense import Scored, blocks, check, decimals_of, longest, nearest, top

Vectors = NDArray[np.float32]

SAMPLE = 200
"""Queries that recall is measured with, at most."""

DOCUMENTS, ASKED, ASKED_KEPT = 50_000, 20_000, 500
"""From how many on a graph pays: documents; queries at once; those where a graph is kept."""

_FORMAT = 1
_INDEX, _TOLD = "graph.usearch", "graph.json"
_LINKS, _BUILDING, _SEARCHING = 16, 128, 64  # M, ef_construction and ef of the paper
_K = 10
_DIGESTED = 65_536  # rows at a time


def pays(documents: int, queries: int, *, kept: bool = False) -> bool:
    """Whether so many queries, asked at once, are worth a graph over so many documents.

    `kept` says that there is one already. Figures are in benchmarks/retrieval.md.

    >>> pays(100_000, 900), pays(100_000, 900, kept=True), pays(10_000, 50_000)
    (False, True, False)
    """
    return documents >= DOCUMENTS and queries >= (ASKED_KEPT if kept else ASKED)


@dataclass(frozen=True)
class Graph:
    """An index over `documents` (n, d), the vectors it was built from.

    `longest` is the length of the longest of them. `recall` is the share of the ten exactly
    nearest documents that it finds, the mean over what was `asked` ("200 queries"); a document as
    near as the tenth counts.
    """

    index: Any = field(repr=False)
    documents: Vectors = field(repr=False)
    longest: float
    recall: float = 1.0
    asked: str = "nothing"

    def nearest(
        self,
        queries: Vectors,
        query_ids: Sequence[str],
        document_ids: Sequence[str],
        *,
        k: int = _K,
    ) -> Rankings:
        """As `nearest` ranks, but of the documents that the graph finds.

        Scores are those of exact search, though the last of six digits may be rounded the other
        way. Ties with the k-th are kept as far as they are found. Raises what `nearest` raises.
        """
        check(queries, self.documents, query_ids, document_ids, k)
        decimals = decimals_of(longest(queries, "query") * self.longest)
        kept = [self._scored(*each, decimals, k) for each in self._found(queries, k)]
        return collect(query_ids, document_ids, kept)

    def _found(self, queries: Vectors, k: int) -> list[tuple[Vectors, NDArray[np.int64]]]:
        """Each query with the places that the graph has for it, increasing."""
        count = max(k, _SEARCHING)  # fewer would be found as slowly
        if count >= len(self.documents):
            return [(query, np.arange(len(self.documents))) for query in queries]
        found: list[tuple[Vectors, NDArray[np.int64]]] = []
        for _, some in blocks(queries, 1_024):
            answer = self.index.search(np.ascontiguousarray(some), count)
            each = [answer] if len(some) == 1 else answer
            found += [
                (query, np.sort(one.keys.astype(np.int64)))
                for query, one in zip(some, each, strict=True)
            ]
        return found

    def _scored(self, query: Vectors, places: NDArray[np.int64], decimals: int, k: int) -> Scored:
        scores = np.round(np.asarray(self.documents[places]) @ query, decimals)
        return top(places, scores.astype(np.float32), k)


def build(documents: Vectors, queries: Vectors, *, progress: Progress = silent) -> Graph:
    """A graph over document vectors (n, d), its recall measured with query vectors (q, d).

    Both are float32; `documents` may be a `np.memmap`, for it is read block by block. Without
    queries some of the documents are asked; of more than 200, 200 drawn at random. All cores
    build at once, so two graphs of the same vectors may differ a little. Raises MissingExtra
    without usearch, and EncoderError as `nearest` does.
    """
    index = _empty(documents.shape[1])
    length = longest(documents, "document")
    for begin, block in blocks(documents, 4_096):
        progress("building the graph", begin, len(documents))
        index.add(np.arange(begin, begin + len(block)), np.ascontiguousarray(block))
    progress("building the graph", len(documents), len(documents))
    kind, which = ("queries", queries) if len(queries) else ("documents", documents)
    asked = np.asarray(which[drawn(len(which))])
    graph = Graph(index, documents, length)
    recall = _recall(graph, asked, progress)
    return replace(graph, recall=recall, asked=f"{len(asked)} {kind}")


def drawn(count: int) -> list[int]:
    """The places of those that recall is measured with: all, or SAMPLE of them at random."""
    if count <= SAMPLE:
        return list(range(count))
    return sorted(np.random.default_rng(0).choice(count, SAMPLE, replace=False).tolist())


def save(graph: Graph, folder: Path) -> None:
    """Writes the index and then what belongs to it into `folder`, each whole.

    Raises OutputError when the folder cannot be written.
    """
    with whole(folder / _INDEX) as beside:
        graph.index.save(str(beside))
        digest = _digest(_bytes(beside))
    told = {
        "format": _FORMAT,
        "vectors": _digest(graph.documents),
        "index": digest,
        "documents": len(graph.documents),
        "dimension": graph.documents.shape[1],
        "longest": graph.longest,
        "recall@10": graph.recall,
        "asked": graph.asked,
    }
    write_text(folder / _TOLD, json.dumps(told, indent=1) + "\n")


def is_kept(folder: Path) -> bool:
    """Whether there is a graph in `folder`, of whatever vectors."""
    return (folder / _TOLD).is_file()


def load(folder: Path, documents: Vectors) -> Graph:
    """The graph in `folder`, mapped rather than read, once it is known to be of these vectors.

    Raises DataError for one that is damaged or was built from others; it can be built anew.
    """
    path = folder / _INDEX
    try:
        told = json.loads((folder / _TOLD).read_text(encoding="utf-8"))
        if told["format"] != _FORMAT:
            raise ValueError(f"format {told['format']}, and this version reads {_FORMAT}")
        graph = Graph(
            _empty(told["dimension"]),
            documents,
            float(told["longest"]),
            float(told["recall@10"]),
            str(told["asked"]),
        )
        # before usearch follows links in it, which lead anywhere in a damaged file
        if told["index"] != _digest(_bytes(path)):
            raise ValueError("its bytes are not those that were written")
        graph.index.view(str(path))
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as wrong:
        raise DataError(
            f"The graph in '{folder}' is damaged ({wrong}) and has to be built anew."
        ) from wrong
    if told["vectors"] != _digest(documents):
        raise DataError(
            f"The graph in '{folder}' was built from other vectors and has to be built anew."
        )
    return graph


def _bytes(path: Path) -> NDArray[np.uint8]:
    return np.memmap(path, dtype=np.uint8, mode="r")


def _digest(rows: NDArray[Any]) -> str:
    digest = blake2b(str(rows.shape).encode(), digest_size=16)
    for begin in range(0, len(rows), _DIGESTED):
        digest.update(np.ascontiguousarray(rows[begin : begin + _DIGESTED]).data)
    return digest.hexdigest()


def _empty(dimension: int) -> Any:
    need("usearch", extra="graph")
    from usearch.index import Index

    return Index(
        ndim=dimension,
        metric="ip",
        dtype="bf16",
        connectivity=_LINKS,
        expansion_add=_BUILDING,
        expansion_search=_SEARCHING,
    )


def _recall(graph: Graph, asked: Vectors, progress: Progress) -> float:
    """The share of the ten nearest that is found: by score, for ties are as good as one another."""
    queries = [str(row) for row in range(len(asked))]
    documents = [""] * len(graph.documents)
    found = graph.nearest(asked, queries, documents)
    truth = nearest(asked, graph.documents, queries, documents, k=_K, progress=progress)
    noise = 1.5 * 10.0 ** -decimals_of(longest(asked, "query") * graph.longest)
    shares = [
        float((got[:_K] >= best[:_K][-1] - noise).sum() / len(best[:_K]))
        for (_, got), (_, best) in zip(found, truth, strict=True)
        if len(best)
    ]
    return float(np.mean(shares)) if shares else 1.0

"""Exact search beside approximate indexes: from how many documents and queries on one pays.

    python benchmarks/retrieval.py [--sizes 10000,100000] [--queries 500] [--rounds 3]
        [--only NAMES]

The vectors are those of growth.py's texts, encoded by the engine that `auto` takes and kept in
$TUNEWISE_CACHE; queries are further texts of the same kind. For the contestants of theirs
`faiss-cpu` must be installed beside this project. Contestants take turns. Printed are the seconds
an index takes to build (ours measures its recall meanwhile), its bytes a document, recall@10
against exact search (ties count as found), milliseconds of one query at a time, queries a second
all at once, and after how many queries, asked one by one and all at once, building has paid.

A million documents of 384 numbers take 1.5 GB, each index 0.5 to 1.7 GB beside it, and all stand
at once: name a few with --only, such as "exact (ours),graph (ours)".
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growth import texts_of

K = 10
Vectors = NDArray[np.float32]
Makers = Mapping[str, Callable[[Vectors], tuple[Any, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(MAKERS), help="contestants, the exact one first")
    parsed = parser.parse_args()
    sizes = [int(size) for size in parsed.sizes.split(",")]
    both = vectors(max(sizes) + parsed.queries)
    asked = np.ascontiguousarray(both[-parsed.queries :])
    for size in sizes:
        print(f"\n**{size:,} documents**\n")
        print(
            "| | built in s | bytes/document | recall@10 | one: ms | all: queries/s "
            "| pays after, one by one | at once |"
        )
        print("|---|---|---|---|---|---|---|---|")
        makers = {name: MAKERS[name] for name in parsed.only.split(",")}
        for line in lines(makers, np.ascontiguousarray(both[:size]), asked, parsed.rounds):
            print(line, flush=True)


def vectors(count: int) -> Vectors:
    from tunewise.encoders import load_encoder

    texts = texts_of(count)
    return np.asarray(load_encoder(texts=texts).encode_documents(texts))


@dataclass(frozen=True)
class Index:
    """Something that gives the places (q, k) of the nearest documents."""

    search: Callable[[Vectors], Any]
    seconds: float
    size: float


def lines(makers: Makers, documents: Vectors, asked: Vectors, rounds: int) -> list[str]:
    indexes = {name: built(make, documents) for name, make in makers.items()}
    truth = np.array([np.partition(documents @ query, -K)[-K] for query in asked])
    waits: dict[str, list[float]] = {name: [] for name in indexes}
    rates: dict[str, list[float]] = {name: [] for name in indexes}
    recalls = {}
    for turn in range(rounds):
        for name, index in indexes.items():
            took, places = timed(index.search, asked)
            rates[name].append(len(asked) / took)
            recalls[name] = recall(documents, asked, places, truth)
            some = range(turn, len(asked), rounds)
            waits[name] += [1000 * timed(index.search, asked[q : q + 1])[0] for q in some]
    exact, batch = median(waits["exact (ours)"]), 1000 / median(rates["exact (ours)"])
    return [
        f"| {name} | {index.seconds:.1f} | {index.size:,.0f} | {recalls[name]:.3f} "
        f"| {median(waits[name]):.2f} | {median(rates[name]):,.0f} "
        f"| {paying(index.seconds, exact - median(waits[name]))} "
        f"| {paying(index.seconds, batch - 1000 / median(rates[name]))} |"
        for name, index in indexes.items()
    ]


def paying(seconds: float, saved: float) -> str:
    if not seconds:
        return ""
    return f"{1000 * seconds / saved:,.0f} queries" if saved > 0 else "never"


def recall(documents: Vectors, asked: Vectors, places: Any, truth: Any) -> float:
    """The share of the best ten that was found; a document as near as the tenth counts."""
    found = np.einsum("qd,qkd->qk", asked, documents[np.asarray(places, dtype=np.int64)])
    return float((found >= truth[:, None] - 1e-6).mean())


def timed(search: Callable[[Vectors], Any], asked: Vectors) -> tuple[float, Any]:
    began = time.perf_counter()
    found = search(asked)
    return time.perf_counter() - began, found


def built(make: Callable[[Vectors], tuple[Any, float]], documents: Vectors) -> Index:
    began = time.perf_counter()
    search, size = make(documents)
    took = time.perf_counter() - began
    return Index(search, took if size else 0.0, size or 4.0 * documents.shape[1])


def ours(documents: Vectors) -> tuple[Any, float]:
    from tunewise.retrieval import nearest

    ids = [str(place) for place in range(len(documents))]

    def search(asked: Vectors) -> Any:
        queries = [str(place) for place in range(len(asked))]
        found = nearest(asked, documents, queries, ids, k=K)
        return [[int(name) for name, _ in found.best(row, K)] for row in range(len(asked))]

    return search, 0.0


def kept(documents: Vectors) -> tuple[Any, float]:
    """The graph as `search` keeps it."""
    from tunewise.retrieval.graph import build

    graph = build(documents, documents[:0])
    ids = [str(place) for place in range(len(documents))]

    def search(asked: Vectors) -> Any:
        found = graph.nearest(asked, [str(place) for place in range(len(asked))], ids, k=K)
        return [[int(name) for name, _ in found.best(row, K)] for row in range(len(asked))]

    return search, graph.index.serialized_length / len(documents)


def faiss_flat(documents: Vectors) -> tuple[Any, float]:
    import faiss

    index = faiss.IndexFlatIP(documents.shape[1])
    index.add(documents)
    return lambda asked: index.search(asked, K)[1], 0.0


def faiss_hnsw(documents: Vectors) -> tuple[Any, float]:
    import faiss

    index = faiss.IndexHNSWFlat(documents.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 128, 64
    index.add(documents)
    with tempfile.TemporaryDirectory() as folder:
        faiss.write_index(index, f"{folder}/index")
        size = Path(folder, "index").stat().st_size
    return lambda asked: index.search(asked, K)[1], size / len(documents)


def usearch(numbers: str, expansion: int) -> Callable[[Vectors], tuple[Any, float]]:
    def make(documents: Vectors) -> tuple[Any, float]:
        from usearch.index import Index as Graph

        graph = Graph(
            ndim=documents.shape[1],
            metric="ip",
            dtype=numbers,
            connectivity=16,
            expansion_add=128,
            expansion_search=expansion,
        )
        graph.add(np.arange(len(documents)), documents)
        return lambda asked: graph.search(asked, K).keys.reshape(len(asked), -1), (
            graph.serialized_length / len(documents)
        )

    return make


MAKERS: Makers = {
    "exact (ours)": ours,
    "graph (ours)": kept,
    "faiss flat": faiss_flat,
    "faiss HNSW": faiss_hnsw,
    "usearch f32": usearch("f32", 64),
    "usearch bf16": usearch("bf16", 64),
    "usearch int8": usearch("i8", 64),
    "usearch bf16, 256": usearch("bf16", 256),
}

if __name__ == "__main__":
    main()

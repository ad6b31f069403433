"""Indexed: a contender whose vectors are searched by a graph, where that pays or is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tunewise.contenders.contender import DEPTH, Contender
from tunewise.contenders.shrunk import with_words
from tunewise.errors import DataError, MissingExtra, OptionError
from tunewise.files import check_writable
from tunewise.progress import Progress, silent
from tunewise.rankings import Rankings
from tunewise.retrieval import graph
from tunewise.retrieval.graph import Graph
from tunewise.task import Task, Texts

Index = Literal["auto", "exact", "graph"]

ENOUGH = 0.9
"""Recall@10 below which `auto` searches exactly: a tenth of what is near is no price for speed."""


def indexed(
    contender: Contender,
    documents: Texts,
    folder: Path,
    *,
    index: Index = "auto",
    asked: int = 1,
    sample: Sequence[str] = (),
    k: int = DEPTH,
    progress: Progress = silent,
) -> Contender:
    """The contender, its vectors searched as `index` says; its last note says how and why.

    "auto" takes a graph where `asked` queries at once pay for one. The graph lies in `folder` and
    is used again while the vectors are the same. Its recall is measured with `sample`, texts of
    queries, or with documents where there are none. `k` documents are wanted for a query; a
    hybrid fuses DEPTH. Raises OptionError for an index there is not and for a graph without
    vectors; MissingExtra where a graph was asked for and usearch is not installed.
    """
    _check(contender, index)
    if contender.encode is None:
        return _noted(contender, "exact: words are looked up, no vectors are compared")
    if index == "exact":
        return _noted(contender, "exact, as was asked")
    count, there, why = len(documents), graph.is_kept(folder), ""
    if index == "auto" and not graph.pays(count, asked, kept=there):
        return _noted(contender, _too_few(count, asked))
    vectors = contender.encode(documents.texts, "documents")
    try:
        found, why = _kept(folder, vectors) if there else (None, "")
        if found is None and index == "auto" and not graph.pays(count, asked):
            return _noted(contender, _too_few(count, asked) + why)
        made = "kept" if found else "built now and kept"
        found = found or _built(contender, vectors, sample, folder, progress)
    except MissingExtra as missing:
        if index == "graph":
            raise
        return _noted(contender, f"exact, though a graph would pay. {missing}")
    told = f"recall@10 {found.recall:.3f} against exact search, asked {found.asked}"
    if index == "auto" and found.recall < ENOUGH:
        return _noted(contender, f"exact: the graph in '{folder}' finds too little ({told}){why}")
    reason = "as was asked" if index == "graph" else f"for {asked:,} queries of {count:,} documents"
    told = f"graph, {reason}, {made} in '{folder}': {told}{why}"
    return _noted(_by_graph(contender, found, documents, k), told)


def asked_before(task: Task) -> list[str]:
    """The task's own queries that recall is measured with: of dev and test, where it says so."""
    held_out = [
        text
        for key, text in zip(task.queries.ids, task.queries.texts, strict=True)
        if task.parts.get(key) in ("dev", "test")
    ]
    texts = held_out or task.queries.texts
    return [texts[place] for place in graph.drawn(len(texts))]


def _check(contender: Contender, index: Index) -> None:
    if index not in get_args(Index):
        raise OptionError(f"There is no index '{index}'. Choose auto, exact or graph.")
    if contender.encode is None and index == "graph":
        raise OptionError(
            f"'{contender.name}' compares no vectors, so there is nothing to build a graph over. "
            "Leave out --index graph: words are looked up exactly."
        )


def _too_few(documents: int, asked: int) -> str:
    return (
        f"exact: {asked:,} queries of {documents:,} documents do not pay for a graph (from "
        f"{graph.DOCUMENTS:,} documents and {graph.ASKED:,} queries at once on one does; where one "
        f"is kept, from {graph.ASKED_KEPT:,})"
    )


def _kept(folder: Path, vectors: NDArray[np.float32]) -> tuple[Graph | None, str]:
    """The graph in the folder, or why it cannot be used."""
    try:
        return graph.load(folder, vectors), ""
    except DataError as wrong:
        return None, f". {wrong}"


def _built(
    contender: Contender,
    vectors: NDArray[np.float32],
    sample: Sequence[str],
    folder: Path,
    progress: Progress,
) -> Graph:
    assert contender.encode is not None  # noqa: S101 - looked at before
    check_writable(folder)
    queries = contender.encode(sample, "queries") if sample else vectors[:0]
    made = graph.build(vectors, queries, progress=progress)
    graph.save(made, folder)
    return made


def _by_graph(contender: Contender, found: Graph, documents: Texts, k: int) -> Contender:
    encode, words = contender.encode, contender.parts.get("lexical")

    def rank(queries: Texts) -> Rankings:
        assert encode is not None  # noqa: S101 - a graph is made of vectors
        asked, depth = encode(queries.texts, "queries"), k if words is None else DEPTH
        near = found.nearest(asked, queries.ids, documents.ids, k=depth)
        return near if words is None else with_words(contender, words.rank(queries), near)

    return replace(contender, rank=rank)


def _noted(contender: Contender, note: str) -> Contender:
    return replace(contender, notes=(*contender.notes, note))

"""Clustering a bucket: what its chunks are about, as groups within groups, named by their words.

K-means on the chunks' vectors, as in measuring a clustering, of as many groups as lie farthest
apart (silhouette). Groups too small to count are dissolved into the nearest of the others.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.collection import Collection, Store, open_store
from tunewise.documents import Chunk
from tunewise.errors import DataError
from tunewise.files import write_text
from tunewise.jobs.clustered import file_of, held, short
from tunewise.jobs.embedding import FILENAME
from tunewise.jobs.job import ENDED
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import Place
from tunewise.kinds.clustering.grouping import k_means, moved, nearest, sample
from tunewise.kinds.clustering.metrics import silhouettes
from tunewise.kinds.clustering.naming import names_of

NODES = 100
"""The most central chunks of a cluster that are kept."""

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]

_MOST = 200_000  # chunks: 300 MB of vectors with 384 numbers
_STEP = 2**0.5  # from one number of groups tried to the next
_GROUPS = 64
_LOOKED_AT = 2_000  # chunks by which the number is chosen
_DOTS = 200  # of a cluster in its picture
_ROUNDS = 3  # times that what others change meanwhile is clustered
_SEED = 0


def run(asked: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """Clusters a bucket's chunks, keeps what came of it, and says how many clusters there are.

    `asked` holds "bucket", "files" or "prefix" of their names (None for all), "least" and
    "least_within": chunks that make a cluster, and one within it. Raises TunewiseError for a bucket
    that is not embedded, or has too many chunks.
    """
    bucket, home = asked["bucket"], place.home
    for _ in range(_ROUNDS):
        with closing(open_store(str(home.collections))) as store:
            collection = _opened(store, bucket)
            before = collection.digests()
            chunks, rows = _vectors(collection, asked, place)
        place.progress("clustering", 0, len(chunks))
        clusters = _found(chunks, rows, asked)
        with held(home, bucket), closing(open_store(str(home.collections))) as store:
            _require_wanted(place)
            now = _opened(store, bucket).digests()
            read = {each.document for each in chunks}
            if all(each in now and now[each] == before.get(each) for each in read):
                write_text(file_of(home, place.job), json.dumps({"clusters": clusters}))
                return {"chunks": len(chunks), "clusters": len(clusters)}
    raise DataError(
        f"The files of '{bucket}' were deleted or embedded anew all the while. Ask for its "
        "clusters again once it stays as it is."
    )


def _opened(store: Store, bucket: str) -> Collection:
    """The bucket's collection. Raises DataError that names no other bucket where there is none."""
    if Collection.there(store, bucket) is None:
        raise DataError(
            f"There is no collection '{bucket}': the bucket was never embedded, or its embeddings "
            "were deleted. Embed it first."
        )
    return Collection.open(store, bucket)


def _require_wanted(place: Place) -> None:
    """Raises TunewiseError where the job was cancelled or deleted: what it kept would stay."""
    with closing(Queue(place.home.jobs)) as queue:
        if queue.job(place.job).state in ENDED:
            raise DataError("The clustering was cancelled, and nothing of it was kept.")


def _vectors(
    collection: Collection, asked: Mapping[str, Any], place: Place
) -> tuple[list[Chunk], Vectors]:
    where = _where(asked)
    count = collection.count(where)
    if count > _MOST:
        raise DataError(
            f"{count:,} chunks are too many to cluster at once; {_MOST:,} are the most. Choose "
            "some by 'files' or 'prefix'."
        )
    place.progress("reading vectors", 0, count)
    return collection.vectors(where=where)


def _found(
    chunks: Sequence[Chunk], rows: Vectors, asked: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The clusters with those within them, as they are kept."""
    axes = _axes(rows)
    clusters = _clusters(chunks, rows, asked["least"], "")
    for told in clusters:
        own = told.pop("rows")
        told["dots"] = (sample(rows[own], _SEED, _DOTS) @ axes).round(4).tolist()
        within = _clusters(
            [chunks[row] for row in own], rows[own], asked["least_within"], f"{told['cluster_id']}."
        )
        told["subclusters"] = [_without_rows(each) for each in within] if len(within) > 1 else []
    return clusters


def divide(rows: Vectors, least: int) -> Numbers:
    """The group of each row (n,), from 0; every group has `least` rows, or there is but one."""
    most = min(len(rows) // max(least, 1), _GROUPS)
    if most < 2:
        return np.zeros(len(rows), dtype=np.int64)
    some = sample(rows, _SEED, _LOOKED_AT)
    best, level = 1, 0.0  # one group, unless others lie apart
    for count in _tried(most):
        groups = nearest(some, moved(some, count, seed=_SEED, starts=2))
        if (
            len(np.unique(groups)) > 1
            and (apart := float(silhouettes(some, groups).mean())) > level
        ):
            best, level = count, apart
    points = k_means(rows, best, _SEED)
    while True:
        groups = nearest(rows, points)
        sizes = np.bincount(groups, minlength=len(points))
        if sizes.min() >= least or len(points) == 1:
            return groups
        points = np.delete(points, sizes.argmin(), axis=0)


def _tried(most: int) -> list[int]:
    steps = int(np.log(most / 2) / np.log(_STEP)) + 1
    return sorted({min(most, round(2 * _STEP**step)) for step in range(steps)} | {most})


def _clusters(
    chunks: Sequence[Chunk], rows: Vectors, least: int, before: str
) -> list[dict[str, Any]]:
    """Clusters, largest first, each with the rows that are in it; none of too few chunks."""
    if len(chunks) < max(least, 1):
        return []
    groups = divide(rows, least)
    sizes = np.bincount(groups)
    names = names_of([chunk.text for chunk in chunks], groups, len(sizes))
    found = []
    for place, group in enumerate(np.argsort(-sizes, kind="stable").tolist()):
        own = np.flatnonzero(groups == group)
        central = own[_by_centrality(rows[own])]
        nodes = [chunks[row] for row in central[:NODES].tolist()]
        found.append(
            {
                "cluster_id": f"{before}{place}",
                "cluster_header": names[group],
                "cluster_summary": short(nodes[0].text),
                "total_number_of_nodes": len(own),
                "files": dict(Counter(_file(chunks[row]) for row in own.tolist())),
                "nodes": [{"text": node.text, "filename": _file(node)} for node in nodes],
                "rows": own.tolist(),
            }
        )
    return found


def _by_centrality(rows: Vectors) -> Numbers:
    """Places of the rows, that nearest to their mean first."""
    return np.asarray(np.argsort(-(rows @ rows.mean(axis=0)), kind="stable"), dtype=np.int64)


def _axes(rows: Vectors) -> Vectors:
    """The two directions (d, 2) in which the rows lie farthest apart."""
    some = sample(rows, _SEED).astype(np.float64)
    if not len(some):
        return np.zeros((rows.shape[1], 2), dtype=np.float32)
    apart = some - some.mean(axis=0)
    _, directions = np.linalg.eigh(apart.T @ apart)
    return np.ascontiguousarray(directions[:, :-3:-1], dtype=np.float32)


def _where(asked: Mapping[str, Any]) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if asked["files"]:
        where["in"] = asked["files"]
    if asked["prefix"]:
        where |= {"gte": asked["prefix"], "lt": asked["prefix"] + "\U0010ffff"}
    return {FILENAME: where} if where else {}


def _without_rows(told: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in told.items() if name != "rows"}


def _file(chunk: Chunk) -> str:
    return str(chunk.metadata.get(FILENAME, chunk.document))

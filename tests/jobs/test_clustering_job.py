"""Chunks in clusters: how many, how large at least, what they are called, which are central."""

import json
from contextlib import closing

import numpy as np
import pytest

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.errors import DataError
from tunewise.jobs.clustered import file_of, found
from tunewise.jobs.clustering import divide, run
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import place_of
from tunewise.testing import WordHashEncoder

THEMES = {
    "fruit": ("apples", "pears", "plums", "cherries"),
    "tools": ("hammers", "saws", "drills", "pliers"),
}


def blobs(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.concatenate([
        np.eye(16)[place] + 0.02 * rng.normal(size=(size, 16)) for place, size in enumerate(sizes)
    ])  # fmt: skip
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_rows_that_lie_apart_are_groups_and_small_ones_are_dissolved():
    groups = divide(blobs(30, 30, 30), 10)
    assert [len(set(groups[start : start + 30])) for start in (0, 30, 60)] == [1, 1, 1]
    assert len(set(groups)) == 3
    groups = divide(blobs(40, 40, 4), 10)
    assert [len(set(groups[start : start + 40])) for start in (0, 40)] == [1, 1]
    assert set(groups) == {0, 1}
    assert set(divide(blobs(30, 30), 40)) == {0}
    assert len(divide(blobs(3), 5)) == 3


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = Home(tmp_path_factory.mktemp("home"))
    encoder = WordHashEncoder()
    with closing(open_store(str(made.collections))) as store:
        shop = Collection.create(store, "shop", encoder)
        chunks = [
            Chunk(f"{theme}/{kind}-{n}#0", f"{theme}/{kind}-{n}",
                  f"{theme} {theme} {theme} for sale: {kind} {kind} of number {n}", 0, 9, 0, 1, "",
                  {"filename": f"{theme}/{kind}.txt"})
            for theme, kinds in THEMES.items() for kind in kinds
            for n in range(10 if theme == "fruit" else 8)
        ]  # fmt: skip
        shop.add(chunks)
    return made


def cluster(home, **asked):
    usual = {"bucket": "shop", "files": None, "prefix": None, "least": 20, "least_within": 4}
    whole = {**usual, **asked}
    with closing(Queue(home.jobs)) as queue:
        job = queue.add("cluster", whole)
        told = run(whole, place_of(home, job.id, queue))
    return told, found(home, job.id), file_of(home, job.id)


def test_a_buckets_themes_are_clusters_with_their_kinds_within(home):
    told, clusters, path = cluster(home)
    assert told == {"chunks": 72, "clusters": 2}
    assert [each["total_number_of_nodes"] for each in clusters] == [40, 32]
    assert [each["cluster_id"] for each in clusters] == ["0", "1"]
    assert ["fruit" in clusters[0]["cluster_header"], "tools" in clusters[1]["cluster_header"]] == [
        True, True,
    ]  # fmt: skip
    for theme, each in zip(THEMES, clusters, strict=True):
        assert {node["filename"].split("/")[0] for node in each["nodes"]} == {theme}
        kinds = {inner["cluster_header"] for inner in each["subclusters"]}
        assert len(kinds) == 4
        assert all(any(kind in name for name in kinds) for kind in THEMES[theme])
        assert each["subclusters"][0]["cluster_id"].startswith(f"{each['cluster_id']}.")
        assert each["cluster_summary"] == each["nodes"][0]["text"]
    assert json.loads(path.read_text())["clusters"] == clusters


def test_central_chunks_come_first(home):
    _, [fruit, _], _ = cluster(home)
    rows = WordHashEncoder().encode_documents([node["text"] for node in fruit["nodes"]])
    centrality = rows @ rows.mean(axis=0)
    assert np.all(np.diff(centrality) <= 1e-6)


def test_files_and_prefixes_choose_chunks(home):
    told, clusters, _ = cluster(home, prefix="tools/", least=5)
    assert told["chunks"] == 32
    assert all(node["filename"].startswith("tools/") for node in clusters[0]["nodes"])
    names = {"fruit/plums.txt", "tools/saws.txt"}
    told, clusters, _ = cluster(home, files=sorted(names), least=5)
    assert told["chunks"] == 18
    assert {node["filename"] for each in clusters for node in each["nodes"]} == names


def test_too_few_chunks_are_no_cluster_and_no_bucket_is_the_users_mistake(home):
    told, clusters, _ = cluster(home, files=["fruit/plums.txt"], least=25)
    assert (told, clusters) == ({"chunks": 10, "clusters": 0}, [])
    with pytest.raises(DataError, match="no collection 'none'"):
        cluster(home, bucket="none")

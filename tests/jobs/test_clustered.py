"""What clustering found goes with the texts it is made of, whichever of them is there first."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.errors import AbsentError, DataError
from tunewise.jobs.clustered import drop, file_of, forget, found, leave_out, sweep
from tunewise.jobs.clustering import run
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import place_of
from tunewise.testing import WordHashEncoder

KINDS = ("apples", "pears")


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    with closing(open_store(str(made.collections))) as store:
        for bucket in ("shop", "yard"):
            chunks = [
                Chunk(f"{kind}-{n}#0", f"{kind}-{n}", f"fruit for sale: {kind} {kind} {n}", 0, 9,
                      0, 1, "", {"filename": f"{kind}.txt"})
                for kind in KINDS for n in range(6)
            ]  # fmt: skip
            Collection.create(store, bucket, WordHashEncoder()).add(chunks)
    return made


@pytest.fixture
def queue(home):
    with closing(Queue(home.jobs)) as made:
        yield made


def cluster(home, queue, bucket="shop", at_clustering=lambda job: None, least=8):
    asked = {"bucket": bucket, "files": None, "prefix": None, "least": least, "least_within": 5}
    job = queue.add("cluster", asked)

    def progress(what, done, total):
        if what == "clustering":
            at_clustering(job)

    told = run(asked, replace(place_of(home, job.id, queue), progress=progress))
    return told, job.id


def delete(home, kind):
    with closing(open_store(str(home.collections))) as store:
        Collection.open(store, "shop").delete(where={"filename": f"{kind}.txt"})


def test_a_file_is_left_out_of_nodes_names_and_counts(home, queue):
    _, job = cluster(home, queue)
    _, other = cluster(home, queue, "yard")
    before = file_of(home, other).read_text()
    [told] = found(home, job)
    assert (told["total_number_of_nodes"], len(told["subclusters"])) == (12, 2)
    assert leave_out(home, queue, "shop", "apples.txt") == 1
    assert leave_out(home, queue, "shop", "apples.txt") == 0
    [told] = found(home, job)
    assert told["total_number_of_nodes"] == len(told["nodes"]) == 6
    assert {node["filename"] for node in told["nodes"]} == {"pears.txt"}
    assert told["cluster_summary"] == told["nodes"][0]["text"]
    assert [each["cluster_header"].split(", ")[0] for each in told["subclusters"]] == ["pears"]
    assert "apples" not in file_of(home, job).read_text()
    assert leave_out(home, queue, "shop", "pears.txt") == 1
    assert found(home, job) == []
    assert file_of(home, other).read_text() == before


def test_what_was_kept_before_files_were_counted_can_be_left_out_too(home, queue):
    _, job = cluster(home, queue)
    old = json.loads(file_of(home, job).read_text())
    for each in (old["clusters"][0], *old["clusters"][0]["subclusters"]):
        del each["files"]
    file_of(home, job).write_text(json.dumps(old))
    assert leave_out(home, queue, "shop", "apples.txt") == 1
    assert found(home, job)[0]["total_number_of_nodes"] == 6


def test_what_was_found_in_a_bucket_is_dropped_and_no_other(home, queue):
    _, job = cluster(home, queue)
    _, other = cluster(home, queue, "yard")
    assert drop(home, queue, "shop") == 1
    with pytest.raises(AbsentError, match="were deleted"):
        found(home, job)
    assert found(home, other)


def test_what_is_deleted_while_it_is_clustered_is_in_no_cluster(home, queue):
    calls = []

    def once(_):
        calls.append(1)
        if len(calls) == 1:
            delete(home, "apples")

    told, job = cluster(home, queue, at_clustering=once, least=5)
    assert (told["chunks"], len(calls)) == (6, 2)
    [found_now] = found(home, job)
    assert {node["filename"] for node in found_now["nodes"]} == {"pears.txt"}


def test_a_bucket_that_changes_all_the_while_is_told(home, queue):
    with pytest.raises(DataError, match="all the while"):
        cluster(home, queue, at_clustering=lambda _: rewrite(home))
    assert not list(home.clusters.glob("*"))


def rewrite(home, turn=iter(range(100))):  # noqa: B008 - one for all calls
    with closing(open_store(str(home.collections))) as store:
        chunk = Chunk("pears-0#0", "pears-0", "pears", 0, 5, 0, 1, "", {"filename": "pears.txt"})
        collection = Collection.open(store, "shop", WordHashEncoder())
        collection.replace([chunk], documents={"pears-0": str(next(turn))})


def test_where_embeddings_are_gone_no_place_and_no_other_bucket_is_told(home, queue):
    with pytest.raises(DataError, match="no collection 'loft'") as told:
        cluster(home, queue, "loft")
    assert not any(word in str(told.value) for word in ("shop", "yard", str(home.folder)))


def test_a_job_that_was_deleted_keeps_nothing(home, queue):
    def gone(job):
        queue.delete(job.id)
        forget(home, "shop", job.id)

    with pytest.raises(AbsentError):
        cluster(home, queue, at_clustering=gone)
    assert not list(home.clusters.glob("*"))


def test_what_killed_and_deleted_jobs_left_is_swept(home, queue):
    _, job = cluster(home, queue)
    _, gone = cluster(home, queue)
    _, cancelled = cluster(home, queue)
    queue.delete(gone)
    queue.cancel(cancelled)
    (home.clusters / f".{job}.json.0badcafe").write_text("half")
    assert sweep(home, queue) == 3
    assert [path.name for path in home.clusters.iterdir()] == [f"{job}.json"]
    assert sweep(Home(home.folder / "new"), queue) == 0

"""A file of a bucket deleted with all that was made of it: whole, cut off, while it is embedded."""

import threading
import time
from contextlib import closing

import httpx
import pytest
from running import running

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.errors import StoreError
from tunewise.jobs.clustered import file_of
from tunewise.jobs.clustering import run
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import place_of
from tunewise.objects import Objects
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

ENCODER = WordHashEncoder()
FILE = "/v2/storage/buckets/pets/cats.txt"


def chunk(number):
    told = {"filename": "cats.txt", "checksum": "c" * 64}
    return Chunk(
        f"cats.txt#{number}", "cats.txt", "Cats sleep all day.", 0, 19, number, 9, "", told
    )


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    with closing(open_store(str(made.collections))) as store:
        Collection.create(store, "pets", ENCODER).add([chunk(0)])
    return made


@pytest.fixture
def client(home):
    model = Model("plain", ENCODER, source="word-hash")
    with running(model, home=home) as url, httpx.Client(base_url=url, timeout=60) as made:
        assert made.put(FILE, content=b"Cats sleep all day.").is_success
        yield made


def found(client):
    asked = {"bucket_name": "pets", "query": "cats"}
    return len(client.post("/v2/ai/embeddings/similarity-search", json=asked).json()["data"])


def listed(client):
    return [each["name"] for each in client.get("/v2/storage/buckets/pets").json()["data"]]


def test_a_deletion_that_is_cut_off_leaves_the_file_to_be_deleted_again(client, monkeypatch):
    def cut_off(*_):
        raise StoreError("gone wrong")

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "delete", cut_off)
        assert client.delete(FILE).status_code == 503
    assert (found(client), listed(client)) == (0, ["cats.txt"])
    assert client.delete(FILE).status_code == 204
    assert listed(client) == []
    assert client.delete(FILE).status_code == 404


def test_chunks_of_a_file_that_is_gone_are_deleted_by_its_name(client, home):
    with closing(Objects(home.objects)) as objects:
        objects.delete("pets", "cats.txt")
    assert (found(client), listed(client)) == (1, [])
    assert client.delete(FILE).status_code == 204
    assert found(client) == 0
    assert client.delete(FILE).status_code == 404


def test_what_is_embedded_of_a_file_while_it_is_deleted_goes_with_it(client, home, monkeypatch):
    gone = Objects.delete

    def embedded_meanwhile(*told):
        with closing(open_store(str(home.collections))) as store:
            Collection.open(store, "pets", ENCODER).upsert([chunk(n) for n in range(9)])
        gone(*told)

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "delete", embedded_meanwhile)
        assert client.delete(FILE).status_code == 204
    assert found(client) == 0


def test_a_write_that_began_before_the_file_was_gone_is_waited_for(client, home, monkeypatch):
    gone, begun, writers = Objects.delete, threading.Event(), []

    def slowly(documents):
        begun.set()
        time.sleep(0.3)
        return set(documents)

    def write():
        with closing(open_store(str(home.collections))) as store:
            collection = Collection.open(store, "pets", ENCODER)
            collection.replace([chunk(1)], documents={"cats.txt": "d"}, wanted=slowly)

    def deleted_meanwhile(*told):
        writers.append(threading.Thread(target=write))
        writers[0].start()
        assert begun.wait(20)
        gone(*told)

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "delete", deleted_meanwhile)
        assert client.delete(FILE).status_code == 204
    assert found(client) == 0
    writers[0].join(20)
    assert found(client) == 0


@pytest.fixture
def clustered(client, home):
    """The id of a task that clustered the bucket's cats with a dog."""
    told = {"filename": "dogs.txt", "checksum": "c" * 64}
    dog = Chunk("dogs.txt#0", "dogs.txt", "Dogs bark.", 0, 10, 0, 1, "", told)
    with closing(open_store(str(home.collections))) as store:
        Collection.open(store, "pets", ENCODER).add([dog])
    asked = {"bucket": "pets", "files": None, "prefix": None, "least": 2, "least_within": 1}
    with closing(Queue(home.jobs)) as queue, queue.present() as worker:
        queue.add("cluster", asked)
        job = queue.take(worker)
        queue.finish(job, result=run(job.asked, place_of(home, job.id, queue)))
    return job.id


def test_a_file_that_is_deleted_leaves_the_clusters_it_is_in(client, home, clustered):
    where = f"/v2/ai/clusters/{clustered}"
    assert "Cats" in client.get(where).text
    assert client.delete(FILE).status_code == 204
    [told] = client.get(where).json()["data"]["clusters"]
    assert told["nodes"] == [{"text": "Dogs bark.", "filename": "dogs.txt"}]
    assert "cats" not in file_of(home, clustered).read_text().lower()


def test_clusters_go_with_the_embeddings_of_their_bucket(client, home, clustered):
    assert client.delete("/v2/ai/embeddings/buckets/pets").status_code == 204
    answer = client.get(f"/v2/ai/clusters/{clustered}")
    assert answer.status_code == 404
    assert "were deleted" in answer.text
    assert not file_of(home, clustered).exists()

"""All that Telnyx's published client does with a bucket, over a socket, with a worker at work."""

import time

import httpx
import pytest
import telnyx
from running import running_app

from tunewise.jobs.home import Home
from tunewise.serving.app import make_app
from tunewise.serving.models import Model, Offer
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow

THEMES = {
    "fruit": ("apples", "pears", "plums"),
    "tools": ("hammers", "saws", "drills"),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home"))
    offer = Offer({"w": Model("w", WordHashEncoder(), source="word-hash")})
    with home.held(), running_app(make_app(offer, home=home, workers=1)) as address:
        yield address


@pytest.fixture(scope="module")
def client(url):
    with telnyx.Telnyx(base_url=f"{url}/v2", api_key="none", max_retries=0) as made:
        yield made


def upload(client, bucket, name, text):
    made = client.storage.buckets.create_presigned_url(name, bucket_name=bucket, body={"ttl": 60})
    assert httpx.put(made.content.presigned_url, content=text.encode()).status_code == 200


def over(look, seconds=90.0):
    """What is looked at, once it is over."""
    end = time.monotonic() + seconds
    while (found := look()).status in ("queued", "processing", "pending", "starting", "running"):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def embedded(client, **asked):
    task = client.ai.embeddings.create(**asked).data
    return over(lambda: client.ai.embeddings.retrieve(task.task_id).data)


@pytest.fixture(scope="module")
def bucket(client):
    """A bucket with files of two themes and one that cannot be read, embedded."""
    for theme, kinds in THEMES.items():
        for kind in kinds:
            rows = [f"{n},{theme} {theme} for sale: {kind} {kind} {n}" for n in range(8)]
            upload(client, "shop", f"{theme}/{kind}.csv", "\n".join(["id,text", *rows]))
    upload(client, "shop", "photo.jpg", "no text")
    task = embedded(client, bucket_name="shop", embedding_model="w", idempotency_key="once")
    assert task.status == "partial_success"
    return "shop"


def test_files_are_embedded_searched_and_told_by_name(client, bucket):
    files = {each.filename: each for each in client.ai.embeddings.buckets.retrieve(bucket).data}
    assert len(files) == 7
    photo = files.pop("photo.jpg")
    assert photo.status == "failure"
    assert "No reader for .jpg" in photo.error_reason
    assert all(each.status == "success" and each.last_embedded_at for each in files.values())
    found = client.ai.embeddings.similarity_search(
        bucket_name=bucket, query="drills", num_of_docs=5
    )
    assert {each.metadata.filename for each in found.data} == {"tools/drills.csv"}
    assert httpx.get(found.data[0].metadata.source).text.startswith("id,text\n")
    assert client.ai.embeddings.buckets.list().data.buckets == [bucket]


def test_its_themes_are_clusters_with_a_picture(client, bucket):
    asked = client.ai.clusters.compute(bucket=bucket, min_cluster_size=10, min_subcluster_size=4)
    name = asked.data.task_id
    told = over(lambda: client.ai.clusters.retrieve(name).data)
    assert told.status == "completed"
    assert [each.total_number_of_nodes for each in told.clusters] == [24, 24]
    assert not told.clusters[0].subclusters
    told = client.ai.clusters.retrieve(name, show_subclusters=True, top_n_nodes=2).data
    assert {len(each.nodes) for each in told.clusters} == {2}
    assert all(len(each.subclusters) == 3 for each in told.clusters)
    [listed] = list(client.ai.clusters.list(page_size=1))
    assert (listed.task_id, listed.status, listed.min_cluster_size) == (name, "completed", 10)
    image = client.ai.clusters.fetch_graph(name)
    assert image.headers["content-type"] == "image/svg+xml"
    assert image.read().count(b"<circle") == 48
    assert client.ai.clusters.fetch_graph(name, cluster_id=1).read().count(b"<circle") == 24
    with pytest.raises(telnyx.NotFoundError):
        client.ai.clusters.fetch_graph(name, cluster_id=2)
    client.ai.clusters.delete(name)
    with pytest.raises(telnyx.NotFoundError):
        client.ai.clusters.retrieve(name)


def test_it_is_a_source_of_a_collection(client, bucket):
    source = {"source_type": "bucket", "bucket_id": bucket}
    shelf = client.ai.collections.create(name="Shop", sources=[source]).data
    found = client.ai.knowledge.collections.retrieve_documents(
        shelf.slug, query="pears", filter={"filename": {"contains": "fruit/"}}, top_k=4
    )
    assert {each.metadata["filename"] for each in found.data} == {"fruit/pears.csv"}
    client.ai.collections.delete(shelf.uuid)


def test_a_bucket_deleted_while_it_is_embedded_is_gone_and_can_be_embedded_again(client, url):
    rows = [f"{n},word {n} of many" for n in range(4_000)]
    upload(client, "gone", "rows.csv", "\n".join(["id,text", *rows]))
    first, second = (client.ai.embeddings.create(bucket_name="gone").data.task_id for _ in range(2))
    while client.ai.embeddings.retrieve(first).data.status == "queued":
        time.sleep(0.02)
    client.ai.embeddings.buckets.delete("gone")
    assert client.ai.embeddings.retrieve(first).data.status in ("failure", "success")
    assert client.ai.embeddings.retrieve(second).data.status == "failure"
    assert "gone" not in client.ai.embeddings.buckets.list().data.buckets
    asked = {"bucket_name": "gone", "query": "word"}
    answer = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)
    assert answer.status_code == 404
    assert embedded(client, bucket_name="gone").status == "success"
    search = client.ai.embeddings.similarity_search
    [found] = search(bucket_name="gone", query="3999", extra_body={"by": "words"}).data
    assert found.document_chunk == "word 3999 of many"
    client.ai.embeddings.buckets.delete("gone")

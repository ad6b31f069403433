"""Embeddings that are removed, or made anew, while they are searched, listed or deleted from."""

from contextlib import closing

import httpx
import pytest
from running import running

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.jobs.home import Home
from tunewise.serving.collections import Collections
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

ENCODER, OTHER = WordHashEncoder(), WordHashEncoder(32)
SEARCH = "/v2/ai/embeddings/similarity-search"
SHELF = "/v2/ai/knowledge/collections/both/documents"


def fill(home, name, encoder=ENCODER):
    told = {"filename": f"{name}.txt", "checksum": "c" * 64}
    chunks = [
        Chunk(f"{name}#{number}", name, f"{name} sleep", 0, 10, number, 3, "", told)
        for number in range(3)
    ]
    with closing(open_store(str(home.collections))) as store:
        Collection.create(store, name, encoder).add(chunks)


def remove(home, name):
    with closing(open_store(str(home.collections))) as store:
        Collection.open(store, name).remove()


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    for name in ("cats", "dogs"):
        fill(made, name)
    return made


@pytest.fixture
def client(home):
    models = Model("m", ENCODER), Model("n", OTHER)
    with running(*models, home=home) as url, httpx.Client(base_url=url, timeout=60) as made:
        sources = [{"source_type": "bucket", "bucket_id": name} for name in ("cats", "dogs")]
        shelf = {"name": "both", "slug": "both", "sources": sources}
        assert made.post("/v2/ai/collections", json=shelf).is_success
        yield made


@pytest.fixture
def after(monkeypatch):
    """Has something done once, as soon as a method has given what it gives."""

    def arranged(owner, name, act):
        called, waiting = getattr(owner, name), [act]

        def then(*told, **named):
            found = called(*told, **named)
            if waiting:
                waiting.pop()()
            return found

        monkeypatch.setattr(owner, name, then)

    return arranged


def search(client, by="vectors"):
    return client.post(SEARCH, json={"bucket_name": "cats", "query": "cats", "by": by})


def told(answer):
    assert answer.status_code == 200, answer.text
    return sorted(each["id"] for each in answer.json()["data"])


@pytest.mark.parametrize("by", ["vectors", "words", "hybrid"])
@pytest.mark.parametrize("known", [False, True])
def test_a_search_whose_table_goes_is_told_that_there_is_none(client, home, after, by, known):
    if known:
        assert search(client, by).status_code == 200
    after(Collection, "about", lambda: remove(home, "cats"))
    answer = search(client, by)
    assert answer.status_code == 404, answer.text
    assert answer.json()["errors"][0]["code"] == "collection_not_found"
    assert str(home.folder) not in answer.text


@pytest.mark.parametrize(("encoder", "model"), [(ENCODER, "m"), (OTHER, "n")])
def test_a_search_whose_table_is_made_anew_finds_what_is_there_now(
    client, home, after, encoder, model
):
    def anew():
        remove(home, "cats")
        fill(home, "cats", encoder)

    assert search(client).status_code == 200
    after(Collection, "about", anew)
    answer = search(client)
    assert answer.status_code == 200, answer.text
    assert [each["metadata"]["embedding"] for each in answer.json()["data"]] == [model] * 3


@pytest.mark.parametrize("asked", [{}, {"query": "cats"}, {"filter[record_id]": "dogs"}])
@pytest.mark.parametrize(("owner", "name"), [(Collections, "names"), (Collection, "about")])
def test_a_shelf_goes_on_without_the_bucket_whose_embeddings_go(
    client, home, after, owner, name, asked
):
    after(owner, name, lambda: remove(home, "cats"))
    assert told(client.get(SHELF, params=asked)) == ["dogs#0", "dogs#1", "dogs#2"]


def test_a_shelf_whose_last_embeddings_go_is_empty(client, home, after):
    remove(home, "dogs")
    after(Collections, "names", lambda: remove(home, "cats"))
    assert told(client.get(SHELF, params={"filter[filename]": "cats.txt"})) == []
    assert told(client.get(SHELF)) == []


def test_a_file_is_deleted_whose_chunks_went_meanwhile(client, home, after):
    path = "/v2/storage/buckets/cats/cats.txt"
    assert client.put(path, content=b"cats sleep").is_success
    after(Collection, "about", lambda: remove(home, "cats"))
    assert client.delete(path).status_code == 204
    assert client.get("/v2/storage/buckets/cats").json()["data"] == []


def test_embeddings_that_somebody_else_removes_as_well_are_removed(client, home, after):
    after(Collections, "there", lambda: remove(home, "cats"))
    assert client.delete("/v2/ai/embeddings/buckets/cats").is_success
    assert client.delete("/v2/ai/embeddings/buckets/cats").status_code == 404


def test_a_page_of_a_shelf_may_lie_across_its_buckets(client):
    def page(number, size):
        asked = {"page[number]": number, "page[size]": size}
        answer = client.get(SHELF, params=asked).json()
        assert answer["meta"]["total_results"] == 6
        return [each["id"] for each in answer["data"]]

    every = [f"{name}#{number}" for name in ("cats", "dogs") for number in range(3)]
    assert [page(number, 2) for number in (1, 2, 3, 4)] == [every[:2], every[2:4], every[4:], []]
    assert page(1, 6) == every
    assert [page(number, 4) for number in (1, 2)] == [every[:4], every[4:]]

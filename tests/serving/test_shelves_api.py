"""Buckets searched together, as Telnyx's client asks for AI collections and their documents."""

from contextlib import closing

import httpx
import pytest
import telnyx
from running import running

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.jobs.home import Home
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow

ENCODER = WordHashEncoder()
TEXTS = {
    "manuals": ["The kettle boils water.", "The ladder has nine steps.", "Kettles are cleaned."],
    "letters": ["My kettle leaks.", "Thank you for the ladder."],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = Home(tmp_path_factory.mktemp("home"))
    with closing(open_store(str(made.collections))) as store:
        for bucket, texts in TEXTS.items():
            collection = Collection.create(store, bucket, ENCODER)
            for number, text in enumerate(texts):
                about = {"filename": f"{number}.txt", "year": 2020 + number,
                         "uploaded_at": f"202{number}-01-01T00:00:00.000+00:00"}  # fmt: skip
                chunk = Chunk(f"{number}#0", f"{number}", text, 0, len(text), 0, 1, "", about)
                collection.replace([chunk], documents={f"{number}": "1"})
        Collection.create(store, "odd", WordHashEncoder(32))
    return made


@pytest.fixture(scope="module")
def url(home):
    with running(Model("m", ENCODER), Model("n", WordHashEncoder(32)), home=home) as address:
        yield address


@pytest.fixture
def client(url):
    with telnyx.Telnyx(base_url=f"{url}/v2", api_key="none", max_retries=0) as made:
        yield made
        for each in made.ai.collections.list():
            made.ai.collections.delete(each.uuid)


def bucket(name):
    return {"source_type": "bucket", "bucket_id": name}


def documents(client, slug, **asked):
    return client.ai.knowledge.collections.retrieve_documents(slug, **asked)


def both(client):
    return client.ai.collections.create(name="All", sources=[bucket(each) for each in TEXTS]).data


def test_a_collection_is_made_found_changed_and_deleted(client):
    made = client.ai.collections.create(name="Our Manuals!", description="of all").data
    assert (made.slug, made.status, made.record_type) == ("our-manuals", "active", "ai_collection")
    assert made.settings.retrieval.to_dict() == {"retrieval_type": "vector", "top_k": 10}
    assert client.ai.collections.retrieve("our-manuals").data == made
    assert client.ai.collections.retrieve_by_id(made.uuid).data == made
    changed = client.ai.collections.update(made.uuid, name="Other").data
    assert (changed.name, changed.slug, changed.description) == ("Other", "our-manuals", "of all")
    again = client.ai.collections.create(name="our manuals").data
    assert again.slug == "our-manuals-2"
    with pytest.raises(telnyx.BadRequestError, match="already"):
        client.ai.collections.create(name="x", slug="our-manuals")
    assert [each.uuid for each in client.ai.collections.list(page_size=1)] == [
        again.uuid, made.uuid,
    ]  # fmt: skip
    client.ai.collections.delete(made.uuid)
    with pytest.raises(telnyx.NotFoundError):
        client.ai.collections.retrieve_by_id(made.uuid)
    assert client.ai.collections.create(name="x", slug="our-manuals").data.slug == "our-manuals"


def test_sources_and_settings_are_kept_replaced_and_removed(client):
    uuid = client.ai.collections.create(name="c", sources=[bucket("manuals")]).data.uuid
    sources = client.ai.collections.sources
    [first] = sources.list(uuid).data
    assert (first.bucket_id, first.status, first.collection_id) == ("manuals", "embedded", uuid)
    added = sources.create(uuid, **bucket("later")).data
    assert added.status == "pending"
    assert sources.create(uuid, **bucket("later")).data.id == added.id
    replaced = sources.replace(uuid, sources=[bucket("manuals"), bucket("letters")])
    [_, letters] = replaced.data
    assert replaced.meta.to_dict() == {
        "added": [letters.id], "retained": [first.id], "removed": [added.id],
    }  # fmt: skip
    sources.delete(first.id, uuid=uuid)
    assert [each.bucket_id for each in sources.list(uuid).data] == ["letters"]
    with pytest.raises(telnyx.NotFoundError):
        sources.delete(first.id, uuid=uuid)
    with pytest.raises(telnyx.UnprocessableEntityError, match="unsupported_source_type"):
        sources.create(uuid, source_type="voice")
    settings = client.ai.collections.settings
    settings.patch_all(uuid, retrieval={"retrieval_type": "hybrid"})
    settings.patch_all(uuid, retrieval={"top_k": 3})
    assert settings.list(uuid).data.retrieval.to_dict() == {"retrieval_type": "hybrid", "top_k": 3}
    put = settings.create(uuid, retrieval={"top_k": 5}).data.retrieval
    assert (put.retrieval_type, put.top_k) == ("vector", 5)
    with pytest.raises(telnyx.BadRequestError):
        settings.patch_all(uuid, retrieval={"top_k": 51})


def test_buckets_are_searched_together_best_first(client):
    shelf = both(client)
    found = documents(client, shelf.slug, query="kettle leaks", top_k=3)
    assert found.data[0].text == "My kettle leaks."
    assert found.data[0].metadata["bucket_id"] == "letters"
    scores = [each.score for each in found.data]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 3
    assert (found.meta.retrieval_type, found.meta.total_results) == ("vector", 3)
    second = documents(client, shelf.slug, query="kettle leaks", page_number=2, page_size=2)
    assert second.data[0].id == documents(client, shelf.slug, query="kettle leaks").data[2].id
    words = documents(client, shelf.slug, query="kettle", retrieval_type="keyword")
    assert {each.text for each in words.data} == {"The kettle boils water.", "My kettle leaks."}
    assert words.meta.retrieval_type == "keyword"
    hybrid = documents(client, shelf.slug, query="kettle leaks", retrieval_type="hybrid")
    assert hybrid.data[0].text in ("My kettle leaks.", "The kettle boils water.")


def test_without_a_query_all_documents_are_listed_by_pages(client):
    shelf = both(client)
    pages = [documents(client, shelf.slug, page_number=n, page_size=2) for n in (1, 2, 3, 4)]
    texts = [each.text for page in pages for each in page.data]
    assert texts == [*TEXTS["manuals"], *TEXTS["letters"]]
    assert [len(page.data) for page in pages] == [2, 2, 1, 0]
    meta = pages[0].meta
    assert (meta.total_results, meta.total_pages, meta.searched_sources) == (5, 3, ["bucket"])
    assert pages[0].data[0].score == 0.0


@pytest.mark.parametrize(
    ("chosen", "texts"),
    [
        ({"year": {"gte": 2021}, "metadata.filename": {"eq": "1.txt"}},
         {TEXTS["manuals"][1], TEXTS["letters"][1]}),
        ({"record_id": {"in": ["2", "9"]}}, {TEXTS["manuals"][2]}),
        ({"record_created_at": {"lt": "2021-01-01"}}, {TEXTS["manuals"][0], TEXTS["letters"][0]}),
        ({"filename": {"contains": "2"}}, {TEXTS["manuals"][2]}),
        ({"record_type": {"eq": "voice"}}, set()),
        ({"record_type": {"in": ["voice", "bucket"]}, "year": {"gte": 2021, "lt": 2022}},
         {TEXTS["manuals"][1], TEXTS["letters"][1]}),
        ({"bucket_id": {"eq": "letters"}}, set(TEXTS["letters"])),
        ({"metadata.bucket_id": {"in": ["letters", "none"]}}, set(TEXTS["letters"])),
        ({"bucket_id": {"eq": "none"}}, set()),
        ({"record_type": {"eq": "bucket"}, "year": {"eq": 2022}}, {TEXTS["manuals"][2]}),
    ],
)  # fmt: skip
def test_documents_can_be_filtered_by_their_fields(client, chosen, texts):
    shelf = both(client)
    assert {each.text for each in documents(client, shelf.slug, filter=chosen).data} == texts
    found = documents(client, shelf.slug, filter=chosen, query="kettle")
    assert {each.text for each in found.data} == texts


@pytest.mark.parametrize(
    "query",
    ["filter[none][eq]=1", "filter[year][eq]=x", "filter[year][like]=1", "filter[year=1",
     "filter[user_id][eq]=1", "filter[record_type][contains]=buck", "filter[bucket_id][gte]=a",
     "query=%20", "page[number]=0", "page[number]=9999", "top_k=51", "query="],
)  # fmt: skip
def test_what_cannot_be_asked_of_documents_is_refused(client, url, query):
    shelf = both(client)
    answer = httpx.get(f"{url}/v2/ai/knowledge/collections/{shelf.slug}/documents?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("query", "twice"),
    [
        ("filter[year][gte]=2010&filter[year][gte]=2000", "filter[year][gte]"),
        ("filter[filename]=0.txt&filter[filename]=1.txt", "filter[filename]"),
        ("filter[filename]=0.txt&filter[metadata.filename][eq]=1.txt",
         "filter[metadata.filename][eq]"),
        ("filter[record_id]=0&filter[record_id]=1", "filter[record_id]"),
        ("filter[record_type]=voice&filter[record_type]=bucket", "filter[record_type]"),
    ],
)  # fmt: skip
def test_a_filter_that_is_given_twice_is_refused_by_its_name(client, url, query, twice):
    shelf = both(client)
    answer = httpx.get(f"{url}/v2/ai/knowledge/collections/{shelf.slug}/documents?{query}")
    assert answer.status_code == 400
    told = answer.json()["errors"][0]["detail"]
    assert f"'{twice}' is given twice" in told
    assert f"{twice.removesuffix('[eq]').removesuffix('[gte]')}[in]=" in told


def test_spaces_of_two_models_are_not_mixed(client):
    sources = [bucket("manuals"), bucket("odd")]
    shelf = client.ai.collections.create(name="mixed", sources=sources).data
    with pytest.raises(telnyx.UnprocessableEntityError, match="different models"):
        documents(client, shelf.slug, query="kettle")
    assert documents(client, shelf.slug, query="kettle", retrieval_type="keyword").data


def test_a_collection_of_what_is_not_embedded_holds_nothing(client):
    shelf = client.ai.collections.create(name="later", sources=[bucket("later")]).data
    assert documents(client, shelf.slug, query="kettle").data == []
    assert documents(client, shelf.slug).data == []
    with pytest.raises(telnyx.NotFoundError):
        documents(client, "none")


def test_a_key_sees_collections_all_of_whose_buckets_it_is_for(tmp_path):
    keys, home = KeyFile(tmp_path / "keys.json"), Home(tmp_path / "home")
    _, whole = keys.create("", ["write", "search"])
    _, part = keys.create("", ["write", "search"], collections=["manuals"])
    with running(Model("m", ENCODER), home=home, keys=keys) as url:

        def ask(method, path, secret, **rest):
            headers = {"authorization": f"Bearer {secret}"}
            return httpx.request(method, f"{url}/v2/ai{path}", headers=headers, **rest)

        asked = {"name": "all", "sources": [bucket("manuals"), bucket("letters")]}
        made = ask("POST", "/collections", whole, json=asked).json()["data"]
        for method, path in (
            ("GET", f"/collections/{made['uuid']}"),
            ("GET", "/collections/slug/all"),
            ("PATCH", f"/collections/{made['uuid']}"),
            ("DELETE", f"/collections/{made['uuid']}"),
            ("GET", f"/collections/{made['uuid']}/sources"),
            ("PUT", f"/collections/{made['uuid']}/settings"),
            ("GET", "/knowledge/collections/all/documents?query=a"),
        ):
            body = {"json": {}} if method in ("PATCH", "PUT") else {}
            assert ask(method, path, part, **body).status_code == 403, (method, path)
        assert ask("GET", "/collections", part).json()["data"] == []
        assert len(ask("GET", "/collections", whole).json()["data"]) == 1

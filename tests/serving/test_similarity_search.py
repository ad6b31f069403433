"""A bucket's chunks searched by Telnyx's published client, and the log of what was asked."""

import json
from contextlib import closing

import httpx
import numpy as np
import pytest
import telnyx
from running import running

from tunewise.collection import Collection, open_store
from tunewise.collection.reembedding import reembed
from tunewise.collection.retrieval import Retrieval
from tunewise.documents import Chunk
from tunewise.jobs.home import Home
from tunewise.querylog import QueryLog
from tunewise.serving.collections import encoder_of
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.serving.service import Settings
from tunewise.testing import WordHashEncoder
from tunewise.training.adapter import Adapter

ENCODER = WordHashEncoder()
TEXTS = {
    "loans": ("Books are lent for three weeks.", "Loans can be renewed twice."),
    "fines": ("Late books cost ten cents a day.",),
    "rooms": ("Reading rooms open at nine.", "Rooms close at eight.", "Quiet please."),
}
QUERY = "are books lent"
JSON = {"content-type": "application/json"}


def fill(home, name, encoder=ENCODER, documents=TEXTS, **options):
    """A collection of the texts above in a home."""
    with closing(open_store(str(home.collections))) as store:
        made = Collection.create(store, name, encoder, **options)
        for number, (document, texts) in enumerate(documents.items()):
            chunks = [
                Chunk(f"{document}#{place}", document, text, 0, len(text), place, len(texts), "",
                      {"filename": f"{document} 1.txt", "checksum": "c" * 64, "number": number})
                for place, text in enumerate(texts)
            ]  # fmt: skip
            made.replace(chunks, documents={document: "1"})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = Home(tmp_path_factory.mktemp("home"))
    fill(made, "library")
    fill(made, "hybrid", retrieval=Retrieval(by="hybrid"))
    fill(made, "other", WordHashEncoder(32))
    return made


@pytest.fixture(scope="module")
def url(home):
    with running(Model("plain", ENCODER), home=home) as address:
        yield address


@pytest.fixture(scope="module")
def client(url):
    with telnyx.Telnyx(base_url=f"{url}/v2", api_key="none", max_retries=0) as made:
        yield made


def search(client, **asked):
    body = {"bucket_name": "library", "query": QUERY}
    known = {"bucket_name", "query", "num_of_docs"}
    own = {name: asked.pop(name) for name in list(asked) if name not in known}
    return client.ai.embeddings.similarity_search(**{**body, **asked}, extra_body=own).data


def ids(found):
    return [each.metadata.loader_metadata["id"] for each in found]


def refused(url, **asked):
    body = {"bucket_name": "library", "query": QUERY, **asked}
    answer = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=body)
    return answer.status_code, answer.json()["errors"][0]


def test_the_three_nearest_chunks_come_with_distance_and_certainty(client, url):
    found = search(client)
    chunks = [text for texts in TEXTS.values() for text in texts]
    query = ENCODER.encode_queries([QUERY])[0]
    cosines = np.sort(ENCODER.encode_documents(chunks) @ query)[::-1]
    assert np.allclose([each.distance for each in found], 1 - cosines[:3], atol=1e-5)
    best = found[0]
    assert best.document_chunk == "Books are lent for three weeks."
    about = best.metadata
    assert about.certainty == pytest.approx(1 - best.distance / 2, abs=1e-6)
    assert (about.embedding, about.filename, about.checksum) == ("plain", "loans 1.txt", "c" * 64)
    assert about.source == f"{url}/v2/storage/buckets/library/loans%201.txt"
    assert about.loader_metadata["fields"] == {"number": 0}


@pytest.mark.parametrize(
    "said",
    [
        r'{"\ud800": 1}', r'{"filename": "\ud800"}', r'{"filename": {"\ud800": 1}}',
        '{"number": 1%s}' % ("0" * 400), '{"number": {"in": [1, 1%s]}}' % ("0" * 400),
        '{"filename": {"in": ["a"%s]}}' % (', "b"' * 400_000),
    ],
)  # fmt: skip
def test_a_filter_of_what_no_store_can_be_asked_is_the_callers_mistake(url, said):
    body = '{"bucket_name": "library", "query": "a", "filter": ' + said + "}"
    answer = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/queries/%s/feedback", r'{"grades": {"\ud800": 1}}'),
        ("/v1/queries/%s/feedback", r'{"\ud800": 1, "grades": {"a": 1}}'),
        ("/v2/ai/collections", r'{"name": "a", "\udfff": 1}'),
        ("/v1/embeddings", r'{"model": "\ud800", "input": "a"}'),
    ],
)
def test_half_a_character_is_refused_wherever_it_stands(url, path, body):
    asked = {"bucket_name": "library", "query": QUERY}
    query = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)
    path = path.replace("%s", query.headers["tunewise-query"])
    answer = httpx.post(url + path, content=body, headers=JSON)
    assert answer.status_code == 400, answer.text


def test_the_answer_has_telnyxs_fields_and_no_others(url):
    asked = {"bucket_name": "library", "query": QUERY, "num_of_docs": 1}
    [found] = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked).json()["data"]
    assert set(found) == {"document_chunk", "distance", "metadata"}
    assert set(found["metadata"]) == {
        "source", "checksum", "embedding", "filename", "certainty", "loader_metadata",
    }  # fmt: skip


def test_a_search_can_be_filtered_grouped_cut_off_and_by_words(client):
    filtered = search(client, filter={"number": {"gte": 2}}, num_of_docs=9)
    assert sorted(ids(filtered)) == ["rooms#0", "rooms#1", "rooms#2"]
    grouped = search(client, grouped=True, num_of_docs=9)
    assert sorted(name.partition("#")[0] for name in ids(grouped)) == ["fines", "loans", "rooms"]
    assert ids(search(client, threshold=0.5, num_of_docs=9)) == ["loans#0"]
    words = search(client, by="words", query="renewed")
    assert ids(words) == ["loans#1"]
    cosine = ENCODER.encode_queries(["renewed"])[0] @ ENCODER.encode_documents(TEXTS["loans"])[1]
    assert words[0].distance == pytest.approx(1 - cosine, abs=1e-5)
    assert words[0].metadata.loader_metadata["score"] > 0


def test_a_collection_is_searched_as_its_winner_was_unless_told_otherwise(client):
    usual = search(client, bucket_name="hybrid", num_of_docs=9)
    assert ids(usual) == ids(search(client, bucket_name="hybrid", by="hybrid", num_of_docs=9))
    scores = [each.metadata.loader_metadata["score"] for each in usual]
    assert scores == sorted(scores, reverse=True)
    assert any(s != pytest.approx(1 - e.distance) for s, e in zip(scores, usual, strict=True))


@pytest.mark.parametrize(
    ("asked", "status", "code", "pointer"),
    [
        ({"bucket_name": "none"}, 404, "collection_not_found", None),
        ({"bucket_name": "../library"}, 404, "collection_not_found", None),
        ({"bucket_name": "other"}, 422, "model_not_served", None),
        ({"query": ""}, 400, "bad_request", "/query"),
        ({"query": " \n\u3000"}, 400, "bad_request", "/query"),
        ({"query": "a " * 8_193}, 400, "context_length_exceeded", "/query"),
        ({"num_of_docs": 0}, 400, "bad_request", "/num_of_docs"),
        ({"num_of_docs": 201}, 400, "bad_request", "/num_of_docs"),
        ({"filter": {"nothing": 1}}, 400, "bad_request", None),
        ({"filter": {"number": "x"}}, 400, "bad_request", None),
        ({"filter": {"number": {"like": 1}}}, 400, "bad_request", None),
        ({"by": "magic"}, 400, "bad_request", "/by"),
        ({"threshold": "calibrated"}, 400, "bad_request", None),
        ({"rerank": True}, 400, "no_reranker", "/rerank"),
        ({"wrong": 1}, 400, "bad_request", "/wrong"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_reason(url, home, asked, status, code, pointer):
    got, error = refused(url, **asked)
    assert (got, error["code"]) == (status, code)
    assert error.get("source", {}).get("pointer") == pointer
    assert str(home.folder) not in error["detail"]


@pytest.mark.slow
def test_the_servers_cross_encoder_orders_the_best_anew_if_it_is_asked_to(tmp_path, cross_encoder):
    home = Home(tmp_path)
    fill(home, "library", documents={**TEXTS, "rules": ("The official answer is this.",)})
    settings = Settings(rerank=str(cross_encoder))
    with (
        running(Model("m", ENCODER), home=home, settings=settings) as url,
        telnyx.Telnyx(base_url=f"{url}/v2", api_key="none") as client,
    ):
        plain, anew = (search(client, rerank=rerank) for rerank in (False, True))
    assert ids(plain)[0] == "loans#0"
    assert ids(anew)[0] == "rules#0"
    vectors = ENCODER.encode_documents([anew[0].document_chunk, QUERY])
    assert anew[0].distance == pytest.approx(1 - float(vectors[0] @ vectors[1]), abs=1e-5)


def test_words_are_searched_though_the_model_of_the_vectors_is_not_served(client, url):
    [found] = search(client, bucket_name="other", by="words", query="renewed")
    assert (found.distance, found.metadata.certainty) == (None, None)
    assert found.metadata.loader_metadata["id"] == "loans#1"
    assert found.metadata.embedding == "word-hash"
    assert refused(url, bucket_name="other")[0] == 422


def test_what_words_opened_has_distances_once_its_vectors_are_of_a_model_that_is_served(
    home, client
):
    fill(home, "later", WordHashEncoder(32))
    [found] = search(client, bucket_name="later", by="words", query="renewed")
    assert found.distance is None
    with closing(open_store(str(home.collections))) as store:
        reembed(Collection.open(store, "later"), ENCODER)
    [found] = search(client, bucket_name="later", by="words", query="renewed")
    vectors = ENCODER.encode_documents([found.document_chunk, "renewed"])
    assert found.distance == pytest.approx(1 - float(vectors[0] @ vectors[1]), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [64, 32])
@pytest.mark.parametrize("served", [True, False])
def test_no_distance_is_between_two_models_though_another_process_embeds_anew(
    tmp_path, dimension, served
):
    (tmp_path / "maps").write_bytes(b"an adapter's file")
    turned = Adapter(np.roll(np.eye(64, dtype=np.float32), 1, axis=1), None)
    other = Model("other", WordHashEncoder(dimension))
    if dimension == ENCODER.dimension:
        other = Model("other", ENCODER, turned, maps=tmp_path / "maps")
    home = Home(tmp_path / "home")
    fill(home, "library")
    models = [Model("plain", ENCODER), *([other] if served else [])]
    with (
        running(*models, home=home) as url,
        telnyx.Telnyx(base_url=f"{url}/v2", api_key="none", max_retries=0) as client,
    ):
        assert search(client)[0].metadata.embedding == "plain"
        with closing(open_store(str(home.collections))) as store:
            reembed(Collection.open(store, "library"), encoder_of(other))
        [found] = search(client, by="words", query="renewed")
        if not served:
            assert (found.distance, found.metadata.certainty) == (None, None)
            assert refused(url)[1]["code"] == "model_not_served"
        else:
            query = encoder_of(other).encode_queries(["renewed"])[0]
            chunk = encoder_of(other).encode_documents([found.document_chunk])[0]
            assert found.distance == pytest.approx(1 - float(query @ chunk), abs=1e-5)
            assert found.metadata.embedding == "other"


def test_a_model_with_an_adapter_searches_what_it_indexed_and_nothing_else(tmp_path):
    home, maps = Home(tmp_path / "home"), tmp_path / "maps"
    maps.write_bytes(b"an adapter's file")
    turned = Adapter(np.roll(np.eye(64, dtype=np.float32), 1, axis=1), None)
    tuned = Model("tuned", ENCODER, turned, maps=maps)
    fill(home, "mapped", encoder_of(tuned))
    fill(home, "plain", ENCODER)
    with running(tuned, home=home) as url:
        status, error = refused(url, bucket_name="plain")
        assert (status, error["code"]) == (422, "model_not_served")
        body = {"bucket_name": "mapped", "query": TEXTS["fines"][0], "num_of_docs": 1}
        answer = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=body).json()
    vector = ENCODER.encode_documents([TEXTS["fines"][0]])[0]
    turned_query = turned.queries(vector[None])[0]
    expected = max(
        float(turned_query @ each)
        for texts in TEXTS.values()
        for each in turned.documents(ENCODER.encode_documents(texts))
    )
    assert answer["data"][0]["distance"] == pytest.approx(1 - expected, abs=1e-5)


def test_what_is_asked_is_recorded_and_its_text_only_if_the_operator_says_so(tmp_path):
    home = Home(tmp_path)
    fill(home, "library")
    for texts in (False, True):
        with running(Model("m", ENCODER), home=home, settings=Settings(query_texts=texts)) as url:
            asked = {"bucket_name": "library", "query": QUERY}
            answer = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)
            key = answer.headers["tunewise-query"]
            [best, *_] = answer.json()["data"]
            place = f"{url}/v1/queries/{key}/feedback"
            grades = {best["metadata"]["loader_metadata"]["id"]: 2}
            assert httpx.post(place, json={"grades": grades}).status_code == 204
            assert httpx.post(place, json={"grades": {"never": 1}}).status_code == 400
            assert httpx.post(place, json={"grades": {"loans#0": -1}}).status_code == 400
            away = httpx.post(f"{url}/v1/queries/none/feedback", json={"grades": {"a": 1}})
            assert away.json()["error"]["code"] == "query_not_found"
    with closing(QueryLog(home.queries)) as log:
        plain, told = log.read("library")
    assert (plain.words, told.words) == (None, QUERY)
    assert plain.feedback == {"loans#0": 2.0}
    assert plain.found[0][0] == "loans#0"
    assert len(plain.stamp) == 16


def test_a_query_log_that_cannot_be_written_does_not_keep_from_searching(tmp_path, caplog):
    home = Home(tmp_path)
    fill(home, "library")
    with running(Model("m", ENCODER), home=home) as url:
        asked = {"bucket_name": "library", "query": QUERY}
        httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)
        home.queries.write_bytes(b"no database" * 1_000)
        for path in tmp_path.glob("queries.db-*"):
            path.unlink()
        answer = httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 3


def test_a_damaged_store_is_told_without_its_path_and_nothing_fails_inside(tmp_path):
    home = Home(tmp_path)
    fill(home, "library")
    for path in home.collections.rglob("*.lance"):
        if path.is_file():
            path.write_bytes(b"\0" * path.stat().st_size)
    with running(Model("m", ENCODER), home=home) as url:
        status, error = refused(url)
        listed = httpx.get(f"{url}/v2/ai/embeddings/buckets")
    assert (status, error["code"]) == (503, "store_failed")
    assert str(tmp_path) not in json.dumps(error)
    assert (listed.status_code, listed.headers["retry-after"]) == (503, "30")


def test_a_collection_that_is_removed_or_made_anew_is_seen_at_once(tmp_path):
    home = Home(tmp_path)
    fill(home, "library")
    with running(Model("m", ENCODER), Model("n", WordHashEncoder(32)), home=home) as url:
        asked = {"bucket_name": "library", "query": QUERY, "num_of_docs": 1}

        def found():
            return httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)

        assert found().json()["data"][0]["metadata"]["embedding"] == "m"
        with closing(open_store(str(home.collections))) as store:
            Collection.open(store, "library").remove()
        assert found().status_code == 404
        fill(home, "library", WordHashEncoder(32))
        assert found().json()["data"][0]["metadata"]["embedding"] == "n"


def test_what_was_indexed_beside_a_served_winner_is_searched_and_never_written_to(tmp_path):
    winner = tmp_path / "winner"
    served = Model("faq", ENCODER, source=str(winner))
    home = Home(tmp_path / "home")
    with running(served, Model("n", WordHashEncoder(32)), home=home) as url:
        asked = {"bucket_name": "docs", "query": QUERY, "num_of_docs": 1}

        def found():
            return httpx.post(f"{url}/v2/ai/embeddings/similarity-search", json=asked)

        assert found().status_code == 404
        with closing(open_store(str(winner / "collections"))) as store:
            made = Collection.create(store, "docs", ENCODER)
            made.add([Chunk("a#0", "a", "Books are lent.", 0, 15, 0, 1, "", {})])
        assert found().json()["data"][0]["document_chunk"] == "Books are lent."
        assert httpx.delete(f"{url}/v2/ai/embeddings/buckets/docs").status_code == 404
        parted = httpx.post(f"{url}/v2/ai/clusters", json={"bucket": "docs"})
        assert parted.status_code == 404
        assert "clusters, takes buckets only" in parted.json()["errors"][0]["detail"]
        assert found().json()["data"][0]["metadata"]["embedding"] == "faq"
        fill(home, "docs", WordHashEncoder(32))  # the home's own comes first
        assert found().json()["data"][0]["metadata"]["embedding"] == "n"


def test_who_serves_another_model_than_made_the_vectors_is_told_what_can_be_done(tmp_path):
    winner, home = tmp_path / "winner", Home(tmp_path / "home")
    with closing(open_store(str(winner / "collections"))) as store:
        Collection.create(store, "docs", WordHashEncoder(32), source="better")
    fill(home, "bucket", WordHashEncoder(32))
    with running(Model("faq", ENCODER, source=str(winner)), home=home) as url:
        told = {name: refused(url, bucket_name=name)[1]["detail"] for name in ("docs", "bucket")}
    assert "or serve what `tunewise index` embedded it by" in told["docs"]
    assert "delete" not in told["docs"]
    assert "or delete the bucket's embeddings" in told["bucket"]


def test_a_key_searches_only_the_collections_it_is_bound_to(tmp_path):
    home, keys = Home(tmp_path), KeyFile(tmp_path / "keys.json")
    fill(home, "library")
    _, own = keys.create("", ["search"], collections=["library"])
    _, other = keys.create("", ["search"], collections=["letters"])
    asked = {"bucket_name": "library", "query": QUERY}
    with running(Model("m", ENCODER), home=home, keys=keys) as url:

        def ask(path, body, secret):
            headers = {"authorization": f"Bearer {secret}"}
            return httpx.post(f"{url}{path}", json=body, headers=headers)

        search = "/v2/ai/embeddings/similarity-search"
        answer = ask(search, asked, own)
        assert answer.status_code == 200
        refusal = ask(search, asked, other)
        assert refusal.status_code == 403
        assert refusal.json()["errors"][0]["code"] == "insufficient_scope"
        place = f"/v1/queries/{answer.headers['tunewise-query']}/feedback"
        grades = {"grades": {"loans#0": 1}}
        assert ask(place, grades, other).status_code == 404
        assert ask(place, grades, own).status_code == 204

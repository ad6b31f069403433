"""Files put into buckets by Telnyx's client or by hand; embeddings asked for and dropped."""

import time
from contextlib import closing

import httpx
import pytest
import telnyx
from running import running

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.jobs.embedded import Embedded
from tunewise.jobs.home import Home
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.serving.service import Settings
from tunewise.serving.tokens import Tokens
from tunewise.testing import WordHashEncoder

BUCKETS = "/v2/storage/buckets"
TASKS = "/v2/ai/embeddings"
MODEL = Model("m", WordHashEncoder(), source="word-hash")
NAMES = ["a.txt", "../../etc/passwd", "ü #?%2F/..\\b.txt", "presigned_url", "a/b/presigned_url"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def url(home):
    with running(MODEL, home=home, settings=Settings(upload=1_000)) as address:
        yield address


@pytest.fixture(scope="module")
def client(url):
    with telnyx.Telnyx(base_url=f"{url}/v2", api_key="none", max_retries=0) as made:
        yield made


def signed(client, name, bucket="library", **body):
    made = client.storage.buckets.create_presigned_url(name, bucket_name=bucket, body=body)
    return made.content


def code(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_put_and_had_by_a_signed_address(client, home, name):
    content = signed(client, name, bucket="names", ttl=60)
    assert 0 < content.expires_at.timestamp() - time.time() <= 61
    put = httpx.put(content.presigned_url, content=name.encode())
    assert put.json()["data"]["name"] == name
    got = httpx.get(content.presigned_url)
    assert got.content == name.encode()
    assert got.headers["content-disposition"] == "attachment"
    assert got.headers["x-content-type-options"] == "nosniff"
    inside = {path.name for path in home.folder.rglob("*")}
    assert not inside & {"passwd", "a.txt", "b.txt"}  # names are no paths


def test_files_are_listed_replaced_and_deleted(url):
    with httpx.Client(timeout=60, base_url=f"{url}{BUCKETS}") as asking:
        for text in (b"one", b"two!"):
            assert asking.put("/shelf/a.txt", content=text).status_code == 200
        asking.put("/shelf/b.txt", content=b"")
        told = asking.get("/shelf").json()["data"]
        assert [(each["name"], each["size"]) for each in told] == [("a.txt", 4), ("b.txt", 0)]
        assert {"name": "shelf"} in httpx.get(f"{url}{BUCKETS}").json()["data"]
        assert asking.delete("/shelf/a.txt").status_code == 204
        assert code(asking.get("/shelf/a.txt")) == (404, "not_found")
        assert code(asking.delete("/shelf/a.txt")) == (404, "not_found")
        assert asking.get("/none").json() == {"data": []}


def test_a_file_past_the_limit_is_refused_and_nothing_of_it_is_left(client, url, home):
    content = signed(client, "large.txt", bucket="large")
    assert code(httpx.put(content.presigned_url, content=b"x" * 1_001)) == (
        413, "request_too_large",
    )  # fmt: skip
    pieces = (b"x" * 300 for _ in range(4))  # without a length told before
    assert httpx.put(content.presigned_url, content=pieces).status_code == 413
    assert httpx.get(f"{url}{BUCKETS}/large").json() == {"data": []}
    assert httpx.put(content.presigned_url, content=b"x" * 1_000).status_code == 200
    blobs = list((home.objects / "blobs").iterdir())
    assert sum(path.stat().st_size == 1_000 for path in blobs) == 1
    assert not [path for path in blobs if path.stat().st_size in (600, 900, 1_001)]


def test_a_signed_address_is_for_one_file_one_while_and_two_methods(client, url, home):
    content = signed(client, "own.txt", ttl=60)
    other = content.presigned_url.replace("own.txt", "other.txt")
    assert code(httpx.put(other, content=b"x")) == (401, "invalid_token")
    assert code(httpx.put(content.presigned_url[:-1], content=b"x")) == (401, "invalid_token")
    past = Tokens(home.secret, clock=lambda: time.time() - 100)
    token = past.sign({"bucket": "library", "name": "own.txt", "key": ""}, seconds=60)
    late = f"{url}{BUCKETS}/library/own.txt?token={token}"
    assert code(httpx.put(late, content=b"x")) == (401, "invalid_token")
    assert home.secret.stat().st_mode & 0o077 == 0


def test_a_disk_that_is_full_is_told_and_nothing_is_left_of_the_file(tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    home = Home(tmp_path)
    with running(MODEL, home=home) as url:
        place = f"{url}{BUCKETS}/full/a.txt"
        assert httpx.put(place, content=b"before").status_code == 200
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        try:
            answer = httpx.put(place, content=b"x" * 400_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert code(answer) == (507, "insufficient_storage")
        assert str(tmp_path) not in answer.text
        assert httpx.get(place).content == b"before"
    assert [path.read_bytes() for path in (home.objects / "blobs").iterdir()] == [b"before"]


@pytest.mark.parametrize("name", ["a%0Ab.txt", "a.txt%0A", "a%0D%0Ab.txt", "a%0Db.txt"])
def test_a_name_with_a_line_break_is_refused_and_meant_as_no_other(url, name):
    place = f"{url}{BUCKETS}/breaks"
    assert httpx.put(f"{place}/a.txt", content=b"whole").status_code == 200
    for method in ("PUT", "GET", "DELETE"):
        assert code(httpx.request(method, f"{place}/{name}")) == (400, "invalid_name")
    assert code(httpx.post(f"{place}/{name}/presigned_url", json={})) == (400, "invalid_name")
    assert httpx.get(f"{place}/a.txt").content == b"whole"


def test_an_address_is_refused_at_once_where_its_host_was_not_named(tmp_path):
    settings = Settings(hosts=("docs.invalid",))
    with running(MODEL, home=Home(tmp_path), settings=settings) as url:

        def asked(address):
            body = {"bucket_name": "b", "url": address}
            return httpx.post(f"{url}{TASKS}/url", json=body)

        assert asked("https://docs.invalid/a.html").json()["data"]["status"] == "queued"
        for other in ("http://localhost/", "https://docs.invalid:8443/", "https://x.docs.invalid/"):
            answer = asked(other)
            assert code(answer) == (400, "host_not_allowed")
            assert "--fetch-host" in answer.text
        for none in ("file:///etc/passwd", "http://", f"http://docs.invalid:{'9' * 900}/"):
            assert asked(none).status_code == 400


@pytest.mark.parametrize("bucket", ["a.b", "-a", ".files", "a" * 41, "%2E%2E"])
def test_a_bucket_that_cannot_be_called_so_is_refused(url, bucket):
    answer = httpx.put(f"{url}{BUCKETS}/{bucket}/a.txt", content=b"x")
    assert code(answer) == (400, "invalid_bucket_name")


def test_the_same_idempotency_key_is_the_same_task(client):
    httpx.put(signed(client, "a.txt").presigned_url, content=b"apples")
    create = client.ai.embeddings.create
    first = create(bucket_name="library", idempotency_key="one").data
    again = create(bucket_name="library", idempotency_key="one").data
    other = create(bucket_name="library", idempotency_key="two").data
    assert first.task_id == again.task_id != other.task_id
    assert (first.status, first.task_name, first.user_id) == ("queued", "embed library", "local")
    assert (first.model, first.chunks) == ("m", "256 tokens, overlap 32")
    with pytest.raises(telnyx.BadRequestError):
        create(bucket_name="library", document_chunk_size=64, idempotency_key="one")
    sized = create(bucket_name="library", document_chunk_size=64, document_chunk_overlap_size=50)
    assert sized.data.chunks == "64 tokens, overlap 32"  # half is the most, and it is said
    queued = [each.task_id for each in client.ai.embeddings.list().data]
    assert {first.task_id, other.task_id, sized.data.task_id} == set(queued)
    assert client.ai.embeddings.list(status=["success", "failure"]).data == []
    retrieved = client.ai.embeddings.retrieve(first.task_id).data
    assert (retrieved.task_id, retrieved.status) == (first.task_id, "queued")
    [file] = client.ai.embeddings.buckets.retrieve("library").data
    assert (file.filename, file.status, file.last_embedded_at) == ("a.txt", "pending", None)
    client.ai.embeddings.buckets.delete("library")  # nothing is embedded yet: tasks end
    assert client.ai.embeddings.retrieve(first.task_id).data.status == "failure"
    assert client.ai.embeddings.list().data == []


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("", {"bucket_name": "empty"}, (400, "empty_bucket")),
        ("", {"bucket_name": "../a"}, (400, "invalid_bucket_name")),
        ("", {"bucket_name": "shelf", "embedding_model": "none"}, (404, "model_not_found")),
        ("", {"bucket_name": "shelf", "document_chunk_size": 1}, (400, "bad_request")),
        ("", {"bucket_name": "shelf", "loader": "intercom"}, (400, "bad_request")),
        ("/url", {"bucket_name": "shelf", "url": "http://localhost/"}, (400, "host_not_allowed")),
    ],
)
def test_an_embedding_that_cannot_be_is_refused(url, path, body, told):
    answer = httpx.post(f"{url}{TASKS}{path}", json=body)
    assert code(answer) == told
    wrong = [name for name in ("embedding_model", "loader") if name in body]
    if wrong:
        [error] = answer.json()["errors"]
        assert error["source"]["pointer"] == f"/{wrong[0]}"
        assert "Intercom" in error["detail"] or "loader" not in wrong


def test_what_is_not_there_is_said_not_to_be(url):
    for path in ("/job-none", "/buckets/none"):
        assert httpx.get(f"{url}{TASKS}{path}").status_code == 404
    assert code(httpx.delete(f"{url}{TASKS}/buckets/none")) == (404, "collection_not_found")
    assert code(httpx.get(f"{url}{TASKS}?status=odd")) == (400, "bad_request")


def test_a_bucket_is_not_embedded_in_two_ways_and_its_vectors_can_be_dropped(client, url, home):
    httpx.put(f"{url}{BUCKETS}/two/a.txt", content=b"apples")
    with closing(open_store(str(home.collections))) as store:
        made = Collection.create(store, "two", MODEL.encoder, chunker="64 tokens, overlap 8")
        chunk = Chunk("a.txt#0", "a.txt", "apples", 0, 6, 0, 1, "", {"filename": "a.txt"})
        made.replace([chunk], documents={"a.txt": "1"})
    asked = {"bucket_name": "two", "document_chunk_size": 32}
    assert code(httpx.post(f"{url}{TASKS}", json=asked)) == (400, "embedded_otherwise")
    same = {"bucket_name": "two", "document_chunk_size": 64, "document_chunk_overlap_size": 8}
    assert httpx.post(f"{url}{TASKS}", json=same).status_code == 200
    assert "two" in client.ai.embeddings.buckets.list().data.buckets
    search = {"bucket_name": "two", "query": "apples"}
    assert len(httpx.post(f"{url}{TASKS}/similarity-search", json=search).json()["data"]) == 1
    with closing(Embedded(home.embedded)) as fates:
        fates.keep("two", "a.txt", "00ff", "success")
    httpx.put(f"{url}{BUCKETS}/two/a.txt", content=b"other apples")
    [file] = client.ai.embeddings.buckets.retrieve("two").data
    assert (file.status, file.updated_at) == ("pending", file.created_at)
    assert httpx.delete(f"{url}{BUCKETS}/two/a.txt").status_code == 204  # its chunks go with it
    assert httpx.post(f"{url}{TASKS}/similarity-search", json=search).json() == {"data": []}
    httpx.put(f"{url}{BUCKETS}/two/b.txt", content=b"pears")
    client.ai.embeddings.buckets.delete("two")
    assert "two" not in client.ai.embeddings.buckets.list().data.buckets
    assert [each["name"] for each in httpx.get(f"{url}{BUCKETS}/two").json()["data"]] == ["b.txt"]
    assert httpx.post(f"{url}{TASKS}/similarity-search", json=search).status_code == 404


def test_keys_see_their_own_buckets_and_tasks_and_their_addresses_end_with_them(tmp_path):
    keys, home = KeyFile(tmp_path / "keys.json"), Home(tmp_path / "home")
    key, own = keys.create("", ["write", "search"], collections=["mine"])
    _, other = keys.create("", ["write", "search"], collections=["yours"])
    with running(MODEL, home=home, keys=keys) as url:

        def ask(method, path, secret, **rest):
            headers = {"authorization": f"Bearer {secret}"}
            return httpx.request(method, f"{url}{path}", headers=headers, **rest)

        assert ask("PUT", f"{BUCKETS}/mine/a.txt", own, content=b"apples").status_code == 200
        task = ask("POST", TASKS, own, json={"bucket_name": "mine"}).json()["data"]["task_id"]
        cluster = {"bucket": "mine"}
        refused = [
            ("GET", f"{BUCKETS}/mine", {}),
            ("GET", f"{BUCKETS}/mine/a.txt", {}),
            ("PUT", f"{BUCKETS}/mine/a.txt", {"content": b"x"}),
            ("DELETE", f"{BUCKETS}/mine/a.txt", {}),
            ("POST", f"{BUCKETS}/mine/a.txt/presigned_url", {"json": {}}),
            ("POST", TASKS, {"json": {"bucket_name": "mine"}}),
            ("GET", f"{TASKS}/buckets/mine", {}),
            ("DELETE", f"{TASKS}/buckets/mine", {}),
            ("POST", "/v2/ai/clusters", {"json": cluster}),
            ("POST", "/v2/ai/collections", {"json": {"name": "n", "sources": [
                {"source_type": "bucket", "bucket_id": "mine"}]}}),
        ]  # fmt: skip
        for method, path, rest in refused:
            answer = ask(method, path, other, **rest)
            assert code(answer) == (403, "insufficient_scope"), (method, path)
        assert ask("GET", f"{TASKS}/{task}", other).status_code == 404
        assert ask("GET", f"{TASKS}/{task}", own).status_code == 200
        assert ask("GET", TASKS, other).json() == {"data": []}
        assert ask("GET", BUCKETS, other).json() == {"data": []}
        assert ask("GET", BUCKETS, own).json() == {"data": [{"name": "mine"}]}
        made = ask("POST", f"{BUCKETS}/mine/b.txt/presigned_url", own).json()["content"]
        address = made["presigned_url"]
        assert httpx.put(address, content=b"pears").status_code == 200
        assert httpx.delete(address).status_code == 401
        assert httpx.get(address.replace("/b.txt", "")).status_code == 401
        assert httpx.put(address.replace("token=", "xtoken="), content=b"x").status_code == 401
        keys.revoke(key.id)
        assert httpx.put(address, content=b"plums").status_code == 401

"""Each route that is mounted, whichever they are, refuses each key that is wrong for it."""

import json
import re
from http.client import HTTPConnection

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from running import Waits, running_app

from tunewise.jobs.home import Home
from tunewise.serving.access import scope_of
from tunewise.serving.app import make_app
from tunewise.serving.door import OPEN
from tunewise.serving.keys import SCOPES, KeyFile
from tunewise.serving.models import Model, Offer
from tunewise.serving.service import Settings

NAME_A_COLLECTION = {  # in the body, not in the path
    ("POST", "/v2/ai/embeddings"): {"bucket_name": "mine"},
    ("POST", "/v2/ai/embeddings/similarity-search"): {"bucket_name": "mine", "query": "x"},
    ("POST", "/v2/ai/embeddings/url"): {"bucket_name": "mine", "url": "https://x.invalid/a.txt"},
}
NO_SCOPE = {"/openapi.json"}  # any good key opens it


def mounted(door):
    """Every (method, path, scope) of an app; HEAD is GET without its body."""
    return sorted(
        (method, route.path, scope_of(route))
        for route in iter_route_contexts(door.app.routes)
        for method in route.methods - {"HEAD"}
    )


def asked(client, method, path, *, body=None, authorization=None, **named):
    """The answer at this path, for names that are not there unless they are `named`."""
    headers = {} if authorization is None else {"authorization": authorization}
    if body is not None:
        headers["content-type"] = "application/json"
    address = re.sub(r"\{(\w+)(:path)?\}", lambda found: named.get(found[1], "none"), path)
    return client.request(method, address, headers=headers, content=body)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def door(keys, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("home"))
    settings = Settings(hosts=("x.invalid",))
    offer = Offer({"waits": Model("waits", Waits())})
    return make_app(offer, keys=keys, home=home, settings=settings)


@pytest.fixture(scope="module")
def client(door):
    with running_app(door) as url, httpx.Client(base_url=url, timeout=60) as asking:
        yield asking


@pytest.fixture(scope="module")
def secrets(keys):
    """A good key for each scope."""
    return {scope: keys.create(scope, [scope]) for scope in SCOPES}


@pytest.fixture(scope="module")
def wrong(keys, secrets):
    """What is no good key, by why."""
    revoked, revoked_secret = keys.create("", SCOPES)
    keys.revoke(revoked.id)
    _, expired = keys.create("", SCOPES, days=1e-9)
    good, secret = secrets["admin"]
    return {
        "none": None,
        "empty": "",
        "a word alone": "Bearer",
        "unknown": "Bearer tw-unknown",
        "revoked": f"Bearer {revoked_secret}",
        "expired": f"Bearer {expired}",
        "without its word": secret,
        "another way": f"Basic {secret}",
        "its hash": f"Bearer {good.digest}",
        "its id": f"Bearer {good.id}",
        "two keys": f"Bearer {secret} {secret}",
        "not latin": b"Bearer \xff\xfe",
    }


def test_each_route_says_what_it_is_for(door):
    routes = mounted(door)
    assert {("POST", "/v1/embeddings", "embed"), ("GET", "/metrics", "admin")} <= set(routes)
    unsaid = {path for _, path, scope in routes if scope is None}
    assert unsaid == OPEN | NO_SCOPE
    assert {scope for *_, scope in routes} - {None} <= set(SCOPES)


def test_each_route_refuses_what_is_no_good_key_before_it_reads_a_body(door, client, wrong):
    for method, path, _ in mounted(door):
        for why, value in wrong.items():
            for body in (None, b"{"):
                answer = asked(client, method, path, body=body, authorization=value)
                if path in OPEN:
                    assert answer.status_code == 200, path
                    continue
                assert answer.status_code == 401, (method, path, why)
                assert answer.headers["www-authenticate"] == "Bearer"


def test_each_route_refuses_a_key_for_something_else_before_it_reads_a_body(door, client, secrets):
    for method, path, wanted in mounted(door):
        if wanted is not None:
            other = next(name for name in SCOPES if name != wanted)
            connection = HTTPConnection(client.base_url.host, client.base_url.port, timeout=10)
            connection.putrequest(method, re.sub(r"\{(\w+)(:path)?\}", "none", path))
            connection.putheader("authorization", f"Bearer {secrets[other][1]}")
            connection.putheader("content-type", "application/json")
            connection.putheader("content-length", "9")  # of which none ever comes
            connection.endheaders()
            answer = connection.getresponse()
            assert (answer.status, b"not for" in answer.read()) == (403, True), (method, path)
            connection.close()
    told = client.get("/metrics", headers={"authorization": f"Bearer {secrets['admin'][1]}"}).text
    assert 'method="POST",route="/v1/embeddings",status="403"' in told


@pytest.mark.slow
def test_each_route_refuses_a_key_for_something_else_and_takes_its_own(door, client, secrets):
    for method, path, wanted in mounted(door):
        for name, (_, secret) in secrets.items():
            whole = asked(client, method, path, authorization=f"Bearer {secret}")
            if wanted in (None, name):  # there may be nothing of that name
                assert whole.status_code not in (401, 403), (method, path, name)
            else:
                assert whole.status_code == 403, (method, path, name)
                assert "not for" in whole.text


def test_a_key_for_other_collections_opens_none_of_this_one(door, client, keys):
    _, own = keys.create("", SCOPES)
    bound = [scope for scope in SCOPES if scope != "admin"]  # an administrator's opens all
    _, other = keys.create("", bound, collections=["other"])
    put = "/v2/storage/buckets/{bucket}/{name:path}"
    there = {"bucket": "mine", "name": "a.txt"}
    asked(client, "PUT", put, body=b"text", authorization=f"Bearer {own}", **there)
    told, tried = f"Bearer {other}", set()
    for method, path, _ in mounted(door):
        if "{bucket}" in path or (method, path) in NAME_A_COLLECTION:
            body = json.dumps(NAME_A_COLLECTION.get((method, path), {})).encode()
            answer = asked(client, method, path, body=body, authorization=told, **there)
            assert answer.status_code in (403, 404), (method, path, answer.text)
            tried.add((method, path))
    assert tried > set(NAME_A_COLLECTION)
    assert asked(client, "GET", put, authorization=f"Bearer {own}", **there).text == "text"
    seen = client.get("/v2/storage/buckets", headers={"authorization": told})
    assert "mine" not in seen.text


def test_what_is_not_there_is_not_told_without_a_key(client, secrets):
    headers = {"authorization": f"Bearer {secrets['embed'][1]}"}
    for path in ("/none", "/v1/none", "/docs", "/healthz/", "//healthz", "/healthz/../metrics"):
        assert client.get(path).status_code == 401
        answer = client.get(path, headers=headers, follow_redirects=True)
        assert answer.status_code in (200, 403, 404)
        assert "tunewise_" not in answer.text

"""Collections of buckets belong to the key that made them, with and without buckets."""

import json

import httpx
import pytest
from running import running

from tunewise.database import Database
from tunewise.jobs.home import Home
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.serving.shelves import Shelves
from tunewise.testing import WordHashEncoder

ALL = "/v2/ai/collections"


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Asks as one of several keys of a server."""
    folder = tmp_path_factory.mktemp("shelves")
    keys, secrets = KeyFile(folder / "keys.json"), {}
    for name, bucket in (("alice", "a"), ("bob", "b"), ("reader", "a")):
        _, secrets[name] = keys.create(name, ["write", "search"], collections=[bucket])
    _, secrets["admin"] = keys.create("admin", ["write", "search", "admin"])
    model = Model("m", WordHashEncoder())
    with (
        running(model, home=Home(folder / "home"), keys=keys) as url,
        httpx.Client(timeout=60) as client,
    ):

        def asked(name, method, path, **rest):
            headers = {"authorization": f"Bearer {secrets[name]}"}
            return client.request(method, url + path, headers=headers, **rest)

        yield asked


def source(name):
    return {"source_type": "bucket", "bucket_id": name}


def made(ask, *buckets):
    asked = {"name": "x", "description": "private", "sources": [source(each) for each in buckets]}
    return ask("alice", "POST", ALL, json=asked).json()["data"]


def test_a_collection_without_buckets_is_its_makers_alone(ask):
    shelf = made(ask)
    own = f"{ALL}/{shelf['uuid']}"
    for method, path, body in (
        ("GET", own, None),
        ("GET", f"{ALL}/slug/{shelf['slug']}", None),
        ("GET", f"/v2/ai/knowledge/collections/{shelf['slug']}/documents", None),
        ("PATCH", own, {"name": "bob's"}),
        ("POST", f"{own}/sources", source("b")),
        ("PUT", f"{own}/sources", {"sources": [source("b")]}),
        ("DELETE", own, None),
    ):
        assert ask("bob", method, path, json=body).status_code == 404, (method, path)
    assert ask("bob", "GET", ALL).json()["data"] == []
    for name in ("alice", "admin"):
        assert [each["uuid"] for each in ask(name, "GET", ALL).json()["data"]] == [shelf["uuid"]]
        assert ask(name, "GET", own).json()["data"]["description"] == "private"
    assert ask("alice", "DELETE", own).status_code == 204


def test_a_key_for_its_buckets_searches_a_collection_and_does_not_change_it(ask):
    shelf = made(ask, "a")
    own = f"{ALL}/{shelf['uuid']}"
    assert ask("reader", "GET", own).status_code == 200
    assert ask("bob", "GET", own).status_code == 403
    for method, path, body in (
        ("PATCH", own, {"name": "y"}),
        ("PUT", f"{own}/settings", {}),
        ("DELETE", f"{own}/sources/{shelf['sources'][0]['id']}", None),
        ("DELETE", own, None),
    ):
        refused = ask("reader", method, path, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "not_owner")
    assert ask("admin", "PATCH", own, json={"name": "y"}).json()["data"]["name"] == "y"
    assert ask("alice", "DELETE", own).status_code == 204


def test_one_written_before_there_were_owners_is_nobodys(tmp_path):
    path = tmp_path / "shelves.db"
    shelves = Shelves(path)
    uuid = shelves.add("old", owner="key-1").uuid
    shelves.close()
    file = Database(path, "")
    told = json.loads(file.run("SELECT told FROM shelves")[0]["told"])
    assert told.pop("owner") == "key-1"
    file.run("UPDATE shelves SET told = ?", (json.dumps(told),))
    file.close()
    shelves = Shelves(path)
    assert shelves.get(uuid).owner == ""
    shelves.close()

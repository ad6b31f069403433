"""Tasks belong to the key that made them, by whichever route, and a key's buckets bound them."""

import json
from contextlib import closing

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from running import running_app

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.jobs import clustering
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import place_of
from tunewise.serving.app import make_app
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model, Offer
from tunewise.testing import WordHashEncoder

ENCODER = WordHashEncoder()
ALL = ["search", "write", "tune"]
ROW = b'{"query": "a", "positive": "b"}\n'
CLUSTERS, EMBEDDINGS = "/v2/ai/clusters", "/v2/ai/embeddings"
TUNING, TUNING_V2 = "/v1/fine_tuning/jobs", "/v2/ai/fine_tuning/jobs"
ROUTES = [  # the last ends it
    ("GET", CLUSTERS, "/{task_id}"),
    ("GET", CLUSTERS, "/{task_id}/graph"),
    ("DELETE", CLUSTERS, "/{task_id}"),
    ("GET", EMBEDDINGS, "/{task_id}"),
    *(
        ("GET", TUNING, f"/{{job}}{part}")
        for part in ("", "/events", "/checkpoints", "/verdict", "/report")
    ),
    ("GET", TUNING_V2, "/{job}"),
    *(("POST", TUNING, f"/{{job}}/{act}") for act in ("pause", "resume", "cancel")),
    ("POST", TUNING_V2, "/{job}/cancel"),
]


class Asked:
    """A server with several keys, without workers, and what is asked of it as one of them."""

    def __init__(self, folder):
        self.home, self.keys = Home(folder / "home"), KeyFile(folder / "keys.json")
        self.secrets = {name: self.keys.create(name, ALL)[1] for name in ("one", "other")}
        self.secrets["admin"] = self.keys.create("admin", [*ALL, "admin"])[1]
        offer = Offer({"word-hash": Model("word-hash", ENCODER, source="word-hash")})
        self.door = make_app(offer, home=self.home, keys=self.keys)
        self.client = httpx.Client(timeout=60)

    def __call__(self, name, method, path, **rest):
        headers = {"authorization": f"Bearer {self.secrets[name]}"}
        return self.client.request(method, path, headers=headers, **rest)

    def bind(self, name, *buckets):
        """Binds a key to buckets after it was made, as one with the scope admin could be once."""
        told = json.loads(self.keys.path.read_text())
        [key] = (each for each in told["keys"] if each["name"] == name)
        key["collections"] = list(buckets)
        beside = self.keys.path.with_name("anew.json")
        beside.write_text(json.dumps(told))
        beside.replace(self.keys.path)

    def clustered(self, name, bucket):
        """A task that found clusters in a bucket."""
        asked = {"bucket": bucket, "min_cluster_size": 1}
        task = self(name, "POST", CLUSTERS, json=asked).json()["data"]["task_id"]
        with closing(Queue(self.home.jobs)) as queue, queue.present() as worker:
            job = queue.take(worker)
            assert job.id == task
            queue.finish(job, result=clustering.run(job.asked, place_of(self.home, task, queue)))
        return task

    def embedding(self, name, bucket):
        """A task that waits to embed a bucket."""
        self(name, "PUT", f"/v2/storage/buckets/{bucket}/a.txt", content=b"text")
        asked = {"bucket_name": bucket}
        return self(name, "POST", EMBEDDINGS, json=asked).json()["data"]["task_id"]

    def tuning(self, name):
        """A job that waits to tune, in whose folder there lies what one that succeeded leaves."""
        form = {"files": {"file": ("rows.jsonl", ROW)}, "data": {"purpose": "fine-tune"}}
        file = self(name, "POST", "/v1/files", **form).json()["id"]
        asked = {"model": "word-hash", "training_file": file}
        job = self(name, "POST", TUNING, json=asked).json()["id"]
        folder = self.home.models / job
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_text("{}")
        (folder / "report.html").write_text("<p>texts of its owner</p>")
        return job


@pytest.fixture
def ask(tmp_path):
    asked = Asked(tmp_path)
    with closing(open_store(str(asked.home.collections))) as store:
        for bucket in ("mine", "theirs"):
            made = Collection.create(store, bucket, ENCODER)
            made.add([Chunk("a#0", "a", f"text of {bucket}", 0, 14, 0, 1, "", {})])
    with running_app(asked.door) as url, asked.client:
        asked.client.base_url = url
        yield asked


def listed(ask, name, path):
    told = ask(name, "GET", path).json()["data"]
    return [each.get("task_id") or each["id"] for each in told]


def test_the_routes_below_are_all_that_take_a_task(tmp_path):
    mounted = {
        (method, route.path)
        for route in iter_route_contexts(Asked(tmp_path).door.app.routes)
        for method in route.methods - {"HEAD"}
        if "{task_id}" in route.path or "{job}" in route.path
    }
    assert mounted == {(method, start + rest) for method, start, rest in ROUTES}


def test_to_another_key_a_task_is_not_there_by_any_route(ask):
    ids = {CLUSTERS: ask.clustered("one", "theirs"), TUNING: ask.tuning("one")}
    ids |= {EMBEDDINGS: ask.embedding("one", "new"), TUNING_V2: ids[TUNING]}
    for start in ids:
        assert listed(ask, "other", start) == []
        assert listed(ask, "one", start) == listed(ask, "admin", start) == [ids[start]]
    for name, status in (("other", 404), ("one", 200)):
        for method, start, rest in sorted(ROUTES, key=lambda route: route[0] == "DELETE"):
            path = start + rest.format(task_id=ids[start], job=ids[start])
            answer = ask(name, method, path)
            gone = method == "DELETE" and status == 200
            assert answer.status_code == (204 if gone else status), (name, method, path)
            if status == 404:
                assert answer.text == ask(name, method, path).text
                unknown = ask(name, method, path.replace(ids[start], "job-none"))
                assert unknown.text == answer.text.replace(ids[start], "job-none")
    assert ask("one", "GET", f"{TUNING}/{ids[TUNING]}").json()["status"] == "cancelled"


def test_an_administrators_key_that_is_bound_to_buckets_sees_its_own_alone(ask):
    ids = {CLUSTERS: ask.clustered("one", "theirs"), TUNING: ask.tuning("one")}
    ids |= {EMBEDDINGS: ask.embedding("one", "new"), TUNING_V2: ids[TUNING]}
    ask.bind("admin", "fresh")
    own = ask.embedding("admin", "fresh")
    for method, start, rest in ROUTES:
        path = start + rest.format(task_id=ids[start], job=ids[start])
        assert ask("admin", method, path).status_code == 404, (method, path)
    assert [listed(ask, "admin", start) for start in ids] == [[], [], [own], []]
    assert ask("admin", "GET", "/v1/files").json()["data"] == []
    assert ask("admin", "GET", f"{EMBEDDINGS}/{own}").status_code == 200


def test_a_keys_own_task_of_a_bucket_that_it_is_not_for_is_refused(ask):
    ids = {CLUSTERS: ask.clustered("one", "theirs"), EMBEDDINGS: ask.embedding("one", "new")}
    ask.bind("one", "mine")
    for method, start, rest in ROUTES:
        if start in ids:
            answer = ask("one", method, start + rest.format(task_id=ids[start]))
            assert answer.status_code == 403, (method, rest)
            assert answer.json()["errors"][0]["code"] == "insufficient_scope"
    assert [listed(ask, "one", start) for start in ids] == [[], []]
    assert listed(ask, "admin", CLUSTERS) == [ids[CLUSTERS]]

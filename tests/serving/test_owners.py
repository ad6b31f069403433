"""Files and jobs belong to the key that made them: to another key they are not there."""

import socket

import httpx
import pytest
from running import running_app

from tunewise.jobs.home import Home
from tunewise.serving.app import make_app
from tunewise.serving.door import Doorway
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model, Offer
from tunewise.testing import WordHashEncoder

ROW = b'{"query": "a", "positive": "b"}\n'


@pytest.fixture(scope="module")
def callers(tmp_path_factory):
    """A client for each of several keys of one server without workers."""
    folder = tmp_path_factory.mktemp("owners")
    keys = KeyFile(folder / "keys.json")
    scopes = {"one": ["tune"], "other": ["tune"], "admin": ["tune", "admin"], "embed": ["embed"]}
    secrets = {name: keys.create(name, given)[1] for name, given in scopes.items()}
    offer = Offer({"word-hash": Model("word-hash", WordHashEncoder(), source="word-hash")})
    app = make_app(offer, home=Home(folder / "home"), keys=keys, doorway=Doorway(upload=2_000))
    with running_app(app) as url:
        made = {
            name: httpx.Client(
                timeout=60, base_url=url, headers={"authorization": f"Bearer {secret}"}
            )
            for name, secret in secrets.items()
        }
        made["nobody"] = httpx.Client(timeout=60, base_url=url)
        yield made
        for client in made.values():
            client.close()


def sent(client, content=ROW, purpose="fine-tune"):
    form = {"files": {"file": ("rows.jsonl", content)}, "data": {"purpose": purpose}}
    return client.post("/v1/files", **form)


@pytest.fixture(scope="module")
def file(callers):
    return sent(callers["one"]).json()["id"]


@pytest.fixture(scope="module")
def job(callers, file):
    asked = {"model": "word-hash", "training_file": file}
    return callers["one"].post("/v1/fine_tuning/jobs", json=asked).json()["id"]


def test_another_keys_file_and_job_are_not_there(callers, file, job):
    for name, status in (("one", 200), ("admin", 200), ("other", 404)):
        client = callers[name]
        found = [
            client.get(path).status_code
            for path in (
                f"/v1/files/{file}",
                f"/v1/files/{file}/content",
                f"/v1/fine_tuning/jobs/{job}",
                f"/v1/fine_tuning/jobs/{job}/events",
                f"/v2/ai/fine_tuning/jobs/{job}",
            )
        ]
        assert found == [status] * 5, name
        listed = (
            client.get("/v1/files").json()["data"],
            client.get("/v2/ai/fine_tuning/jobs").json(),
        )
        assert [len(listed[0]), len(listed[1]["data"])] == ([1, 1] if status == 200 else [0, 0])
    other = callers["other"]
    assert other.delete(f"/v1/files/{file}").status_code == 404
    assert other.post(f"/v1/fine_tuning/jobs/{job}/cancel").status_code == 404
    assert other.get("/v1/fine_tuning/jobs", params={"after": job}).status_code == 404
    assert other.get("/v1/files", params={"after": file}).status_code == 404
    asked = {"model": "word-hash", "training_file": file}
    assert other.post("/v1/fine_tuning/jobs", json=asked).status_code == 400
    assert callers["one"].get(f"/v1/fine_tuning/jobs/{job}").json()["status"] == "queued"


def test_a_list_does_not_go_on_after_what_is_not_there(callers):
    for path in ("/v1/files", "/v1/fine_tuning/jobs"):
        answer = callers["one"].get(path, params={"after": "zzz"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert "'zzz'" in answer.json()["error"]["message"]


def test_a_file_for_something_else_is_not_learned_from(callers):
    name = sent(callers["one"], purpose="evals").json()["id"]
    asked = {"model": "word-hash", "training_file": name}
    answer = callers["one"].post("/v1/fine_tuning/jobs", json=asked)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "training_file")
    callers["one"].delete(f"/v1/files/{name}")


def test_a_job_without_a_verdict_says_so(callers, job):
    for path in ("verdict", "report"):
        answer = callers["one"].get(f"/v1/fine_tuning/jobs/{job}/{path}")
        assert answer.status_code == 404
        assert "has not succeeded" in answer.json()["error"]["message"]
    assert callers["one"].get(f"/v1/fine_tuning/jobs/{job}/checkpoints").json()["data"] == []


def test_uploads_have_a_bound_of_their_own_and_a_key_is_asked_for_before_a_byte(callers):
    assert sent(callers["one"], b"x" * 3_000).status_code == 413
    for name, status in (("nobody", 401), ("embed", 403)):
        assert sent(callers[name]).status_code == status
    address = callers["nobody"].base_url
    with socket.create_connection((address.host, address.port), timeout=10) as raw:
        raw.sendall(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1900\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 401")

"""Requests made up from the service's own description: none may make it fail."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from running import running_app

from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import WORKS, found, place_of
from tunewise.serving.app import make_app
from tunewise.serving.models import Model, Offer
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow

USED, SPENT = "shop", "gone"  # buckets; of the second is whatever requests delete


class EveryName(dict):
    """Models by whatever name, so that what is made up gets past the name."""

    def __contains__(self, name):
        return True

    def __missing__(self, name):
        return self["word-hash"]


def test_no_request_made_from_the_description_makes_it_fail(tmp_path):
    ran, told = fuzzed(tmp_path, "--phases", "examples,fuzzing", "--max-examples", "5")
    assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-2_000:]
    assert 'status="5' not in told
    for answered in (
        'POST",route="/v1/embeddings",status="200"',
        'GET",route="/v1/files/{file}/content",status="200"',
        'GET",route="/v1/fine_tuning/jobs/{job}/events",status="200"',
        'POST",route="/v1/fine_tuning/jobs/{job}/cancel",status="200"',
        'POST",route="/v2/ai/fine_tuning/jobs",status="200"',
        'POST",route="/v2/ai/embeddings",status="200"',
        'POST",route="/v2/ai/embeddings/similarity-search",status="200"',
        'POST",route="/v2/ai/clusters",status="200"',
        'DELETE",route="/v2/ai/embeddings/buckets/{bucket}",status="204"',
        'PUT",route="/v2/storage/buckets/{bucket}/{name:path}",status="200"',
    ):
        assert answered in told, answered


def fuzzed(folder, *options, seed=1):
    """What the fuzzer said of a server with a home, and what the server counted."""
    home = Home(folder / "home")
    encoder = Model("word-hash", WordHashEncoder(), prefixes=(32,), source="word-hash")
    offer = Offer(EveryName({"word-hash": encoder}))
    fuzzer = Path(sys.executable).with_name("schemathesis")
    with running_app(make_app(offer, home=home)) as url:
        known = [filled(url, home, bucket) for bucket in (USED, SPENT)]
        (folder / "schemathesis.toml").write_text("".join(bound(*known)))
        ran = subprocess.run(
            [fuzzer, "run", f"{url}/openapi.json", "--checks", "not_a_server_error",
             "--seed", str(seed), "--generation-database", "none", *options],
            cwd=folder, capture_output=True, text=True, timeout=3_000,
        )  # fmt: skip
        return ran, httpx.get(f"{url}/metrics").text


def filled(url, home, bucket):
    """Names of things that are there, by the parameters that take them: some of each kind."""

    def ask(method, path, **sent):
        answer = client.request(method, path, **sent)
        assert answer.is_success, answer.text
        return answer

    def begun(path, **asked):
        made = ask("POST", path, json=asked).json()["data"]["task_id"]
        did(home, made)
        return made

    with httpx.Client(base_url=url, timeout=60) as client:
        rows = "\n".join(["id,text", *(f"{n},{n} apples and pears" for n in range(40))])
        ask("PUT", f"/v2/storage/buckets/{bucket}/a.csv", content=rows)
        upload = {"files": {"file": ("a.csv", rows)}, "data": {"purpose": "fine-tune"}}
        file = ask("POST", "/v1/files", **upload).json()["id"]
        tasks = [begun("/v2/ai/embeddings", bucket_name=bucket)]
        tasks += [begun("/v2/ai/clusters", bucket=bucket)]
        searched = {"bucket_name": bucket, "query": "pears"}
        record = ask("POST", "/v2/ai/embeddings/similarity-search", json=searched).headers
        sources = [{"source_type": "bucket", "bucket_id": bucket}]
        shelf = {"name": bucket, "sources": sources}
        shelf = ask("POST", "/v2/ai/collections", json=shelf).json()["data"]
        tune = {"model": "word-hash", "training_file": file}
        jobs = [ask("POST", "/v1/fine_tuning/jobs", json=tune).json()["id"] for _ in range(4)]
    return {
        "path.bucket": [bucket], "path.file": [file], "path.job": jobs, "path.name": ["a.csv"],
        "path.query": [record["tunewise-query"]], "path.slug": [shelf["slug"]],
        "path.source_id": [shelf["sources"][0]["id"]], "path.task_id": tasks,
        "path.uuid": [shelf["uuid"]], "body.bucket_name": [bucket], "body.bucket": [bucket],
        "body.training_file": [file, bucket, f"{bucket}/a.csv"],
    }  # fmt: skip


def did(home, name):
    """Does a job, as a worker would."""
    with closing(Queue(home.jobs)) as queue:
        for other in queue.jobs("tune", ["queued"]):
            queue.pause(other.id)  # else it would be taken first
        job = queue.take("here")
        assert job.id == name
        place = place_of(home, name, queue)
        queue.finish(job, result=found(WORKS[job.work])(job.asked, place))


def bound(used, spent):
    """The fuzzer's settings: with what it fills parameters three times of five."""
    for kind, names in (("used", used), ("spent", spent)):
        head = "[[operations]]\ninclude-method = 'DELETE'\n[operations.parameters]"
        yield "[parameters]\n" if kind == "used" else f"{head}\n"
        for name in names:
            yield f"'{name}' = {{ dictionary = '{kind}-{name}', probability = 0.6 }}\n"
        for name, values in names.items():
            yield f"[dictionaries.'{kind}-{name}']\nvalues = {values}\n"

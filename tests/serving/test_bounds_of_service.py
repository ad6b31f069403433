"""What is full takes no more, what was dropped is forgotten, what was cancelled is not served."""

import json
from contextlib import closing

import httpx
import pytest
from running import running

from tunewise.cli import main
from tunewise.collection import Collection, open_store
from tunewise.jobs.embedded import Embedded
from tunewise.jobs.home import Home
from tunewise.jobs.queue import Queue
from tunewise.jobs.tuning import SEAL
from tunewise.serving.models import Model
from tunewise.serving.service import Settings
from tunewise.testing import WordHashEncoder

MODEL = Model("m", WordHashEncoder(), source="word-hash")
PLACE = "/v2/storage/buckets/full"


@pytest.mark.slow
def test_a_server_that_keeps_all_it_may_takes_no_more_until_some_is_deleted(tmp_path):
    settings = Settings(files=3, stored=10)
    with running(MODEL, home=Home(tmp_path), settings=settings) as url:

        def put(name, size):
            return httpx.put(f"{url}{PLACE}/{name}", content=b"x" * size).status_code

        assert [put("a", 9), put("b", 1), put("c", 1)] == [200, 200, 507]  # too many bytes
        assert httpx.delete(f"{url}{PLACE}/a").status_code == 204
        assert [put("c", 1), put("d", 1), put("e", 1)] == [200, 200, 507]  # too many files


@pytest.mark.parametrize("count", ["-1", "0", "65"])
def test_a_server_takes_no_jobs_that_nobody_would_do(count, capsys):
    assert main(["serve", "word-hash", "--workers", count]) == 2
    assert f"There cannot be {count} workers for jobs. Give 1 to 64." in capsys.readouterr().err


@pytest.mark.slow
def test_dropped_embeddings_are_forgotten_file_by_file(tmp_path):
    home = Home(tmp_path)
    with closing(open_store(str(home.collections))) as store:
        Collection.create(store, "full", MODEL.encoder)
    with running(MODEL, home=home) as url, httpx.Client(timeout=60, base_url=url) as asking:
        stored = asking.put(f"{PLACE}/a.txt", content=b"apples").json()["data"]
        with closing(Embedded(home.embedded)) as fates:
            fates.keep("full", "a.txt", stored["checksum"], "success")
            [file] = asking.get("/v2/ai/embeddings/buckets/full").json()["data"]
            assert file["status"] == "success"
            assert asking.delete("/v2/ai/embeddings/buckets/full").status_code == 204
            assert fates.files("full") == []
        [file] = asking.get("/v2/ai/embeddings/buckets/full").json()["data"]
        assert (file["status"], file["last_embedded_at"]) == ("pending", None)


def test_a_model_is_there_once_its_job_has_succeeded(tmp_path):
    home = Home(tmp_path)
    with closing(Queue(home.jobs)) as queue, queue.present() as worker:
        job = queue.add("tune", {})
        name = f"ft:m:{job.id.removeprefix('job-')[:8]}"
        (home.models / job.id).mkdir(parents=True)
        made = {"name": name, "folder": "tuned", "dimension": 64, "max_tokens": None}
        (home.models / job.id / SEAL).write_text(json.dumps(made))
        with running(MODEL, home=home) as url, httpx.Client(timeout=60, base_url=url) as asking:

            def there():
                return [each["id"] for each in asking.get("/v1/models").json()["data"]]

            taken = queue.take(worker)  # written whole, and its job cancelled a moment later or not
            assert there() == ["m"]
            assert asking.get(f"/v1/models/{name}").status_code == 404
            assert queue.finish(taken, result={})
            assert there() == ["m", name]

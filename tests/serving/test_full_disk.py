"""A server whose disk is full says so, leaves nothing half-written, and lets files be deleted."""

import httpx
import pytest
from running import running

from tunewise.jobs.home import Home
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

BUCKET = "/v2/storage/buckets/b"


@pytest.mark.slow
def test_a_full_disk_is_507_and_files_can_be_deleted(small_disk):
    folder, fill = small_disk
    model = Model("m", WordHashEncoder(), source="word-hash")
    with (
        running(model, home=Home(folder / "home")) as url,
        httpx.Client(timeout=60, base_url=url) as client,
    ):
        for n in range(3):
            assert client.put(f"{BUCKET}/{n}.txt", content=b"kettle").is_success
        fill()
        answers = [
            client.put(f"{BUCKET}/small.txt", content=b"x" * 100),
            client.put(f"{BUCKET}/large.txt", content=b"x" * 100_000),
            client.post("/v2/ai/embeddings", json={"bucket_name": "b"}),
            client.post("/v2/ai/collections", json={"name": "shelf"}),
        ]
        assert [each.status_code for each in answers] == [507] * 4
        assert {each.json()["errors"][0]["code"] for each in answers} == {"insufficient_storage"}
        assert len(list((folder / "home" / "objects" / "blobs").iterdir())) == 3
        deleted = [client.delete(f"{BUCKET}/{n}.txt").status_code for n in range(3)]
        assert deleted == [204] * 3
        assert client.put(f"{BUCKET}/small.txt", content=b"x" * 100).is_success

"""A server whose disk is full says so, leaves nothing half-written, and lets files be deleted."""

from contextlib import closing

import httpx
import pytest
from running import running

from tunewise.collection import Collection, open_store
from tunewise.database import is_full
from tunewise.documents import Chunk
from tunewise.errors import StoreError
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


@pytest.mark.slow
def test_on_a_full_disk_a_file_is_deleted_with_what_was_embedded_of_it(small_disk):
    folder, fill = small_disk
    encoder = WordHashEncoder()
    home = Home(folder / "home")
    names = [f"{n}.txt" for n in range(6)]
    with closing(open_store(str(home.collections))) as store:
        made = Collection.create(store, "b", encoder)
        for name in names:
            told = {"filename": name, "checksum": "c" * 64}
            made.add([Chunk(f"{name}#0", name, f"kettle {name}", 0, 9, 0, 1, "", told)])
    model = Model("m", encoder, source="word-hash")
    asked = {"bucket_name": "b", "query": "kettle", "num_of_docs": 20}
    with (
        running(model, home=home) as url,
        httpx.Client(timeout=60, base_url=url) as client,
    ):
        for name in names:
            assert client.put(f"{BUCKET}/{name}", content=b"kettle").is_success
        fill()
        with closing(open_store(str(home.collections))) as store:
            with pytest.raises(StoreError) as refused:
                Collection.open(store, "b", encoder).upsert(made.page())
            assert is_full(refused.value)
        for left in range(5, -1, -1):
            assert client.delete(f"{BUCKET}/{names[left]}").status_code == 204
            found = client.post("/v2/ai/embeddings/similarity-search", json=asked).json()["data"]
            there = client.get(BUCKET).json()["data"]
            assert (len(found), len(there)) == (left, left)
        # what was set aside may be used up, and a file that does not fit is refused as before
        assert client.put(f"{BUCKET}/large.txt", content=b"x" * 500_000).status_code == 507

"""Who is held up holds up nobody else: a collection that is written to, uploads that trickle."""

import asyncio
import select
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import httpx
import pytest
from running import running

from tunewise.collection import Collection, open_store
from tunewise.documents import Chunk
from tunewise.jobs.home import Home
from tunewise.serving.door import Doorway
from tunewise.serving.keys import KeyFile
from tunewise.serving.models import Model
from tunewise.serving.refused import Refused
from tunewise.serving.threads import Threads
from tunewise.testing import WordHashEncoder

MODEL = Model("m", WordHashEncoder(), source="word-hash")
BUCKETS = "/v2/storage/buckets"


async def answers(url, store):
    """What four deletions get while their collection is written to, and others in the meantime."""
    async with httpx.AsyncClient(timeout=50, base_url=url) as client:
        for path in ("held/0", "held/1", "held/2", "held/3", "free/0"):
            assert (await client.put(f"{BUCKETS}/{path}", content=b"x")).status_code == 200
        with store.hold("held"):
            own = [asyncio.create_task(client.delete(f"{BUCKETS}/held/{n}")) for n in range(4)]
            await asyncio.sleep(0.3)
            asked = [("GET", "/v1/files"), ("GET", "/v1/fine_tuning/jobs"), ("GET", BUCKETS)]
            asked += [("GET", "/v2/ai/collections"), ("DELETE", f"{BUCKETS}/free/0")]
            others = [await client.request(method, path) for method, path in asked]
            own.append(asyncio.create_task(client.delete("/v2/ai/embeddings/buckets/held")))
            await asyncio.sleep(0.1)
            assert not any(each.done() for each in own)
        return await asyncio.gather(*own), others


@pytest.mark.slow
def test_a_collection_that_is_written_to_holds_up_changes_of_its_own_alone(tmp_path):
    home = Home(tmp_path)
    with closing(open_store(str(home.collections))) as store, running(MODEL, home=home) as url:
        for name in ("held", "free"):
            chunk = Chunk("0#0", "0", "apples", 0, 6, 0, 1, "", {"filename": "0"})
            Collection.create(store, name, MODEL.encoder).replace([chunk], documents={"0": "1"})
        own, others = asyncio.run(answers(url, store))
    assert [each.status_code for each in others] == [200, 200, 200, 200, 204]
    assert [each.status_code for each in own] == [204] * 5


def test_calls_of_one_kind_have_their_part_of_the_threads_and_of_what_waits():
    begun, let = list[str](), threading.Event()

    def work(name):
        begun.append(name)
        assert let.wait(20)
        return name

    async def all_of():
        threads = Threads("tried", count=4, waiting=8, each=2)

        async def run(name, of=None):
            return await threads.run(lambda: work(name), of=of)

        own = [asyncio.create_task(run(f"a{n}", of="a")) for n in range(4)]
        await asyncio.sleep(0.05)
        assert begun == ["a0", "a1"]
        with pytest.raises(Refused, match="4 calls of this kind") as refused:
            await run("a4", of="a")
        assert refused.value.reason.status == 503
        assert refused.value.reason.headers == {"Retry-After": "1"}
        own[2].cancel()  # its place is free again
        other = [asyncio.create_task(run(name, of)) for name, of in (("b0", "b"), ("c0", None))]
        last = asyncio.create_task(run("a5", of="a"))
        await asyncio.sleep(0.05)
        assert sorted(begun) == ["a0", "a1", "b0", "c0"]
        let.set()
        found = await asyncio.gather(own[0], own[1], own[3], *other, last)
        threads.close()
        return found

    assert asyncio.run(all_of()) == ["a0", "a1", "a3", "b0", "c0", "a5"]
    assert begun.index("a3") < begun.index("a5")
    assert "a2" not in begun


def test_calls_that_wait_for_their_part_end_when_the_threads_do():
    let = threading.Event()

    async def closed():
        threads = Threads("tried", count=2, waiting=8)
        own = [asyncio.create_task(threads.run(lambda: let.wait(20), of="a")) for _ in range(3)]
        await asyncio.sleep(0.05)
        threads.close()
        let.set()
        return await asyncio.gather(*own, return_exceptions=True)

    first, *others = asyncio.run(closed())
    assert first is True
    assert all(isinstance(each, asyncio.CancelledError) for each in others)


@contextmanager
def trickling(url, path, headers, count, every=None):
    """Uploads that are begun and never whole; of each a byte comes `every` so many seconds."""
    address, over = httpx.URL(url), threading.Event()
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{told}Content-Length: 100000\r\n\r\nx"
    held = [socket.create_connection((address.host, address.port), 20) for _ in range(count)]

    def trickle():
        while not over.wait(every):
            for raw in held:
                with suppress(OSError):
                    raw.sendall(b"x")

    for raw in held:
        raw.sendall(head.encode())
    if every is not None:
        threading.Thread(target=trickle).start()
    try:
        yield held
    finally:
        over.set()
        for raw in held:
            raw.close()


def put_until(status, url, headers):
    """Asks until a small upload is answered so; what it was answered in the end."""
    end = time.monotonic() + 10
    while True:
        with suppress(httpx.ReadTimeout):
            answer = httpx.put(f"{url}{BUCKETS}/b/s", content=b"x", headers=headers, timeout=0.5)
            if answer.status_code == status or time.monotonic() > end:
                return answer
        assert time.monotonic() < end


@pytest.mark.slow
@pytest.mark.parametrize("signed", [False, True])
def test_uploads_of_one_key_leave_room_for_those_of_others(tmp_path, signed):
    keys = KeyFile(tmp_path / "keys.json")
    one, other = (
        {"authorization": f"Bearer {keys.create(name, ['write'])[1]}"} for name in ("one", "other")
    )
    with running(MODEL, home=Home(tmp_path / "home"), keys=keys) as url:
        path, sent = f"{BUCKETS}/b/t", one
        if signed:
            made = httpx.post(f"{url}{path}/presigned_url", headers=one).json()["content"]
            path, sent = httpx.URL(made["presigned_url"]).raw_path.decode(), {}
        with trickling(url, path, sent, 16):
            refused = put_until(503, url, one)
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert put_until(200, url, other).status_code == 200
        assert put_until(200, url, one).status_code == 200


def test_without_keys_all_uploads_are_one_callers(tmp_path):
    path = f"{BUCKETS}/b/t"
    with running(MODEL, home=Home(tmp_path)) as url, trickling(url, path, {}, 16) as held:
        assert put_until(503, url, {}).status_code == 503
        ready, _, _ = select.select(held, [], [], 0.5)  # of one key, eight would be answered
        assert ready == []


@pytest.mark.slow
def test_an_upload_that_trickles_is_ended_and_a_steady_one_is_not(tmp_path):
    doorway = Doorway(upload_rate=200, upload_window=1)
    with running(MODEL, home=Home(tmp_path), doorway=doorway) as url:
        for every in (0.05, None):
            with trickling(url, f"{BUCKETS}/b/t", {}, 1, every) as [raw]:
                assert raw.recv(65_536).startswith(b"HTTP/1.1 408 ")

        def steady():
            for _ in range(12):
                time.sleep(0.1)
                yield b"x" * 300

        assert httpx.put(f"{url}{BUCKETS}/b/t", content=steady()).status_code == 200
        assert [each["size"] for each in httpx.get(f"{url}{BUCKETS}/b").json()["data"]] == [3_600]

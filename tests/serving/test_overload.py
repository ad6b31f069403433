"""Twice what a server can do: what waits stays bounded, the rest is told when to come again."""

import asyncio
import json
import socket
import threading
import time

import httpx
import numpy as np
import pytest
from running import running

from tunewise.serving.batching import Limits
from tunewise.serving.door import Doorway
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

A_SECOND = 100  # texts, of a token each


class Slow:
    """An encoder of a hundred texts a second, whatever the machine."""

    name, stamp, dimension, max_tokens = "slow", "5" * 16, 4, None

    def encode_queries(self, texts, *, progress=None):
        time.sleep(len(texts) / A_SECOND)
        return np.tile(np.eye(1, 4, dtype=np.float32), (len(texts), 1))

    encode_documents = encode_queries

    def count_tokens(self, texts):
        return np.ones(len(texts), dtype=np.int64)


async def asked(url, seconds, rate):
    """(status, seconds, Retry-After) of requests that come at this rate, answered or not."""
    seen = []
    async with httpx.AsyncClient(timeout=30) as client:

        async def ask(number):
            began = time.perf_counter()
            body = {"model": "slow", "input": str(number)}
            answer = await client.post(f"{url}/v1/embeddings", json=body)
            waited = time.perf_counter() - began
            seen.append((answer.status_code, waited, answer.headers.get("retry-after")))

        began, tasks = time.perf_counter(), []
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(ask(number)))
        await asyncio.gather(*tasks)
    return seen


@pytest.mark.slow
def test_at_twice_its_capacity_nothing_grows_and_all_are_answered():
    limits = Limits(batch=10, waiting=50)  # half a second's
    with running(Model("slow", Slow()), limits=limits) as url:
        seen = asyncio.run(asked(url, seconds=4, rate=2 * A_SECOND))
        told = httpx.get(f"{url}/metrics").text
    good = [waited for status, waited, _ in seen if status == 200]
    busy = [after for status, _, after in seen if status == 503]
    assert len(good) + len(busy) == len(seen)
    assert len(busy) > 0.2 * len(seen)  # what is too much is turned away,
    assert len(good) > 0.5 * 4 * A_SECOND * 0.5  # the rest done,
    assert np.median(good[-50:]) < 3  # and who comes last waits no longer than who came first
    assert all(1 <= int(after) <= 10 for after in busy)
    assert "tunewise_waiting_tokens 0.0" in told


def test_requests_past_the_number_at_once_are_told_when_to_come_again():
    doorway = Doorway(at_once=2)
    with running(Model("plain", WordHashEncoder()), doorway=doorway) as url:
        address = httpx.URL(url)
        head = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        held = [socket.create_connection((address.host, address.port)) for _ in range(2)]
        for each in held:  # inside, and never whole
            each.sendall(head + b"Content-Type: application/json\r\n\r\n{")
        end = time.monotonic() + 30
        while (answer := httpx.get(f"{url}/v1/models")).status_code != 503:
            assert time.monotonic() < end
        assert (answer.json()["error"]["code"], answer.headers["retry-after"]) == (
            "overloaded",
            "1",
        )
        for each in held:
            each.close()
        while httpx.get(f"{url}/v1/models").status_code != 200:
            assert time.monotonic() < end


BREAKS = ["\r\nX-Injected: 1", "\n", "\0", "\r\n\r\nHTTP/1.1 200 OK", "%0d%0aX-Injected:%201"]


@pytest.mark.parametrize("text", BREAKS)
def test_no_header_and_no_line_of_the_log_can_be_made_from_outside(text, caplog):
    with running(Model("plain", WordHashEncoder())) as url, caplog.at_level("INFO", "tunewise"):
        address = httpx.URL(url)
        for head in (
            f"GET /v1/models/{text} HTTP/1.1\r\nHost: localhost\r\n",
            f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a{text}\r\n",
            f"{text} /healthz HTTP/1.1\r\nHost: localhost\r\n",
        ):
            with socket.create_connection((address.host, address.port), timeout=5) as raw:
                raw.sendall(f"{head}Connection: close\r\n\r\n".encode("latin-1"))
                answer = b"".join(iter(lambda: raw.recv(65_536), b""))
            assert b"x-injected" not in answer.partition(b"\r\n\r\n")[0].lower()
            assert answer.count(b"HTTP/1.1 ") <= 1 or b"400" in answer
        body = {"model": f"none{text}", "input": "x"}
        answer = httpx.post(f"{url}/v1/embeddings", json=body)
        assert answer.status_code == 404
        assert "x-injected" not in answer.headers
        assert json.loads(answer.text)["error"]["code"] == "model_not_found"
    for record in caplog.records:
        facts = json.dumps(getattr(record, "facts", {}))
        assert "njected" not in facts


@pytest.mark.parametrize(
    "path",
    ["/v1/models/../../metrics", "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%00",
     "//evil.example/v1/models", "/v1/models/" + "a" * 5_000, "/%2e%2e/%2e%2e/etc/passwd"],
)  # fmt: skip
def test_no_path_leads_anywhere_but_to_a_route(path):
    with running(Model("plain", WordHashEncoder())) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port), timeout=5) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.split(b" ")[1] in (b"404", b"400", b"307")
    assert b"root:" not in answer
    assert b"tunewise_requests" not in answer
    assert b"location: http://evil" not in answer.lower()


def test_a_server_gives_freed_memory_back_again_and_again_while_it_runs(monkeypatch):
    given = threading.Semaphore(0)
    monkeypatch.setattr("tunewise.serving.service._TIDIED", 0.01)
    monkeypatch.setattr("tunewise.serving.service.give_back", given.release)
    with running(Model("slow", Slow())):
        assert all(given.acquire(timeout=20) for _ in range(3))

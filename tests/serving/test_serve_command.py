"""`tunewise serve` as a user types it: a process, its address, and how it ends."""

import signal
import subprocess
import sys
import threading

import httpx
import numpy as np
import pytest
from running import certified, served

from tunewise.serving.keys import KeyFile
from tunewise.testing import WordHashEncoder

pytestmark = pytest.mark.slow


def embed(url, text="open a file", model="word-hash"):
    asked = {"model": model, "input": text, "encoding_format": "float"}
    answer = httpx.post(f"{url}/embeddings", json=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    return np.array([each["embedding"] for each in answer.json()["data"]], dtype=np.float32)


def test_a_killed_server_starts_again_at_the_same_port_and_answers_the_same(tmp_path):
    with served("word-hash", "--port", "0", folder=tmp_path) as (process, url):
        before = embed(url)
        port = httpx.URL(url).port
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    with served("mine=word-hash", "--port", str(port), folder=tmp_path) as (_, url):
        assert httpx.URL(url).port == port
        assert np.array_equal(embed(url, model="mine"), before)
    assert np.array_equal(before, WordHashEncoder().encode_documents(["open a file"]))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_was_asked_first(tmp_path, stop):
    texts = [f"{n} " + "word " * 100 for n in range(2_000)]
    done = []
    with served("word-hash", "--port", "0", folder=tmp_path) as (process, url):
        threads = [
            threading.Thread(target=lambda: done.append(embed(url, texts).shape)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        told = url.replace("/v1", "/metrics")
        all_in = f'tunewise_tokens_total{{model="word-hash"}} {4 * 101 * len(texts)}.0'
        working = True
        while all_in not in httpx.get(told).text:
            assert working
            working = any(thread.is_alive() for thread in threads)
        process.send_signal(stop)
        for thread in threads:
            thread.join(30)
        # a server that ends by the signal it was sent says so to whoever started it
        assert process.wait(30) in (0, -stop)
    assert done == [(2_000, 64)] * 4
    assert "Traceback" not in (tmp_path / "log.jsonl").read_text()


def test_a_port_that_is_taken_is_a_mistake_to_mend(tmp_path):
    with served("word-hash", "--port", "0", folder=tmp_path) as (_, url):
        ran = subprocess.run(
            [sys.executable, "-m", "tunewise", "serve", "word-hash",
             "--port", str(httpx.URL(url).port)],
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


def test_over_tls_with_a_key(tmp_path):
    trusted = certified(tmp_path)
    _, secret = KeyFile(tmp_path / "keys.json").create("", ["embed"])
    tls = ("--tls-cert", "c.pem", "--tls-key", "k.pem", "--keys", "keys.json", "--host", "0.0.0.0")
    with served("word-hash", "--port", "0", *tls, folder=tmp_path) as (_, url):
        address = url.replace("0.0.0.0", "127.0.0.1")
        assert address.startswith("https://")
        with httpx.Client(timeout=60, verify=trusted) as client:
            assert client.get(f"{address}/models").status_code == 401
            headers = {"authorization": f"Bearer {secret}"}
            assert client.get(f"{address}/models", headers=headers).status_code == 200

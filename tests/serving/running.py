"""A server on a real socket, in this process or its own, and encoders that do what a test needs."""

import os
import re
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import uvicorn

from tunewise.errors import EncoderError
from tunewise.serving.app import make_app
from tunewise.serving.connection import bounded, loop_for
from tunewise.serving.models import Offer


@contextmanager
def running(*models, bounds=None, tls=None, idle=5, **options):
    """The address of a server of these models; stopped as a signal would stop it."""
    app = make_app(Offer({model.name: model for model in models}), **options)
    with running_app(app, bounds, tls, idle) as url:
        yield url


@contextmanager
def running_app(app, bounds=None, tls=None, idle=5):
    """The address of a server of this app."""
    http = bounded(bounds, tls)
    config = uvicorn.Config(
        app, http=http, port=0, loop=loop_for(tls), timeout_keep_alive=idle, log_config=None,
        access_log=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def served(*arguments, folder):
    """A server in a process of its own, and its address."""
    own = {"TUNEWISE_CACHE": str(folder / "cache"), "TUNEWISE_HOME": str(folder / "home")}
    environment = {**os.environ, **own, "HF_HUB_OFFLINE": "1"}
    with (folder / "log.jsonl").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tunewise", "serve", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        lines = []
        while not (found := re.search(r"http\S+", lines[-1] if lines else "")):
            lines.append(process.stdout.readline())
            assert lines[-1], (folder / "log.jsonl").read_text()
        yield process, found[0]
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def certified(folder):
    """A certificate for 127.0.0.1 and its key, c.pem and k.pem, and what trusts it."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", "k.pem", "-out", "c.pem"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl is not installed, so there is no certificate")
    return ssl.create_default_context(cafile=str(folder / "c.pem"))


class Waits:
    """An encoder that waits to be let through, tells what it was asked, and fails on request.

    A text's vector points along one axis, chosen by its length.
    """

    dimension = 4
    max_tokens = None

    def __init__(self, *, let=True, name="waits"):
        self.name, self.stamp = name, f"{name:0<16}"[:16]
        self.asked = []
        self.begun = threading.Semaphore(0)
        self.let = threading.Semaphore(10**9 if let else 0)

    def encode_queries(self, texts, *, progress=None):
        self.asked.append(list(texts))
        self.begun.release()
        assert self.let.acquire(timeout=10)
        for text in texts:
            if "NaN" in text:
                raise EncoderError(f"The encoder gave numbers that are not finite for '{text}'")
        return np.eye(4, dtype=np.float32)[[len(text) % 4 for text in texts]]

    encode_documents = encode_queries

    def count_tokens(self, texts):
        return np.array([len(text.split()) for text in texts], dtype=np.int64)

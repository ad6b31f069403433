"""What comes before a request is whole is bounded: in bytes, seconds and connections."""

import socket
import ssl
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
from running import certified, running

from tunewise.serving.connection import Bounds
from tunewise.serving.listening import tls_of
from tunewise.serving.models import Model
from tunewise.testing import WordHashEncoder

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CHUNKS = HEAD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def server(*, tls=None, idle=5, **bounds):
    options = {"tls": tls, "idle": idle}
    with running(Model("plain", WordHashEncoder()), bounds=Bounds(**bounds), **options) as url:
        yield httpx.URL(url)


@contextmanager
def line(url):
    with socket.create_connection((url.host, url.port), timeout=20) as raw:
        yield raw


def is_open(raw):
    """Whether the server has neither said anything nor closed."""
    raw.setblocking(False)
    try:
        return raw.recv(1) is None
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    finally:
        raw.settimeout(20)


def answered(raw):
    """All that comes until the server closes."""
    found = b""
    with suppress(ConnectionResetError):  # closed while more was on its way
        while block := raw.recv(65_536):
            found += block
    return found


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"X-A: " + b"a" * 100_000,  # and it would go on
        HEAD + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /" + b"a" * 100_000,
        CHUNKS + b"0\r\nX-A: " + b"a" * 100_000,
        CHUNKS + b"1;" + b"a" * 100_000,
    ],
    ids=["endless", "long", "many", "line", "trailer", "extension"],
)
def test_a_head_past_its_bound_is_not_read_on(sent):
    with server() as url, line(url) as raw:
        with suppress(OSError):  # closed while more was on its way
            raw.sendall(sent)
        answer = answered(raw)
        assert b" 200 OK" not in answer
        assert b" 431 " in answer or not answer
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_a_head_is_refused_in_words_and_one_within_the_bound_is_read():
    with server() as url:
        with line(url) as raw:
            raw.sendall(HEAD + b"X-A: " + b"a" * 66_000)
            assert answered(raw).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
        assert httpx.get(f"{url}/healthz", headers={"x-a": "a" * 60_000}).status_code == 200
        body = {"model": "plain", "input": "word " * 8_000, "user": "u" * 1_000_000}
        answer = httpx.post(f"{url}/v1/embeddings", json=body)
        assert answer.status_code == 200, answer.text


def test_a_connection_without_a_whole_head_ends():
    with (
        server(seconds=0.3, idle=60) as url,
        line(url) as none,
        line(url) as half,
        line(url) as second,
    ):
        half.sendall(HEAD)
        second.sendall(HEAD + b"\r\n")
        assert second.recv(65_536).startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
        second.sendall(HEAD)  # its next request is no other than its first
        began = time.perf_counter()
        assert [answered(each) for each in (none, half, second)] == [b"", b"", b""]
        assert time.perf_counter() - began < 20  # and not the minute that one may be idle


def test_connections_are_bounded_and_there_is_room_when_one_ends():
    with server(connections=2) as url:
        with line(url), line(url):
            time.sleep(0.05)
            with line(url) as third:
                assert answered(third).startswith(b"HTTP/1.1 503")
        end = time.perf_counter() + 5
        while httpx.get(f"{url}/healthz").status_code != 200:
            assert time.perf_counter() < end


def test_an_idle_connection_ends_and_makes_room_before_that():
    with server(connections=2, idle=60) as url, line(url) as first, line(url) as second:
        for each in (first, second):
            each.sendall(HEAD + b"\r\n")
            assert each.recv(65_536).startswith(b"HTTP/1.1 200")
            time.sleep(0.05)
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert answered(first) == b""  # the one that was idle longest
        second.sendall(HEAD + b"\r\n")
        assert second.recv(65_536).startswith(b"HTTP/1.1 200")
    with server(idle=0.2) as url, line(url) as raw:
        raw.sendall(HEAD + b"\r\n")
        assert answered(raw).startswith(b"HTTP/1.1 200")  # and then it is closed


def test_a_handshake_is_bounded_in_time_and_has_a_place_among_the_connections(tmp_path):
    trusted = certified(tmp_path)
    tls = tls_of(tmp_path / "c.pem", tmp_path / "k.pem")
    with server(tls=tls, connections=2, seconds=2, idle=60) as url:
        began = time.perf_counter()
        with line(url) as silent, line(url) as half:
            half.sendall(b"\x16\x03\x01\x02\x00")  # a record that is announced and never comes
            time.sleep(0.05)
            with line(url) as third:
                assert answered(third) == b""  # before those who came earlier
                assert is_open(silent)
                assert is_open(half)
            assert [answered(silent), answered(half)] == [b"", b""]
            assert 1.9 < time.perf_counter() - began < 20
        with httpx.Client(timeout=60, verify=trusted) as client:
            for _ in range(3):
                body = {"model": "plain", "input": "word", "user": "u" * 1_000_000}
                assert client.post(f"{url}/v1/embeddings", json=body).status_code == 200
        with line(url) as plain:
            plain.sendall(HEAD + b"\r\n")
            assert b"HTTP" not in answered(plain)
        with line(url) as raw:
            coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
            inside = trusted.wrap_bio(coming, going, server_hostname="127.0.0.1")
            until_it_has_enough(inside.do_handshake, raw, coming, going)
            inside.write(HEAD + b"\r\n")  # goes with the last of the handshake
            raw.sendall(going.read())
            assert until_it_has_enough(inside.read, raw, coming, going).startswith(b"HTTP/1.1 200")


def until_it_has_enough(call, raw, coming, going):
    while True:
        try:
            return call()
        except ssl.SSLWantReadError:
            raw.sendall(going.read())
            block = raw.recv(65_536)
            assert block
            coming.write(block)

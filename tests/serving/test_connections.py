"""What comes before a request is whole is bounded: in bytes, seconds and connections."""

import gc
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
from running import Waits, certified, running
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

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


def is_well(raw):
    """Whether the next answer is that the server is well; it comes in one piece or in two."""
    found = b""
    while not found.endswith(b'"ok"}') and (block := raw.recv(65_536)):
        found += block
    return found.startswith(b"HTTP/1.1 200")


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
        assert is_well(second)
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
                told = answered(third)
                assert told.startswith(b"HTTP/1.1 503")
                assert b"\r\nretry-after: 1\r\n" in told
        end = time.perf_counter() + 5
        while httpx.get(f"{url}/healthz").status_code != 200:
            assert time.perf_counter() < end


def test_an_idle_connection_ends_and_makes_room_before_that():
    with server(connections=2, idle=60) as url, line(url) as first, line(url) as second:
        for each in (first, second):
            each.sendall(HEAD + b"\r\n")
            assert is_well(each)
            time.sleep(0.05)
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert answered(first) == b""  # the one that was idle longest
        second.sendall(HEAD + b"\r\n")
        assert is_well(second)
    with server(idle=0.2) as url, line(url) as raw:
        raw.sendall(HEAD + b"\r\n")
        assert answered(raw).startswith(b"HTTP/1.1 200")  # and then it is closed


@pytest.mark.slow
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


LAST = b"connection: close\r\n"


def asked(number):
    return HEAD + b"X-Request-Id: r%d\r\n\r\n" % number


def embedded(number):
    body = b'{"model": "waits", "input": "%d"}' % number
    head = HEAD.replace(b"GET /healthz", b"POST /v1/embeddings")
    told = b"X-Request-Id: r%d\r\nContent-Type: application/json\r\n" % number
    return head + told + b"Content-Length: %d\r\n\r\n" % len(body) + body


def numbers(answer):
    return [int(each) for each in re.findall(rb"x-request-id: r(\d+)\r\n", answer)]


def alive():
    return sum(type(each) is RequestResponseCycle for each in gc.get_objects())


@contextmanager
def held_up(raw, waits):
    """A connection whose first request is being answered as long as the block lasts."""
    raw.sendall(embedded(0))
    assert waits.begun.acquire(timeout=20)
    yield
    waits.let.release(2)


def test_requests_sent_at_once_are_answered_in_their_order():
    waits = Waits(let=False)
    with running(Model("waits", waits)) as address, line(httpx.URL(address)) as raw:
        with held_up(raw, waits):
            raw.sendall(b"".join(map(asked, range(1, 21))))
            time.sleep(0.05)
        answer = b""
        while len(numbers(answer)) < 21 or not answer.endswith(b'"ok"}'):
            answer += raw.recv(65_536)
        assert numbers(answer) == list(range(21))
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 21
        assert LAST not in answer
        raw.sendall(asked(21))
        assert numbers(raw.recv(65_536)) == [21]


@pytest.mark.slow
def test_no_more_requests_of_a_connection_wait_than_may():
    waits = Waits(let=False)
    with running(Model("waits", waits)) as address, line(httpx.URL(address)) as raw:
        with held_up(raw, waits):
            before = alive()
            raw.sendall(b"".join(map(asked, range(1, 2_001))))
            time.sleep(0.3)
            assert alive() - before <= 32
        answer = answered(raw)
        assert numbers(answer) == list(range(33))
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 33
        assert answer.count(LAST) == 1
        assert LAST in answer[answer.rindex(b"HTTP/1.1 200") :]  # the last says that it is
        assert httpx.get(f"{address}/healthz").status_code == 200


@pytest.mark.parametrize(
    "behind",
    [
        CHUNKS + b"5\r\nxxxxx\r\n" * 1_000 + b"0\r\n\r\n",
        HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
    ids=["body", "websocket"],
)
def test_what_is_sent_behind_too_many_requests_is_no_part_of_another(behind, caplog):
    waits = Waits(let=False)
    with running(Model("waits", waits)) as address, line(httpx.URL(address)) as raw:
        with held_up(raw, waits):
            raw.sendall(b"".join(map(asked, range(1, 32))) + embedded(32) + behind)
            time.sleep(0.1)
        answer = answered(raw)
        assert numbers(answer) == list(range(33))
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 33
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.slow
def test_who_sends_ever_more_requests_and_reads_the_answers_is_ended():
    with server() as url, line(url) as raw:
        read = threading.Thread(target=answered, args=(raw,), daemon=True)
        read.start()
        most, end = 0, time.monotonic() + 20
        with pytest.raises(OSError):  # closed, in whichever of several ways
            while time.monotonic() < end:
                raw.sendall(b"GET / HTTP/1.1\r\n\r\n" * 4_000)
                most = max(most, alive())
        read.join(20)
        assert most < 100

"""Addresses: fetched from hosts that were named, over real sockets, and from nowhere else."""

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tunewise.documents import Document, Failure, Limits, read_documents
from tunewise.documents.address import Hosts, _is_public
from tunewise.errors import OptionError

PAGE = b"<title>Desk</title><h1>Loans</h1><p>Three weeks, K\xe4se.</p>"


class Pages(BaseHTTPRequestHandler):
    """What a good server and a bad one say; who asked for what is kept."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"]))
        path, _, rest = self.path.partition("?")
        getattr(self, "_" + path.strip("/").replace(".", "_"), self._none)(rest)

    def _say(self, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _page(self, rest: str) -> None:
        self._say(PAGE, "text/html; charset=ISO-8859-1")

    def _notes_md(self, rest: str) -> None:
        self._say(b"# Notes\n", "text/plain")

    def _moved(self, rest: str) -> None:
        self.send_response(302)
        self.send_header("Location", rest)
        self.end_headers()

    def _large(self, rest: str) -> None:
        self._say(b"x" * 3_000_000, "text/plain")

    def _packed(self, rest: str) -> None:
        self._say(gzip.compress(bytes(10_000_000)), "text/plain", Content_Encoding="gzip")

    def _slow(self, rest: str) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(400):
                self.wfile.write(b"X-More: header\r\n")
                time.sleep(0.05)
        except OSError:
            pass

    def _photo(self, rest: str) -> None:
        self._say(b"\xff\xd8\xff", "image/jpeg")

    def _round(self, rest: str) -> None:
        self._moved("/round")

    def _none(self, rest: str) -> None:
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Pages.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def read(server: ThreadingHTTPServer, path: str, host: str = "127.0.0.1", **limits: Any) -> Any:
    at = f"{host}:{server.server_port}"
    (found,) = read_documents(f"http://{at}/{path}", private_hosts=[at], limits=Limits(**limits))
    return found


def test_a_page_is_fetched_and_read_as_what_its_server_says(server: ThreadingHTTPServer) -> None:
    found = read(server, "page")
    assert isinstance(found, Document)
    assert (found.title, found.text) == ("Desk", "Loans\n\nThree weeks, Käse.")
    assert found.id == found.metadata["source"] == f"http://127.0.0.1:{server.server_port}/page"
    assert found.metadata["media_type"] == "text/html"


def test_a_name_says_more_than_a_server_that_says_plain_text(server: ThreadingHTTPServer) -> None:
    assert read(server, "notes.md").headings == [(0, "Notes")]


def test_redirects_are_followed_as_far_as_hosts_go(server: ThreadingHTTPServer) -> None:
    assert read(server, "moved?/page").title == "Desk"
    other = f"http://localhost:{server.server_port}/page"
    assert "is not among the hosts" in read(server, f"moved?{other}").reason
    assert [path for path, _ in Pages.asked].count("/page") == 1
    assert "no http or https address" in read(server, "moved?file:///etc/passwd").reason
    assert "redirected more than 5 times" in read(server, "round").reason
    assert "redirected more than 0 times" in read(server, "moved?/page", redirects=0).reason


@pytest.mark.parametrize(
    ("path", "limits", "reason"),
    [
        ("nothing", {}, "answered 404"),
        ("large", {"address_bytes": 2**20}, "more than 1 MiB"),
        ("packed", {}, "compressed content though asked not to"),
        ("slow", {"address_seconds": 0.3}, "did not answer within 0.3 seconds"),
        ("photo", {}, "No reader for image/jpeg"),
    ],
)
def test_what_a_server_does_wrong_is_told(
    server: ThreadingHTTPServer, path: str, limits: dict[str, Any], reason: str
) -> None:
    begun = time.monotonic()
    found = read(server, path, **limits)
    assert isinstance(found, Failure)
    assert found.name.endswith(f"/{path}")
    assert reason in found.reason
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/page",
        "http://localhost:{port}/page",
        "http://127.1:{port}/page",
        "http://0x7f000001:{port}/page",
        "http://2130706433:{port}/page",
        "http://[::ffff:127.0.0.1]:{port}/page",
        "http://0.0.0.0:{port}/page",
    ],
)
def test_this_machine_is_not_asked_whatever_it_is_called(
    server: ThreadingHTTPServer, address: str
) -> None:
    url = address.format(port=server.server_port)
    host = url.split("/")[2]
    (found,) = read_documents(url, hosts=[host])
    assert isinstance(found, Failure)
    assert "not on the public network" in found.reason
    (found,) = read_documents(url, hosts=["example.com"])
    assert isinstance(found, Failure)
    assert "is not among the hosts" in found.reason
    assert Pages.asked == []


def test_a_name_that_means_another_machine_a_moment_later_changes_nothing(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]]

    def once(host: Any, *_: Any, **__: Any) -> Any:  # what a name server says is not ours to have
        if host in ("127.0.0.1", b"127.0.0.1"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))]
        return answers.pop()

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert read(server, "page", host="desk.example").title == "Desk"
    assert answers == []
    assert Pages.asked == [("/page", f"desk.example:{server.server_port}")]


@pytest.mark.parametrize("machine", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "::1"])
def test_a_public_name_with_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in ("8.8.8.8", machine)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    (failed,) = read_documents("http://public.example/x.txt", hosts=["public.example"])
    assert isinstance(failed, Failure)
    assert "not on the public network, but at" in failed.reason
    assert machine in failed.reason


@pytest.mark.parametrize(
    ("machine", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("172.16.0.1", False), ("100.64.0.1", False), ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False), ("255.255.255.255", False), ("192.0.2.1", False), ("::", False),
        ("fe80::1%eth0", False), ("fc00::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True), ("64:ff9b::7f00:1", False), ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False), ("::127.0.0.1", False), ("fec0::1", False), ("3fff::1", False),
        ("192.88.99.1", False), ("2002:c058:6301::1", False), ("64:ff9b:1::a00:1", False),
        ("5f00::1", False), ("192.88.98.1", True),
    ],
)  # fmt: skip
def test_which_addresses_are_public(machine: str, public: bool) -> None:
    assert _is_public(machine) is public


def test_a_host_is_meant_with_its_port() -> None:
    hosts = Hosts(["Docs.Example", "api.example:8080"], ["desk.internal"])
    assert hosts.allow("docs.example", 443) == (True, False)
    assert hosts.allow("docs.example", 8080) == (False, False)
    assert hosts.allow("api.example", 8080) == (True, False)
    assert hosts.allow("api.example", 443) == (False, False)
    assert hosts.allow("desk.internal", 80) == (True, True)
    assert hosts.allow("evil-docs.example", 443) == (False, False)


@pytest.mark.parametrize(
    "host", ["http://a.example", "a.example/path", "", "user@a.example", "a b"]
)
def test_what_is_no_host_is_refused_at_once(host: str) -> None:
    with pytest.raises(OptionError, match="is no host"):
        read_documents("http://a.example/", hosts=[host])


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://user:key@a.example/", "user's name or password"),
        ("http:///x", "no http or https address"),
        ("http://[::1/", "is no address"),
    ],
)
def test_an_address_that_is_none_is_told(address: str, reason: str) -> None:
    (found,) = read_documents(address, hosts=["a.example"])
    assert isinstance(found, Failure)
    assert reason in found.reason


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.parametrize(("name", "reason"), [("desk.example", ""), ("other.example", "mismatch")])
def test_a_certificate_has_to_be_that_of_the_name(
    server: ThreadingHTTPServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    reason: str,
) -> None:
    """The connection goes to a number, the certificate is held against the name all the same."""
    key, own = tmp_path / "key.pem", tmp_path / "own.pem"
    making = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=desk.example -addext"
    subprocess.run(
        [*making.split(), "subjectAltName=DNS:desk.example", "-keyout", key, "-out", own],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])
    monkeypatch.setattr("certifi.where", lambda: str(own))  # whom this machine trusts
    at = f"{name}:{server.server_port}"
    (found,) = read_documents(f"https://{at}/page", private_hosts=[at])
    if reason:
        assert isinstance(found, Failure)
        assert reason in found.reason
    else:
        assert isinstance(found, Document)


def test_a_server_without_encryption_is_not_asked_where_it_is_wanted(
    server: ThreadingHTTPServer,
) -> None:
    at = f"127.0.0.1:{server.server_port}"  # which speaks no TLS at all
    (found,) = read_documents(f"https://{at}/page", private_hosts=[at])
    assert isinstance(found, Failure)
    assert "could not be fetched" in found.reason

"""Sites: their pages followed over real sockets, each once, no further than was asked for."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tunewise.documents import Document, Failure, Limits, read_documents
from tunewise.errors import OptionError

HTML = "text/html; charset=utf-8"


class Site:
    """A server of pages: path → (status, media type, content or where it has moved to)."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, str, str]] = {}
        self.asked: list[tuple[float, str]] = []
        self.port = 0

    def page(self, path: str, *links: str, text: str = "") -> None:
        items = "".join(f'<a href="{link}">on</a>' for link in links)
        self.pages[path] = (200, HTML, f"<title>{path}</title><p>{text or path}</p>{items}")

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.port}"

    def read(self, path: str = "/", depth: int = 5, **limits: Any) -> dict[str, str]:
        """Path → text, or why it failed."""
        found = read_documents(
            f"http://{self.at}{path}",
            private_hosts=[self.at],
            depth=depth,
            limits=Limits(**limits),
        )
        told = {}
        for each in found:
            name = each.id if isinstance(each, Document) else f"!{each.name}"
            reason = each.reason if isinstance(each, Failure) else each.text
            told[name.replace(f"http://{self.at}", "")] = reason
        return told

    def paths(self) -> list[str]:
        return [path for _, path in self.asked]


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((time.monotonic(), self.path))
            status, kind, content = made.pages.get(self.path, (404, HTML, "nothing"))
            self.send_response(status)
            self.send_header("Location" if status == 302 else "Content-Type",
                             content if status == 302 else kind)  # fmt: skip
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as serving:
        made.port = serving.server_port
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        serving.shutdown()
        thread.join()


def test_pages_are_followed_once_the_nearest_first_and_as_deep_as_asked(site: Site) -> None:
    site.page("/", "/a", "b", "/a#part", "/", "mailto:x@y", "javascript:go()", "http://[", "")
    site.page("/a", "/deep/1")
    site.page("/b", "/a")
    site.page("/deep/1", "2")
    site.page("/deep/2", "../")
    assert list(site.read()) == ["/", "/a", "/b", "/deep/1", "/deep/2"]
    assert site.paths() == ["/", "/robots.txt", "/a", "/b", "/deep/1", "/deep/2"]
    assert list(site.read(depth=2)) == ["/", "/a", "/b", "/deep/1"]
    assert list(site.read(depth=1)) == ["/", "/a", "/b"]
    site.asked.clear()
    assert list(site.read(depth=0)) == ["/"]
    assert site.paths() == ["/"]


def test_only_pages_are_taken_and_from_this_host_alone(site: Site) -> None:
    other = f"http://localhost:{site.port}/elsewhere"
    links = ("/plan.txt", "/rows.csv", "/all.zip", "/photo.JPG", "/data", other, "/away", "/moved")
    site.page("/", *links)
    site.pages["/plan.txt"] = (200, "text/plain", "Plan of the house.")
    site.pages["/rows.csv"] = (200, "text/csv", "id,text\n1,one\n")
    site.pages["/all.zip"] = (200, "application/zip", "PK")
    site.pages["/data"] = (200, "application/octet-stream", "\0\1")
    site.pages["/away"] = (302, "", other)
    site.pages["/moved"] = (302, "", "/new")
    site.page("/new", "/moved", "/", text="moved here")
    site.page("/elsewhere")
    found = site.read()
    assert {name: text for name, text in found.items() if not name.startswith("!")} == {
        "/": "/\n\n" + "on" * len(links),
        "/plan.txt": "Plan of the house.",
        "/new": "moved here\n\nonon",
    }
    assert "/photo.JPG" not in site.paths()
    assert "/elsewhere" not in site.paths()
    assert list(found) == ["/", "/plan.txt", "!/away", "/new"]
    assert "is not among the hosts" in found["!/away"]


def test_a_base_counts_and_a_page_that_fails_does_not_stop_the_rest(site: Site) -> None:
    content = '<base href="/docs/"><p>home</p><a href="one">1</a><a href="gone">2</a><a href="x">3'
    site.pages["/"] = (200, HTML, content)
    site.page("/docs/one")
    site.pages["/docs/x"] = (500, HTML, "broken")
    found = site.read()
    assert list(found) == ["/", "/docs/one", "!/docs/gone", "!/docs/x"]
    assert "answered 404" in found["!/docs/gone"]
    assert "answered 500" in found["!/docs/x"]


def test_robots_txt_is_kept_with_its_wildcards_and_its_delay(site: Site) -> None:
    rules = "User-agent: *\nDisallow: /private/*.html$\nAllow: /\nCrawl-delay: 0.2\n"
    site.pages["/robots.txt"] = (200, "text/plain", rules)
    site.page("/private/index.html", "/private/a.html", "/private/a.html?x", "/b")
    site.page("/private/a.html?x")
    site.page("/b")
    assert list(site.read("/private/index.html")) == [
        "/private/index.html", "/private/a.html?x", "/b"
    ]  # fmt: skip
    times = [when for when, path in site.asked if path in ("/private/a.html?x", "/b")]
    assert times[1] - times[0] >= 0.19  # it waits at least; how much longer is the machine's


def test_no_redirect_leads_to_what_is_barred_or_was_asked_before(site: Site) -> None:
    site.pages["/robots.txt"] = (200, "text/plain", "User-agent: *\nDisallow: /private\n")
    site.page("/", "/a", "/to/private", "/to/a", "/to/b")
    site.page("/a")
    site.page("/b")
    site.page("/private")
    for name in ("a", "b", "private"):
        site.pages[f"/to/{name}"] = (302, "", f"/{name}")
    assert list(site.read()) == ["/", "/a", "/b"]
    assert "/private" not in site.paths()
    assert site.paths().count("/a") == 1


def test_a_redirect_leads_to_what_a_link_would_and_under_the_same_name(site: Site) -> None:
    site.pages["/first"] = (302, "", "/#start")
    site.page("/", "/b", "/to/b", "/c", "/film", "/long")
    site.page("/b")
    site.page("/d")
    site.pages["/to/b"] = (302, "", "/b#end")
    site.pages["/c"] = (302, "", "/d#top")
    site.pages["/film"] = (302, "", "/film.mp4")
    site.pages["/film.mp4"] = (200, "text/plain", "much")
    site.pages["/long"] = (302, "", "/" + "x" * 1_500)
    site.page("/" + "x" * 1_500)
    assert list(site.read("/first")) == ["/first", "/b", "/d"]
    asked = site.paths()
    assert (asked.count("/"), asked.count("/b"), asked.count("/d")) == (1, 1, 1)
    assert "/film.mp4" not in asked
    assert max(map(len, asked)) < 100


def test_where_robots_txt_cannot_be_had_no_link_is_followed(site: Site) -> None:
    site.page("/", "/a")
    site.page("/a")
    site.pages["/robots.txt"] = (503, HTML, "later")
    found = site.read()
    assert list(found) == ["/", "!/"]
    assert "links were not followed" in found["!/"]
    assert "answered 503" in found["!/"]
    assert site.paths() == ["/", "/robots.txt"]


def test_a_site_without_end_is_read_as_far_as_limits_go_and_told(site: Site) -> None:
    for n in range(30):
        site.page(f"/{n}", f"/{n + 1}", f"/{n + 2}", f"/{n + 3}")
    found = site.read("/0", site_addresses=10)
    assert list(found) == ["/0", *(f"/{n}" for n in range(1, 10)), "!/0"]
    assert "larger than what is read of one: 10 addresses" in found["!/0"]
    site.page("/0", "/1", "/2", "/3", text="x" * 100)
    few = site.read("/0", depth=1, site_bytes=1)
    assert list(few) == ["/0", "/1", "!/0"]


def test_the_first_page_says_where_its_site_is(site: Site) -> None:
    site.pages["/old"] = (302, "", f"http://localhost:{site.port}/new")
    site.page("/new", "next", f"http://{site.at}/next")
    site.page("/next")
    hosts = [site.at, f"localhost:{site.port}"]
    found = read_documents(f"http://{site.at}/old", private_hosts=hosts, depth=1)
    there = [each.id for each in found if isinstance(each, Document)]
    assert there == [f"http://{site.at}/old", f"http://localhost:{site.port}/next"]


def test_a_depth_is_a_number_of_links(site: Site) -> None:
    with pytest.raises(OptionError, match="depth"):
        list(read_documents(f"http://{site.at}/", private_hosts=[site.at], depth=-1))
    assert site.asked == []

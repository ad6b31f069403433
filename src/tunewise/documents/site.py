"""Sites: a page and the pages that it leads to on its own host, each fetched once.

Nearer pages come first, one at a time. What robots.txt bars is not asked for, nor faster than it
wishes; the first page is, since somebody named it.
"""

import mimetypes
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tunewise.documents.address import PORTS, Hosts, fetched, name_of, parsed, port_of
from tunewise.documents.document import Failure
from tunewise.documents.formats import is_page
from tunewise.documents.html import links
from tunewise.documents.limits import MIB
from tunewise.documents.source import Source
from tunewise.errors import AbsentError, DataError
from tunewise.extras import need

_NAME = "tunewise"  # that robots.txt may speak of
_ROBOTS = MIB  # bytes of it; RFC 9309 asks for half at least
_SLOWEST = 10.0  # seconds between two pages, however many robots.txt wishes
_LONGEST = 1_000  # letters of an address: longer ones are made up by a program, without end
_NO_PAGES = ("image", "audio", "video", "font")


def pages(first: Source, hosts: Hosts, *, depth: int = 0) -> Iterator[Source | Failure]:
    """What lies at the address `first.name`, and at those that it leads to, in files of a moment.

    `depth` is how many links lie between the first page and the last; 0 is the page alone. A
    source's file is gone at the next step. Links are followed within the host at which the first
    page was found, to pages only: neither tables nor zip files, images or what has no reader.
    A page that cannot be had is a Failure, with its reason, and so is what lies beyond the limits.
    Raises as `fetched` does if the first cannot be had. It is not called where an event loop runs.
    """
    with fetched(first, hosts) as found:
        yield found
        ahead = list(_links(found)) if depth > 0 else []
        home = parsed(found.address)
    if not ahead:
        return
    try:
        site = _Site(first, hosts, home, _robots(first, hosts, home))
    except DataError as wrong:
        yield Failure(first.name, f"Its links were not followed. {wrong}")
        return
    site.seen.add(found.address)
    site.note(ahead, 1)
    yield from site.walk(depth)


@dataclass
class _Site:
    """The pages of one host: those that are known of, and those still ahead, the nearest first."""

    first: Source
    hosts: Hosts
    home: Any  # httpx.URL
    robots: Any  # protego.Protego
    seen: set[str] = field(default_factory=set)
    ahead: deque[tuple[str, int]] = field(default_factory=deque)
    full: bool = False

    def walk(self, depth: int) -> Iterator[Source | Failure]:
        """The pages ahead, and those which they lead to, up to `depth` links from the first."""
        wait = min(self.robots.crawl_delay(_NAME) or 0.0, _SLOWEST)
        bytes_left = self.first.limits.site_bytes
        while self.ahead and bytes_left > 0:
            address, level = self.ahead.popleft()
            time.sleep(wait)
            page, look = replace(self.first, name=address), partial(self._pass_over, address)
            try:
                with fetched(page, self.hosts, look=look) as found:
                    bytes_left -= found.path.stat().st_size
                    self.seen.add(found.address)
                    if is_page(found):
                        yield replace(found, name=found.address)
                        if level < depth:
                            self.note(_links(found), level + 1)
            except _PassedOverError:
                continue
            except (AbsentError, DataError) as wrong:
                yield Failure(address, str(wrong))
        if self.full or self.ahead:
            limits = self.first.limits
            yield Failure(
                self.first.name,
                f"Its site is larger than what is read of one: {limits.site_addresses:,} "
                f"addresses, {limits.site_bytes / MIB:,.0f} MiB. Name its parts one by one.",
            )

    def note(self, found: Iterator[str] | list[str], level: int) -> None:
        """Puts those that are new, of this host and not barred among those ahead."""
        for link in found:
            address = self._own(link)
            if not address or address in self.seen:
                continue
            if len(self.seen) >= self.first.limits.site_addresses:
                self.full = True
                return
            self.seen.add(address)
            if self.robots.can_fetch(address, _NAME):
                self.ahead.append((address, level))

    def _own(self, link: str) -> str:
        """The address of a link as it is asked for, "" where it is not to be."""
        try:
            found = parsed(link)
        except DataError:
            return ""
        kind = (mimetypes.guess_type(found.path)[0] or "").partition("/")[0]
        if not self._is_here(found) or kind in _NO_PAGES or len(str(found)) > _LONGEST:
            return ""
        return str(found)

    def _is_here(self, address: Any) -> bool:
        ports = {port_of(address), port_of(self.home)}
        same = len(ports) == 1 or ports <= set(PORTS.values())
        return same and name_of(address) == name_of(self.home)

    def _pass_over(self, asked: str, address: Any) -> None:
        """Ends the fetch where a redirect leads to what a link to it would not lead to either."""
        found = self._own(str(address))
        known = found != asked and found in self.seen
        if not found or known or not self.robots.can_fetch(found, _NAME):
            raise _PassedOverError


class _PassedOverError(Exception):
    """A page that is not read, of which there is nothing to tell."""


def _links(page: Source) -> Iterator[str]:
    """Where a page leads to; nowhere if it is none that has links, or cannot be read."""
    try:
        if is_page(page, linking=True):
            yield from links(page)
    except DataError:
        return  # who reads the page tells why


def _robots(first: Source, hosts: Hosts, home: Any) -> Any:
    """What a host asks of programs (RFC 9309). Raises DataError if it has rules, but not now."""
    protego = need("protego", extra="documents")
    limits = replace(first.limits, address_bytes=_ROBOTS)
    address = str(home.copy_with(raw_path=b"/robots.txt"))
    try:
        with fetched(Source(Path(), address, limits=limits), hosts) as found:
            rules = found.path.read_text(encoding="utf-8", errors="replace")
    except AbsentError:
        rules = ""
    return protego.Protego.parse(rules)

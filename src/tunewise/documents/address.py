"""Addresses: a page or file is fetched from a host that was named, and from nowhere else.

Whoever may say which address is read could otherwise read what only this machine can reach. So
the name is resolved once, all that it resolves to is looked at, and the connection goes to just
that: a name that means something else a moment later (DNS rebinding) changes nothing. Redirects
go through the same gate.
"""

import asyncio
import ipaddress
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO

from tunewise.documents.limits import MIB
from tunewise.documents.source import Source
from tunewise.errors import AbsentError, DataError, OptionError

PORTS = {"http": 80, "https": 443}
_MOVED = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = [
    ipaddress.ip_network(each)  # which `is_global` takes for public, not in all versions of Python
    for each in (
        "192.88.99.0/24",  # once the way into 6to4 (RFC 7526)
        "64:ff9b:1::/48",  # NAT64 within a network (RFC 8215)
        "3fff::/20",  # for documentation (RFC 9637)
        "5f00::/16",  # segments within a network (RFC 9602)
        "fec0::/10",  # within a site (RFC 3879)
    )
]
_HEADERS = {
    "User-Agent": "tunewise",
    "Accept": "*/*",
    # What is packed could be a bomb, and texts of these sizes arrive soon enough.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Hosts:
    """Where may be asked: "name" (ports 80 and 443) or "name:port"."""

    public: Sequence[str]
    private: Sequence[str] = ()
    """Those that may also be in a private network or on this machine."""

    def __post_init__(self) -> None:
        for host in (*self.public, *self.private):
            _entry(host)

    def allow(self, name: str, port: int) -> tuple[bool, bool]:
        """Whether this host may be asked, and whether it may be a private one."""
        at = [(name, port)] + [(name, None)] * (port in PORTS.values())
        private = any(_entry(host) in at for host in self.private)
        return private or any(_entry(host) in at for host in self.public), private

    def named(self, address: str) -> bool:
        """Whether the host of an address may be asked, as far as its name tells.

        Raises DataError for what is no address.
        """
        found = parsed(address)
        return self.allow(name_of(found), port_of(found))[0]


@contextmanager
def fetched(
    source: Source, hosts: Hosts, *, look: Callable[[Any], None] | None = None
) -> Iterator[Source]:
    """What lies at the address `source.name`, in a file that is gone after the block.

    `look` is called with each address (httpx.URL) before it is asked, those that a redirect leads
    to as well; what it raises ends the fetch. Raises DataError for an address that is not allowed,
    does not answer in time, or answers with something else than one file within the limits,
    AbsentError for one that has nothing to give (4xx). It is not called where an event loop runs.
    """
    with tempfile.TemporaryDirectory(prefix="tunewise-") as folder:
        path = Path(folder, "fetched")
        seconds = source.limits.address_seconds
        try:
            found = asyncio.run(asyncio.wait_for(_fetch(source, hosts, path, look), seconds))
        except TimeoutError as wrong:
            raise DataError(
                f"'{source.name}' did not answer within {seconds:g} seconds. Try again later."
            ) from wrong
        yield found


async def _fetch(
    source: Source, hosts: Hosts, path: Path, look: Callable[[Any], None] | None
) -> Source:
    """The source as it was answered: its bytes in `path`, and from where they came."""
    import httpx

    address, seconds = parsed(source.name), source.limits.address_seconds
    # Neither proxies nor keys from the environment: both would go round the gate.
    # A connection is used once, for its certificate was held against one name only.
    once = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(
        trust_env=False, follow_redirects=False, timeout=seconds, limits=once
    ) as client:
        for _ in range(source.limits.redirects + 1):
            machines = await _machines(address, hosts)
            if look:
                look(address)
            try:
                answer = await _sent(client, address, machines)
                async with aclosing(answer):
                    if answer.status_code not in _MOVED:
                        with path.open("wb") as file:
                            kind, charset = await _take(answer, address, source, file)
                        return replace(
                            source,
                            path=path,
                            media_type=kind,
                            charset=charset,
                            address=str(address),
                        )
                    moved = answer.headers.get("Location", "")
            except (httpx.HTTPError, httpx.InvalidURL) as wrong:
                raise DataError(
                    f"'{address}' could not be fetched: {type(wrong).__name__} {wrong}".rstrip()
                    + ". Check the address, or try again later."
                ) from wrong
            address = parsed(moved, address)
    raise DataError(
        f"'{source.name}' was redirected more than {source.limits.redirects} times. Name the "
        "address where it ends."
    )


async def _machines(address: Any, hosts: Hosts) -> list[str]:
    """The numeric addresses of the host, each once; DataError if it must not be asked."""
    name, port = name_of(address), port_of(address)
    allowed, private = hosts.allow(name, port)
    if not allowed:
        raise DataError(
            f"'{name}:{port}' is not among the hosts that may be asked. Name it, if you trust "
            "whoever names addresses here: with --host (hosts=), for a server --fetch-host."
        )
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as wrong:
        raise DataError(f"There is no host '{name}': {wrong}. Check the spelling.") from wrong
    machines = [str(each[4][0]) for each in found]
    if not private and not all(map(_is_public, machines)):
        raise DataError(
            f"'{name}' is not on the public network, but at {', '.join(sorted(set(machines)))}. "
            "If it shall be asked all the same, name it with --private-host (private_hosts=); a "
            "server asks no such host."
        )
    return list(dict.fromkeys(machines))


async def _sent(client: Any, address: Any, machines: Sequence[str]) -> Any:
    """What the first of these very machines answers that can be reached."""
    import httpx

    for machine in machines:
        request = client.build_request(
            "GET",
            address.copy_with(host=machine),
            headers={**_HEADERS, "Host": address.netloc.decode("ascii")},
            extensions={"sni_hostname": name_of(address)},  # whose the certificate must be, as ever
        )
        try:
            return await client.send(request, stream=True)
        except httpx.ConnectError:
            if machine == machines[-1]:
                raise
    raise DataError(f"'{name_of(address)}' has no address.")


async def _take(answer: Any, address: Any, source: Source, file: BinaryIO) -> tuple[str, str]:
    """Media type and encoding of what is written to the file."""
    if answer.status_code != 200:
        reason = f"'{address}' answered {answer.status_code} {answer.reason_phrase}."
        raise AbsentError(reason) if answer.is_client_error else DataError(reason)
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DataError(f"'{address}' sends compressed content though asked not to.")
    most, size = source.limits.address_bytes, 0
    async for block in answer.aiter_raw():
        size += len(block)
        if size > most:
            raise DataError(
                f"'{address}' sends more than {most / MIB:,.0f} MiB, and no more is fetched. "
                "Download it by hand."
            )
        file.write(block)
    told = Message()
    told["Content-Type"] = answer.headers.get("Content-Type", "application/octet-stream")
    return told.get_content_type(), str(told.get_content_charset() or "")


def parsed(text: str, base: Any = None) -> Any:
    """An address in its parts (httpx.URL), without the place in the page that it names.

    Raises DataError for what is no http(s) address.
    """
    import httpx

    try:
        found = base.join(text) if base is not None else httpx.URL(text)
    except httpx.InvalidURL as wrong:
        raise DataError(f"'{text[:200]}' is no address: {wrong}.") from wrong
    if found.scheme not in PORTS or not found.raw_host:
        raise DataError(f"'{text[:200]}' is no http or https address.")
    if found.userinfo:
        raise DataError("The address holds a user's name or password. Leave them out.")
    return found.copy_with(fragment=None)


def _entry(host: str) -> tuple[str, int | None]:
    """The name and port of an entry, the name as it stands in an address."""
    import httpx

    try:
        found = httpx.URL(f"http://{host.lower()}/")
        plain = found.raw_path == b"/" and not found.userinfo and b"%" not in found.raw_host
    except httpx.InvalidURL:
        plain = False
    if not plain or not found.raw_host:
        raise OptionError(
            f"'{host}' is no host. Write its name, or name:port, without http:// and path."
        )
    return name_of(found), found.port or (80 if host.endswith(":80") else None)


def name_of(address: Any) -> str:
    """The host of an address, as it stands there, in small letters."""
    return str(address.raw_host.decode("ascii").lower())


def port_of(address: Any) -> int:
    """The port of an address, or that of its scheme."""
    return int(address.port or PORTS[address.scheme])


def _is_public(machine: str) -> bool:
    """Whether an address of a machine belongs to the public network, also through a tunnel."""
    found = ipaddress.ip_address(machine.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        within = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if within is not None:
            return _is_public(str(within))
    if any(found in network for network in _NOT_PUBLIC):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)

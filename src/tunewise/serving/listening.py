"""Listening: what can go wrong with an address or a certificate, before models are loaded."""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunewise.errors import OptionError


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that has its place, and in which nobody waits until it is told to listen.

    Raises OptionError where the host is none of this machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        if os.name == "posix":  # elsewhere it would share the port with another server
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listening.bind((host, port))
        except OSError as refusal:
            raise OptionError(
                f"Cannot listen at '{host}', port {port}: {refusal.strerror}. Give a --host of "
                "this machine, and a --port that is free; 0 takes any."
            ) from refusal
        yield listening


def tls_of(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """What TLS is done with; None without a certificate.

    Raises OptionError for a certificate and private key that cannot be used.
    """
    if certificate is None or key is None:
        return None
    for path in (certificate, key):
        if not path.is_file():
            raise OptionError(f"There is no file '{path}'. Give the paths of two PEM files.")
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key, password="")  # without one, it would be asked for
    except (OSError, ValueError) as refusal:
        raise OptionError(
            f"The certificate '{certificate}' and the key '{key}' cannot be used: {refusal}. They "
            "must be PEM files that belong together, the key without a password."
        ) from refusal
    return context

"""`tunewise serve [WHICH ...]`: encoders and winners over HTTP, for OpenAI's clients."""

import argparse
import socket
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewise.cli.data import add_engine
from tunewise.errors import EncoderError, OptionError
from tunewise.extras import need

if TYPE_CHECKING:
    import ssl

    from tunewise.jobs.home import Home
    from tunewise.serving.door import Door
    from tunewise.serving.keys import KeyFile
    from tunewise.serving.models import Offer
    from tunewise.serving.service import Settings

_MOST_WORKERS = 64
_DRAIN = 60  # seconds that requests under way have when the server is told to stop
_IDLE = 75  # seconds; a client that closes its connections later would send into a closed one


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "serve",
        help="serve winners and encoders over HTTP, for OpenAI's clients",
        description="Serves vectors at /v1/embeddings, as OpenAI's clients ask for them. A model "
        "is first held against the one that was saved, and not served if its vectors differ. On "
        "this machine no key is asked for; another host wants keys, and TLS or a proxy that does "
        "it.",
    )
    option = parser.add_argument
    option(
        "which",
        nargs="*",
        metavar="[NAME=]WHICH",
        help="a folder that measure or tune wrote, or an encoder as in measure; requests name it "
        "NAME (default: all-MiniLM-L6-v2)",
    )
    option("--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1)")
    option("--port", type=int, default=8000, help="the port, 0 for any free one (default: 8000)")
    option("--base-url", metavar="URL", help="where hosted encoders (openai:…) are")
    add_engine(parser)
    option(
        "--keys", type=Path, metavar="FILE", help="the keys asked for, as tunewise keys made them"
    )
    option("--tls-cert", type=Path, metavar="FILE", help="the certificate, for https")
    option("--tls-key", type=Path, metavar="FILE", help="its private key")
    option(
        "--behind-proxy",
        action="store_true",
        help="a proxy in front does TLS, and nobody else reaches this port",
    )
    _add_home(option)
    parser.set_defaults(run=run)


def _add_home(option: Callable[..., Any]) -> None:
    """What is for what lies in the server's home: jobs, files and collections."""
    option(
        "--home",
        type=Path,
        metavar="DIR",
        help="where files, jobs, tuned models and collections lie (default: $TUNEWISE_HOME, else "
        "~/.local/share/tunewise)",
    )
    option(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="jobs done at the same time (default: 1)",
    )
    option("--query-texts", action="store_true", help="keep what was searched for in the query log")
    option(
        "--query-days",
        type=float,
        default=30.0,
        metavar="N",
        help="days that records stay in the query log (default: 30)",
    )
    option(
        "--fetch-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host from which pages may be put into buckets (may be repeated)",
    )
    option("--rerank", metavar="NAME", help="a cross-encoder that searches may have the best order")


def run(parsed: argparse.Namespace) -> int:
    """Loads, holds each model against what was saved, serves until told to stop."""
    need("fastapi", extra="serve")
    uvicorn: Any = need("uvicorn", extra="serve")
    from tunewise.encoders.tokens import cut_in_place
    from tunewise.heap import few_holes
    from tunewise.jobs.format import bring_up_to_date
    from tunewise.jobs.home import Home, default_home
    from tunewise.serving.listening import bound, tls_of
    from tunewise.serving.service import check_home

    if not 0 <= parsed.port < 2**16:
        raise OptionError(f"There is no port {parsed.port}. Give one from 0 to 65535.")
    if not 1 <= parsed.workers <= _MOST_WORKERS:  # without one, jobs would wait for ever
        raise OptionError(
            f"There cannot be {parsed.workers} workers for jobs. Give 1 to {_MOST_WORKERS}."
        )
    keys = required_keys(parsed)
    tls = tls_of(parsed.tls_cert, parsed.tls_key)
    few_holes()
    cut_in_place()
    parsed.home = Home(parsed.home or default_home())
    settings = settings_of(parsed)
    with parsed.home.held(), bound(parsed.host, parsed.port) as listening:
        bring_up_to_date(parsed.home.folder)
        check_home(parsed.home)
        return _serve(parsed, uvicorn, keys, settings, listening, tls)


def _serve(
    parsed: argparse.Namespace,
    uvicorn: Any,
    keys: "KeyFile | None",
    settings: "Settings",
    listening: socket.socket,
    tls: "ssl.SSLContext | None",
) -> int:
    from tunewise.encoders import DEFAULT_ENCODER
    from tunewise.heap import set_aside
    from tunewise.serving.connection import bounded, loop_for
    from tunewise.serving.gate import passed
    from tunewise.serving.models import load_models
    from tunewise.serving.observed import log_settings

    names = ", ".join(parsed.which) or DEFAULT_ENCODER
    print(f"Loading {names}, and comparing with what was measured.", file=sys.stderr, flush=True)
    offer = passed(load_models(parsed.which, engine=parsed.engine, base_url=parsed.base_url))
    for name, reason in offer.refused.items():
        print(f"Not served: {name}: {reason}.", file=sys.stderr)
    if not offer.models:
        raise EncoderError("No model passed, so there is nothing to serve. The reasons are above.")
    config = uvicorn.Config(
        application(offer, keys, parsed.home, parsed.workers, settings),
        http=bounded(tls=tls),
        loop=loop_for(tls),
        log_config=log_settings(),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN,
        timeout_keep_alive=_IDLE,
    )
    set_aside()
    listening.listen(config.backlog)
    print(_told(parsed, offer, listening.getsockname()[1]), flush=True)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # told to stop by hand, and has: nothing was broken off
        return 0
    return 0


def required_keys(parsed: argparse.Namespace) -> "KeyFile | None":
    """The keys to ask for; None where none are needed.

    Raises OptionError where other machines could get in without a key or read along.
    """
    from tunewise.serving.keys import KeyFile, key_file, keys_named

    if (parsed.tls_cert is None) != (parsed.tls_key is None):
        raise OptionError("TLS takes a certificate and its key: give --tls-cert and --tls-key.")
    open_to_others = not _loopback(parsed.host) or parsed.behind_proxy
    if not open_to_others and parsed.keys is None and not keys_named():
        return None
    if open_to_others and parsed.tls_cert is None and not parsed.behind_proxy:
        raise OptionError(
            f"Keys and texts would go to '{parsed.host}' unencrypted. Give --tls-cert and "
            "--tls-key, or --behind-proxy if a proxy in front does TLS and nobody else reaches "
            "this port."
        )
    keys = KeyFile(key_file(parsed.keys))
    if not any(key.good(time.time()) for key in keys.known()):
        what = "holds no key that is good"
        if not keys.path.is_file():
            what = f"is not there, and {what}"
        raise OptionError(
            f"'{keys.path}' {what}, so nobody could ask anything. Make a key in it: "
            f"tunewise keys create --scopes embed{keys.option}"
        )
    return keys


def settings_of(parsed: argparse.Namespace) -> "Settings":
    """What is decided about searches and addresses. Raises OptionError for what cannot be."""
    from tunewise.documents.address import Hosts
    from tunewise.retrieval import load_reranker
    from tunewise.serving.service import Settings

    if not parsed.query_days > 0:
        raise OptionError(f"Records cannot be kept for {parsed.query_days:g} days. Give more.")
    if parsed.rerank is not None:
        load_reranker(parsed.rerank)  # one that cannot be loaded is told now
    hosts = tuple(Hosts(parsed.fetch_host).public)
    return Settings(parsed.query_texts, parsed.query_days, hosts, parsed.rerank)


def application(
    offer: "Offer",
    keys: "KeyFile | None",
    home: "Home | None" = None,
    workers: int = 0,
    settings: "Settings | None" = None,
) -> "Door":
    """The app for these keys: without any, only for who calls this machine by its own names."""
    from tunewise.serving.app import LOOPBACK, make_app
    from tunewise.serving.door import Doorway
    from tunewise.serving.service import Settings
    from tunewise.serving.spans import spans_wanted

    return make_app(
        offer,
        home=home,
        workers=workers,
        settings=settings or Settings(),
        keys=keys,
        doorway=Doorway(hosts=LOOPBACK if keys is None else None),
        spans=spans_wanted(),
    )


def _told(parsed: argparse.Namespace, offer: "Offer", port: int) -> str:
    from tunewise.encoders import TransformerEncoder

    scheme = "http" if parsed.tls_cert is None else "https"
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    lines = []
    for name, model in offer.models.items():
        encoder = model.encoder
        way = f", {encoder.way}" if isinstance(encoder, TransformerEncoder) else ""
        base = "" if encoder.name == name else f" over {encoder.name}"
        lines.append(f"{name}{base}: {encoder.dimension} dimensions{way}, stamp {model.stamp}")
        if model.hybrid:
            lines.append(
                f"{name} won with words: they count in searches of collections, not in vectors"
            )
    return "\n".join([*lines, f"Serving at {scheme}://{host}:{port}/v1   Stop it with Ctrl-C."])


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

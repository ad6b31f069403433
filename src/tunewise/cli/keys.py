"""`tunewise keys create|list|revoke`: who may ask the service for what."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunewise.errors import OptionError


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "keys",
        help="make, list and revoke the service's API keys",
        description="Makes a key and shows it this once, lists what is known of all keys as lines "
        "of JSON, or revokes one. A running server knows at once.",
    )
    option = parser.add_argument
    option("act", metavar="create|list|revoke", choices=["create", "list", "revoke"])
    option("which", nargs="?", metavar="NAME|ID", help="create: whose it is; revoke: the key's id")
    option("--scopes", metavar="LIST", help="what it is for: embed, search, write, tune, admin")
    option(
        "--collections",
        metavar="LIST",
        help="the only ones it opens (default: all); not with admin",
    )
    option("--days", type=float, help="how long it is good (default: until it is revoked)")
    option("--requests", type=int, metavar="N", help="requests a minute (default: no limit)")
    option("--tokens", type=int, metavar="N", help="tokens a minute (default: no limit)")
    option(
        "--file",
        type=Path,
        help="the file of keys (default: TUNEWISE_KEYS, or one in your configuration folder)",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Does the act and prints what comes of it."""
    from tunewise.serving.keys import KeyFile, key_file

    keys = KeyFile(key_file(parsed.file))
    if parsed.act == "list":
        if not keys.path.is_file():
            raise OptionError(
                f"There is no file of keys '{keys.path}'. Name the one that is meant with --file, "
                f"or make a key in it: tunewise keys create --scopes embed{keys.option}"
            )
        for key in keys.known():
            told = {**_told(asdict(key)), "state": key.state(time.time())}
            print(json.dumps(told, ensure_ascii=False))
    elif parsed.act == "revoke":
        if parsed.which is None:
            raise OptionError("Say which: tunewise keys revoke ID. See tunewise keys list.")
        print(f"Revoked: {keys.revoke(parsed.which).id}")
    else:
        if parsed.which is not None and not parsed.which.strip():
            raise OptionError("The name is empty. Say whose key it is, or leave the name out.")
        if parsed.scopes is None:
            raise OptionError("Say what the key is for, such as --scopes embed,search.")
        key, secret = keys.create(
            parsed.which or "",
            _listed(parsed.scopes),
            collections=None if parsed.collections is None else _listed(parsed.collections),
            days=parsed.days,
            requests_per_minute=parsed.requests,
            tokens_per_minute=parsed.tokens,
        )
        print(secret)
        print(f"This is {key.id}. It is shown only now; keep it safe.", file=sys.stderr)
    return 0


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def _told(key: dict[str, Any]) -> dict[str, Any]:
    times = ("created", "expires", "revoked")
    shown = {name: value for name, value in key.items() if name != "digest" and value is not None}
    return {name: _time(value) if name in times else value for name, value in shown.items()}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

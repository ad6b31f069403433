"""Keys: who may ask for what. Stored as SHA-256, shown once, and read anew when they change."""

import getpass
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from filelock import FileLock

from tunewise.errors import DataError, OptionError
from tunewise.files import whole, writing

SCOPES = ("embed", "search", "write", "tune", "admin")
"""What a key can be for."""

COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""What a collection can be called, and a bucket."""

_FORMAT = 1
_LONGEST = 36_500  # days that a key may be good for
_START = "tw-"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; the key itself is not.

    `collections` None means all. `expires` and `revoked` are seconds since 1970, None for never.
    Limits are per minute, None for none.
    """

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    created: float
    collections: tuple[str, ...] | None = None
    expires: float | None = None
    revoked: float | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def good(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.state(now) == "good"

    def state(self, now: float) -> Literal["good", "revoked", "expired"]:
        """What has become of it."""
        if self.revoked is not None:
            return "revoked"
        return "good" if self.expires is None or now < self.expires else "expired"

    def opens(self, collection: str) -> bool:
        """Whether it is for this collection."""
        return self.collections is None or collection in self.collections


class KeyFile:
    """The keys in a file, and beside it `audit.jsonl`: who made or revoked which, and when."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=30)
        self._read: tuple[int, int] | None = None
        self._keys: Mapping[str, Key] = {}

    @property
    def option(self) -> str:
        """What `tunewise keys` has to be told to mean this file; "" where it does anyway."""
        return "" if self.path == key_file() else f" --file {self.path}"

    def known(self) -> list[Key]:
        """All keys, oldest first, those no longer good too."""
        return list(self._fresh().values())

    def find(self, secret: str) -> Key | None:
        """The key that this is, good or not; None if it is none."""
        return self._fresh().get(_digest(secret))

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        collections: Sequence[str] | None = None,
        days: float | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> tuple[Key, str]:
        """A new key: what is known of it, and the key, which is nowhere afterwards.

        It is good for so many `days`. Raises OptionError for a name of several lines, scopes there
        are not, collections that none can be called, admin bound to collections, or a limit that
        lets nothing through.
        """
        if not name.isprintable():
            raise OptionError("A key's name is one line of letters that can be shown. Mend it.")
        _check_bounds(scopes, collections)
        _check_limits(days, requests_per_minute, tokens_per_minute)
        secret, now = _START + secrets.token_urlsafe(32), time.time()
        key = Key(
            id=f"key-{secrets.token_hex(4)}",
            name=name,
            digest=_digest(secret),
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created=now,
            collections=None if collections is None else tuple(collections),
            expires=None if days is None else now + timedelta(days=days).total_seconds(),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
        )
        with self._changing():
            self._write([*self.known(), key])
            self._audit("key created", key)
        return key, secret

    def revoke(self, id: str) -> Key:  # noqa: A002 - the word that users see
        """Ends a key for good. Raises OptionError where there is none of this id."""
        with self._changing():
            keys = self.known()
            found = next((key for key in keys if key.id == id), None)
            if found is None:
                raise OptionError(
                    f"There is no key '{id}' in '{self.path}'. See tunewise keys list{self.option}."
                )
            if found.revoked is None:
                found = replace(found, revoked=time.time())
                self._write([found if key.id == id else key for key in keys])
                self._audit("key revoked", found)
        return found

    def _changing(self) -> FileLock:
        with writing(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._lock

    def _fresh(self) -> Mapping[str, Key]:
        try:
            there = self.path.stat()
        except FileNotFoundError:
            if self._read is None:
                return {}
            raise DataError(f"The file of keys '{self.path}' is gone. Bring it back.") from None
        mark = there.st_mtime_ns, there.st_ino  # it is replaced, never written over
        if mark != self._read:
            self._keys = {key.digest: key for key in _parsed(self.path)}
            self._read = mark
        return self._keys

    def _write(self, keys: Sequence[Key]) -> None:
        told = {"format": _FORMAT, "keys": [asdict(key) for key in keys]}
        with whole(self.path) as beside:
            beside.chmod(0o600)
            beside.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def _audit(self, act: str, key: Key) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "act": act,
            "key": key.id,
            "name": key.name,
            "scopes": key.scopes,
            "by": getpass.getuser(),
        }
        path = self.path.with_name("audit.jsonl")
        with writing(path.parent), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        path.chmod(0o600)


def key_file(chosen: Path | None = None) -> Path:
    """The file of keys: `chosen`, else $TUNEWISE_KEYS, else one in the user's configuration."""
    if chosen is not None:
        return chosen
    if keys_named():
        return Path(os.environ["TUNEWISE_KEYS"]).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "tunewise" / "keys.json"


def keys_named() -> bool:
    """Whether the environment names a file of keys: then they are asked for on loopback too."""
    return bool(os.environ.get("TUNEWISE_KEYS"))


def _parsed(path: Path) -> list[Key]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] != _FORMAT:
            raise ValueError(f"its format is {told['format']}")
        found = [
            Key(
                **{
                    **each,
                    "scopes": tuple(each["scopes"]),
                    "collections": _tuple(each["collections"]),
                }
            )
            for each in told["keys"]
        ]
        for key in found:
            _check_numbers(key)
        return found
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise DataError(
            f"The keys in '{path}' cannot be read: {wrong}. Bring the file back from a backup, or "
            "move it away and make new keys."
        ) from wrong


def _check_bounds(scopes: Sequence[str], collections: Sequence[str] | None) -> None:
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong or not scopes:
        raise OptionError(
            f"There is no scope '{', '.join(wrong)}'. Choose from {', '.join(SCOPES)}."
        )
    if collections is None:
        return
    if "admin" in scopes:
        raise OptionError(
            "An administrator's key sees all, so it cannot be bound to collections. Leave the "
            "scope admin or the collections out."
        )
    if not collections:
        raise OptionError(
            "No collection is named, so the key would open none. Name some, or leave --collections "
            "out for all."
        )
    for each in collections:
        if not COLLECTION.fullmatch(each):
            raise OptionError(
                f"No bucket and no collection can be called '{each}': they have up to 40 letters "
                "(A to Z), digits, - and _, and begin with a letter or digit. Several have commas "
                "between."
            )


def _check_limits(days: float | None, requests: int | None, tokens: int | None) -> None:
    for option, limit in (("--days", days), ("--requests", requests), ("--tokens", tokens)):
        if limit is not None and not limit > 0:
            raise OptionError(
                f"{option} {limit:g} lets nothing through. Give more than 0, or leave it out."
            )
    if days is not None and days > _LONGEST:
        raise OptionError(f"A key is good for {_LONGEST:,} days at the most. Leave --days out.")


def _check_numbers(key: Key) -> None:
    """Raises ValueError for what should be a number and is none."""
    for name in ("created", "expires", "revoked", "requests_per_minute", "tokens_per_minute"):
        value = getattr(key, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"'{name}' of {key.id} is no number")


def _tuple(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

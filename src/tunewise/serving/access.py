"""Access: whether a request may pass: its key, what the key is for, and how much it has left."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from tunewise.errors import DataError
from tunewise.serving.keys import Key, KeyFile
from tunewise.serving.refused import Reason, Refused

_MINUTE = 60.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Allowance:
    """What is left of a limit per minute; it fills up evenly, to a minute's worth at the most."""

    left: float
    since: float

    def seconds_until(self, wanted: float, per_minute: int, now: float) -> float:
        """Takes what is wanted and gives 0, or takes nothing and gives how long to wait."""
        filled = self.left + max(0.0, now - self.since) * per_minute / _MINUTE
        self.left, self.since = min(filled, float(per_minute)), now
        # more than a minute's worth is let through when all is there, and owed for afterwards
        needed = min(wanted, float(per_minute))
        if self.left < needed:
            return (needed - self.left) * _MINUTE / per_minute
        self.left -= wanted
        return 0.0


class Access:
    """Who may ask what. With no file of keys everybody may: on this machine alone."""

    def __init__(
        self, keys: KeyFile | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys, self._clock = keys, clock
        self._allowances: dict[tuple[str, str], _Allowance] = {}

    def admit(self, authorization: str | None) -> Key | None:
        """The good key that was sent; None where none is asked for. Counts a request against it.

        Raises Refused: 401 without one, 429 past its limit, 503 where the keys cannot be read.
        """
        if self._keys is None:
            return None
        word, _, secret = (authorization or "").partition(" ")
        key = self._found(self._keys, secret.strip()) if word.lower() == "bearer" else None
        if key is None or not key.good(time.time()):
            raise Refused(
                "No good API key was sent. Send one as 'Authorization: Bearer KEY'; "
                "tunewise keys create makes one.",
                Reason(401, "invalid_api_key", headers={"WWW-Authenticate": "Bearer"}),
            )
        self._take(key, "requests", 1, key.requests_per_minute)
        return key

    def known(self, name: str) -> Key | None:
        """The key of this id, if it is still good; None where none is asked for. Raises Refused."""
        if self._keys is None:
            return None
        if (found := _good(self._keys, name)) is None:
            raise Refused(
                "The key that this address was signed with is no longer good. Have it signed anew.",
                Reason(401, "invalid_token", headers={"WWW-Authenticate": "Bearer"}),
            )
        self._take(found, "requests", 1, found.requests_per_minute)
        return found

    def check_still_good(self, key: Key | None) -> None:
        """Raises Refused where a key that was let in is no longer good. Counts nothing."""
        if self._keys is not None and key is not None and _good(self._keys, key.id) is None:
            raise Refused(
                f"The key {key.id} was revoked or expired while the file came, which was not kept. "
                "Send it with another key.",
                Reason(401, "invalid_api_key", headers={"WWW-Authenticate": "Bearer"}),
            )

    def charge(self, key: Key | None, tokens: int) -> None:
        """Counts tokens against a key's limit. Raises Refused where they are too many just now."""
        if key is not None:
            self._take(key, "tokens", tokens, key.tokens_per_minute)

    def _found(self, keys: KeyFile, secret: str) -> Key | None:
        try:
            return keys.find(secret)
        except (DataError, OSError) as broken:  # nobody gets in by what was read before
            logger.error("no key can be checked, so all are refused: %s", broken)
            raise Refused(
                "No key can be checked just now, so nothing is answered. Whoever keeps this "
                "server finds the reason in its log.",
                Reason(503, "keys_unreadable", kind="server_error", headers={"Retry-After": "30"}),
            ) from broken

    def _take(self, key: Key, what: str, wanted: int, per_minute: int | None) -> None:
        if per_minute is None:
            return
        now = self._clock()
        start = _Allowance(float(per_minute), now)
        left = self._allowances.setdefault((key.id, what), start)
        seconds = left.seconds_until(wanted, per_minute, now)
        if seconds:
            raise Refused(
                f"The key {key.id} may ask for {per_minute} {what} a minute, and they are used up. "
                f"Ask again in {seconds:.0f} seconds.",
                Reason(
                    429,
                    "rate_limit_exceeded",
                    kind=what,
                    headers={"Retry-After": str(max(1, round(seconds + 0.5)))},
                ),
            )


def _good(keys: KeyFile, name: str) -> Key | None:
    """The key of this id if it is good; None where the keys cannot be read."""
    try:
        found = next((key for key in keys.known() if key.id == name), None)
    except (DataError, OSError):
        return None
    return found if found is not None and found.good(time.time()) else None


def need(scope: str) -> Callable[[Request], Awaitable[Key | None]]:
    """For a route: the caller's key, which the door has found good, if it is for this scope."""

    async def admitted(request: Request) -> Key | None:
        key: Key | None = request.state.key
        if key is not None:
            check_scope(key, scope)
        return key

    admitted.scope = scope  # type: ignore[attr-defined]  # for `scope_of`
    return admitted


def check_scope(key: Key, scope: str) -> None:
    """Raises Refused where the key is not for this scope."""
    if scope not in key.scopes:
        raise Refused(
            f"The key {key.id} is not for '{scope}', but for {', '.join(key.scopes)}. Use "
            "another key.",
            Reason(403, "insufficient_scope"),
        )


def owner(key: Key | None) -> str:
    """Whose what this caller makes is: the key's; nobody's where none is asked for."""
    return "" if key is None else key.id


def sees_all(key: Key | None) -> bool:
    """Whether a caller may see what is everybody's: with the scope admin, or where no key is asked.

    A key that is bound to buckets sees its own alone: such were made with that scope once.
    """
    return key is None or ("admin" in key.scopes and key.collections is None)


def owns(key: Key | None, whose: str) -> bool:
    """Whether a caller may see what is somebody's: its own, or all."""
    return key is None or key.id == whose or sees_all(key)


def scope_of(route: Any) -> str | None:
    """The scope that a route of FastAPI's asks for by `need`; None for none."""
    wanted = list(getattr(getattr(route, "dependant", None), "dependencies", ()))
    found = [scope for each in wanted if (scope := getattr(each.call, "scope", None))]
    return found[0] if found else None

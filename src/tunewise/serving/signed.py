"""Signed: addresses of files that were signed for a while, looked at where keys are."""

from typing import Any
from urllib.parse import parse_qs

from tunewise.serving.door import BUCKETS
from tunewise.serving.service import Service

_METHODS = frozenset({"GET", "PUT"})


def is_signed(service: Service, scope: dict[str, Any]) -> bool:
    """Whether a request is for a file by an address that was signed here for it, and still holds.

    Its state then has the `signer`, the key that it was signed with.

    Raises Refused where the key that it was signed with is no longer good, or past its limit.
    """
    if scope["method"] not in _METHODS or service.home is None:
        return False
    given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
    said = service.tokens.read(given[0]) if len(given) == 1 else None
    if said is None or scope["path"] != path_of(said["bucket"], said["name"]):
        return False
    scope["state"]["signer"] = service.access.known(said["key"])
    return True


def path_of(bucket: str, name: str) -> str:
    """Where a file is, as paths are read: not quoted."""
    return f"{BUCKETS}{bucket}/{name}"

"""Refused: a request that gets no answer, with all that any API's error shape asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tunewise.database import is_full
from tunewise.errors import (
    AbsentError,
    BusyError,
    MissingExtra,
    OutputError,
    StoreError,
    TunewiseError,
)

_SOON = 30  # seconds after which one of many jobs may have ended, or somebody mended a store


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request is refused: HTTP status, code for programs, and the parameter at fault.

    `kind` is what OpenAI calls the error's type; `headers` go with the answer.
    """

    status: int
    code: str | None = None
    param: str | None = None
    kind: str = "invalid_request_error"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(TunewiseError):  # noqa: N818 - reads as what it is
    """A request that is not answered; its message is for the caller and holds no text of anyone."""

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> Refused:
    """A caller's mistake: status 400."""
    return Refused(message, Reason(400, code, param))


def busy(message: str, *, seconds: float) -> Refused:
    """More than can be done just now: status 503, and after how many seconds to ask again."""
    headers = {"Retry-After": str(max(1, round(seconds)))}
    return Refused(message, Reason(503, "overloaded", kind="server_error", headers=headers))


def refused_for(error: TunewiseError) -> Refused:
    """An error raised on purpose as an answer: the caller's mistake, or a store that failed.

    What a store says names files of this machine: it is for the log.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, AbsentError):
        return Refused(str(error), Reason(404, "not_found"))
    if isinstance(error, BusyError):
        return busy(str(error), seconds=_SOON)
    if isinstance(error, MissingExtra):
        return Refused(str(error), Reason(501, "not_installed", kind="server_error"))
    if isinstance(error, OutputError) or (isinstance(error, StoreError) and is_full(error)):
        told = "The server cannot write: its disk is full or read-only. Nothing was changed."
        return Refused(told, Reason(507, "insufficient_storage", kind="server_error"))
    if isinstance(error, StoreError):
        told = "The server's store cannot be read or written; the server's log says why."
        headers = {"Retry-After": str(_SOON)}
        return Refused(told, Reason(503, "store_failed", kind="server_error", headers=headers))
    return bad_request(str(error))

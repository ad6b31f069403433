"""Refused: a request that gets no answer, with all that any API's error shape asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tunewise.errors import TunewiseError


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

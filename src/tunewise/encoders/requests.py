"""One request to an endpoint: sent, repeated while that can help, and its answer checked."""

import base64
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.errors import EncoderError

_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_TOO_LARGE = {413, 422}  # how servers refuse a request with more texts than they take
_FINAL = {
    401: "it does not accept the key. Check TUNEWISE_API_KEY or OPENAI_API_KEY",
    403: "the key may not use this model. Ask for access or choose another model",
    404: "it knows no such model or address. Check the model's name and the base URL",
}
_SHOWN = 300  # letters of a server's own message

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often an endpoint is tried.

    `timeout` is for one request, in seconds; waits start at `first` seconds and double up to
    `longest`, each times a random factor between ½ and 1 so that clients do not come back
    together. A Retry-After of the server counts instead, unless it exceeds `longest`.
    """

    attempts: int = 7
    timeout: float = 120.0
    first: float = 0.5
    longest: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after the `attempt`-th try (from 0), of which `asked` by the server."""
        backoff = min(self.longest, self.first * 2**attempt)
        jitter = 0.5 + random.random() / 2  # noqa: S311 - spreads clients, hides nothing
        return backoff * jitter if asked is None else asked


@dataclass(frozen=True, slots=True)
class Answer:
    """Vectors (n, d) in the order of the texts, and the tokens that were charged (0: not said)."""

    vectors: NDArray[np.float32]
    tokens: int


def embed(
    client: Any, url: str, payload: Mapping[str, Any], texts: Sequence[str], patience: Patience
) -> Answer:
    """The vectors of `texts` from the endpoint at `url`.

    Repeats after 429, 5xx and failed connections; halves what is refused as too large. Raises
    EncoderError when the endpoint says no for good, or answers with something else than one
    vector a text.
    """
    response = post(client, url, {**payload, "input": list(texts)}, patience)
    if response.status_code in _TOO_LARGE and len(texts) > 1:
        half = len(texts) // 2
        answers = [
            embed(client, url, payload, part, patience) for part in (texts[:half], texts[half:])
        ]
        if answers[0].vectors.shape[1] != answers[1].vectors.shape[1]:
            raise _odd(url, "vectors of different lengths")
        vectors = np.concatenate([answer.vectors for answer in answers])
        return Answer(vectors, sum(answer.tokens for answer in answers))
    if response.status_code != 200:
        raise refused(url, response)
    return _read(url, response, len(texts))


def post(client: Any, url: str, body: Mapping[str, Any], patience: Patience) -> Any:
    """The first response that is not worth another try; EncoderError if all tries fail."""
    import httpx

    for attempt in range(patience.attempts):
        asked = None
        try:
            response = client.post(url, json=body)
        except httpx.TransportError as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            if response.status_code not in _PASSING or "insufficient_quota" in response.text:
                return response
            reason = f"status {response.status_code}"
            asked = _retry_after(response.headers.get("Retry-After"))
        wait = patience.wait(attempt, asked)
        if wait > patience.longest:
            reason += f", and it asks to wait {wait:.0f} seconds"
            break
        if attempt + 1 < patience.attempts:
            logger.warning("%s: %s; trying again in %.1f s", url, reason, wait)
            patience.sleep(wait)
    raise EncoderError(
        f"The endpoint {url} did not answer after {attempt + 1} tries ({reason}). Start again "
        "later: what arrived is kept."
    )


def _retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def refused(url: str, response: Any) -> EncoderError:
    """What a final no of the endpoint says, without the key."""
    status = response.status_code
    if status in _FINAL:
        # Without the server's own words, which may repeat part of the key.
        return EncoderError(f"The endpoint {url} answered {status}: {_FINAL[status]}.")
    return EncoderError(
        f"The endpoint {url} answered {status}: {_words(response)}. "
        "Mend what it names and start again: what arrived is kept."
    )


def _words(response: Any) -> str:
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        text = response.text
    sent = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
    told = str(text).replace(sent, "(the key)") if sent else str(text)
    return " ".join(told.split())[:_SHOWN].rstrip(".") or "nothing more"


def _read(url: str, response: Any, count: int) -> Answer:
    try:
        answer = response.json()
        items = sorted(answer["data"], key=lambda item: item["index"])
        places = [item["index"] for item in items]
        rows = [_numbers(item["embedding"]) for item in items]
        usage = answer.get("usage") or {}
        tokens = int(usage.get("prompt_tokens") or usage.get("total_tokens") or 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _odd(url, "no list of vectors with their places") from error
    if places != list(range(count)):
        raise _odd(url, f"{len(places)} vectors with wrong places for {count} texts")
    if len({row.shape for row in rows}) != 1 or rows[0].ndim != 1 or not len(rows[0]):
        raise _odd(url, "vectors of different lengths")
    return Answer(np.stack(rows), tokens)


def _numbers(embedding: Any) -> NDArray[np.float32]:
    # Some servers send base64 whatever was asked for.
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    return np.asarray(embedding, dtype=np.float32)


def _odd(url: str, what: str) -> EncoderError:
    return EncoderError(
        f"The endpoint {url} answered with {what}, so its vectors cannot be told apart. "
        "Check that it is OpenAI-compatible, and the model's name."
    )

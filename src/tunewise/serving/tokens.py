"""Tokens: addresses that may be used for a while by whoever has them, signed with a secret."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tunewise.files import whole

_BYTES = 32


class Tokens:
    """Signs and reads. The secret is made once and kept; without its file, tokens end.

    >>> import tempfile
    >>> tokens = Tokens(Path(tempfile.mkdtemp()) / "secret", clock=lambda: 1000.0)
    >>> token = tokens.sign({"bucket": "faq"}, seconds=60)
    >>> tokens.read(token), tokens.read(token[:-1])
    ({'bucket': 'faq', 'until': 1060.0}, None)
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock

    def sign(self, facts: Mapping[str, Any], *, seconds: float) -> str:
        """A token that says this for so many seconds. Raises OutputError on a full disk."""
        told = {**facts, "until": self._clock() + seconds}
        body = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
        return f"{body}.{self._signature(body)}"

    def read(self, token: str) -> Mapping[str, Any] | None:
        """What a token says; None for one that was not signed here, or is past its time."""
        body, _, signature = token.partition(".")
        try:
            expected = self._signature(body)
            if not hmac.compare_digest(expected.encode(), signature.encode()):
                return None
            told: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(body))
        except (ValueError, binascii.Error):
            return None
        return told if self._clock() < told["until"] else None

    def _signature(self, body: str) -> str:
        return hmac.new(self._secret(), body.encode(), hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        if not self._path.is_file():
            with whole(self._path) as beside:
                beside.chmod(0o600)
                beside.write_bytes(secrets.token_bytes(_BYTES))
        return self._path.read_bytes()

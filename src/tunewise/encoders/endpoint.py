"""EndpointEncoder: a hosted model behind an OpenAI-compatible address."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.cache import Spent, read_facts, stores, write_facts
from tunewise.encoders.requests import Patience, embed
from tunewise.encoders.stamp import stamp
from tunewise.encoders.texts import as_texts
from tunewise.encoders.vectors import Batch, Side, encode
from tunewise.errors import EncoderError, OptionError
from tunewise.progress import Progress, silent

OPENAI = "https://api.openai.com/v1"
KEYS = ("TUNEWISE_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key, in the order in which they are looked at."""

_ITEMS = 2048  # texts a request: what OpenAI allows
_LETTERS = 100_000  # letters a request: under its 300,000 tokens in every script

logger = logging.getLogger(__name__)


class EndpointEncoder:
    """A model that answers POST {base_url}/embeddings as OpenAI's do.

    The key comes from TUNEWISE_API_KEY or OPENAI_API_KEY and is never written anywhere. Queries
    and documents are sent alike. Texts without a letter are never sent (endpoints refuse them):
    their vector is zeros. The stamp is made of address, model and dimensions: an endpoint that
    changes the model behind a name cannot be noticed, unless the dimension changes as well.

    `dimensions` asks a Matryoshka model for shorter vectors. `max_tokens` is None and
    `count_tokens` gives −1, since an endpoint tells neither.
    """

    max_tokens: int | None = None

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI,
        dimensions: int | None = None,
        cache: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        if not model:
            raise OptionError(
                "The hosted model has no name. Write 'openai:MODEL', such as "
                "'openai:text-embedding-3-small'."
            )
        self.name = f"openai:{model}"
        place = place_of(base_url, "/embeddings")
        self.found = f"endpoint {place}"
        self.stamp = stamp("endpoint", place, model, str(dimensions))
        self.base_url = base_url
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._payload: Mapping[str, Any] = {
            "model": model,
            "encoding_format": "float",
            **({"dimensions": dimensions} if dimensions else {}),
        }
        self._patience = patience or Patience()
        self._root = cache
        self._queries, self._documents = stores(cache, self.stamp, self.name)
        self._facts = read_facts(cache, self.stamp)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has; found by encoding one word if nothing else told it."""
        if self._facts is None:
            with self._client() as client:
                answer = embed(client, self._url, self._payload, ["word"], self._patience)
            self._learn(answer.vectors.shape[1])
        return int((self._facts or [0])[0] or 0)

    @property
    def tokens_used(self) -> int:
        """Tokens the endpoint has charged for all vectors kept under this stamp, ever."""
        return self.spent("queries").tokens + self.spent("documents").tokens

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts people search with."""
        return self._encode(texts, "queries", progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress = silent
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (n, dimension) for texts that are found."""
        return self._encode(texts, "documents", progress)

    def count_tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """−1 for each text: the endpoint's tokenizer is not known."""
        return np.full(len(as_texts(texts)), -1, dtype=np.int64)

    def speed(self, side: Side) -> float | None:
        """Measured seconds a text of this side takes, kept with the vectors; None if unknown."""
        return self.spent(side).seconds_per_text

    def spent(self, side: Side) -> Spent:
        """What encoding this side took: texts, seconds, charged tokens; kept with the vectors."""
        return (self._queries if side == "queries" else self._documents).spent

    def _encode(self, texts: Sequence[str], side: Side, progress: Progress) -> NDArray[np.float32]:
        return encode(
            texts,
            self._produce,
            self._queries if side == "queries" else self._documents,
            dimension=lambda: self.dimension,
            what=f"encoding {side}",
            progress=progress,
        )

    def _produce(self, texts: Sequence[str]) -> Iterator[Batch]:
        spoken = [place for place, text in enumerate(texts) if text.strip()]
        empty = [place for place, text in enumerate(texts) if not text.strip()]
        done = 0
        with self._client() as client:
            for places in _groups(texts, spoken):
                wanted = [texts[place] for place in places]
                answer = embed(client, self._url, self._payload, wanted, self._patience)
                self._learn(answer.vectors.shape[1])
                done += len(places)
                yield Batch(np.array(places), answer.vectors, done / len(texts), answer.tokens)
        if empty:
            zeros = np.zeros((len(empty), self.dimension), dtype=np.float32)
            yield Batch(np.array(empty), zeros, 1.0)

    def _learn(self, dimension: int) -> None:
        if self._facts is None:
            self._facts = (dimension, None)
            write_facts(self._root, self.stamp, dimension, None)

    def _client(self) -> Any:
        return client_for(self._url, self._patience)


def client_for(url: str, patience: Patience) -> Any:
    """A client that sends the key, if there is one, to this address and to no careless one."""
    import httpx

    key = _key()
    address = urlsplit(url)
    if key is None and address.hostname == urlsplit(OPENAI).hostname:
        raise EncoderError(
            f"{address.hostname} wants a key and there is none. Set {KEYS[0]} or {KEYS[1]} "
            "in the environment."
        )
    if key is not None and address.scheme == "http" and not _loopback(address.hostname or ""):
        raise EncoderError(
            f"The key would go to {address.hostname} unencrypted, so nothing was sent. "
            f"Give an https base URL, or unset {KEYS[0]} and {KEYS[1]} if it wants no key."
        )
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(headers=headers, timeout=patience.timeout)


def _groups(texts: Sequence[str], places: Sequence[int]) -> Iterator[list[int]]:
    """Places in their order, cut where a request would hold too many texts or letters."""
    group: list[int] = []
    letters = 0
    for place in places:
        if group and (len(group) == _ITEMS or letters + len(texts[place]) > _LETTERS):
            yield group
            group, letters = [], 0
        group.append(place)
        letters += len(texts[place])
    if group:
        yield group


def place_of(base_url: str, added: str) -> str:
    """Host, port and path of an address, which never holds a secret; `added` is what follows it."""
    try:
        address = urlsplit(base_url)
        known = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:  # an address that cannot be taken apart, or a port beyond 65535
        known = False
    if not known:
        raise OptionError(
            f"'{base_url}' is no base URL. Give the address that '{added}' is added to, "
            f"such as '{OPENAI}'."
        )
    if address.username or address.password or address.query:
        raise OptionError(
            "The base URL holds a user name, a password or a query, which would end up in logs. "
            f"Leave them out and put the key into {KEYS[0]}."
        )
    port = f":{address.port}" if address.port else ""
    return f"{address.hostname}{port}{address.path.rstrip('/')}"


def _key() -> str | None:
    """The key in the environment; OptionError, without the key, if it cannot be one."""
    name = next((name for name in KEYS if os.environ.get(name, "").strip()), None)
    if name is None:
        return None
    key = os.environ[name].strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise OptionError(
            f"The key in {name} holds a space, a line break or a letter that no key has. "
            "Copy it again; nothing was sent."
        )
    return key


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

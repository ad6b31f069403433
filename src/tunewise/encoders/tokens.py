"""Tokens of a model: how many a text has, where, and which words it cannot read.

Through the `tokenizers` library alone where the model's folder has a tokenizer.json, so that
counting loads no model.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.safety import modules, read_json
from tunewise.encoders.texts import readable
from tunewise.errors import EncoderError

_CHUNK = 1000  # texts at once
_PARALLEL = "TOKENIZERS_PARALLELISM"  # read by the library, at each call
_REMEMBERED = 8 * 2**20  # bytes
_ENDLESS = 10**9  # tokens: who says as many means that there is no limit
_OWN = 250  # of them for an array and its place, beside its numbers and the text


def cut_in_place() -> None:
    """Has texts cut into tokens by whichever thread asks, not by the library's own threads.

    For a server, and the processes it starts: where all cores encode, to hand a text over and wait
    for it takes a fiftieth of what is served. What the environment says of it stays.
    """
    os.environ.setdefault(_PARALLEL, "false")


def load_tokenizer(folder: Path, model: Callable[[], Any]) -> Any:
    """The model's `tokenizers.Tokenizer`, neither cutting nor padding; None if it has none.

    `model` gives the loaded sentence-transformers model; it is called only if the folder has
    no tokenizer.json at its root.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if path.is_file():
        content = path.read_text(encoding="utf-8", errors="replace")
    else:
        own = getattr(model(), "tokenizer", None)
        own = own if isinstance(own, Tokenizer) else getattr(own, "backend_tokenizer", None)
        if own is None:
            return None
        content = own.to_str()
    try:
        tokenizer = Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing narrower
        raise EncoderError(
            f"The model's file '{path}' cannot be read: {error}. Copy or download the model again."
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def declared_limit(folder: Path) -> int | None:
    """How many tokens of a text the model reads, where its folder says so outright; else None.

    Only what is loaded knows the rest: the limits of tokenizers, of weights, or none at all.
    """
    [kind, place], *_ = [*modules(folder), ("", "")]
    path = folder / "sentence_bert_config.json"
    if place or not kind.endswith(".Transformer") or not path.is_file():
        return None
    told = read_json(path)
    limit = told.get("max_seq_length")
    otherwise = {"processor_kwargs", "tokenizer_args"} & set(told)
    plain = type(limit) is int and 0 < limit < _ENDLESS  # true is an int, too
    return limit if plain and not otherwise else None


class Counter:
    """Counts tokens, and remembers those of the last texts until they are encoded.

    `remembered` is how many bytes that may take, the texts' own too: a long word is one token. A
    server counts at its door, an encoder before it makes batches, and then the batch is made of
    the very same numbers: cutting a text into tokens takes a thirtieth of what encoding it does.
    May be used by several threads.
    """

    def __init__(self, tokenizer: Any, *, remembered: int = _REMEMBERED) -> None:
        self.tokenizer = tokenizer
        self._known: dict[str, tuple[NDArray[np.int32], int]] = {}  # and the bytes they take
        self._room, self._turn = remembered, threading.Lock()

    def count(self, texts: Sequence[str], prompt: str = "") -> NDArray[np.int64]:
        """Tokens of each text with `prompt` before it, special tokens included, shape (n,)."""
        counts = np.zeros(len(texts), dtype=np.int64)
        for start, chunk in _chunks(texts):
            asked = [prompt + text for text in chunk]
            counts[start : start + len(chunk)] = [len(each) for each in self._cut(asked)]
        return counts

    def take(self, text: str) -> NDArray[np.int32] | None:
        """The numbers (tokens,) of a text's tokens, which are then forgotten; None if unknown."""
        with self._turn:
            numbers, size = self._known.pop(text, (None, 0))
            self._room += size
        return numbers

    def _cut(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        found = [self._known.get(text, (None,))[0] for text in texts]
        fresh = [text for text, numbers in zip(texts, found, strict=True) if numbers is None]
        encoded = iter(self.tokenizer.encode_batch_fast(fresh) if fresh else ())
        cut = [
            np.array(next(encoded).ids, dtype=np.int32) if numbers is None else numbers
            for numbers in found
        ]
        for text, numbers in zip(texts, cut, strict=True):
            self._remember(text, numbers)
        return cut

    def _remember(self, text: str, numbers: NDArray[np.int32]) -> None:
        size = sys.getsizeof(text) + numbers.nbytes + _OWN
        with self._turn:
            if text in self._known:
                return
            self._known[text] = numbers, size
            self._room -= size
            while self._room < 0:  # the oldest go
                self._room += self._known.pop(next(iter(self._known)))[1]


def places(tokenizer: Any, text: str) -> list[tuple[int, int]]:
    """Where each token of the text begins and ends in it, in characters; no special tokens."""
    encoded = tokenizer.encode(readable(text), add_special_tokens=False)
    return list(encoded.offsets)


def unknown_share(tokenizer: Any, texts: Sequence[str]) -> float:
    """Share of words with at least one token that means "unknown"; 0 if there are no words."""
    unknown = _unknown_token(tokenizer)
    words = unread = 0
    for _, chunk in _chunks(texts):
        for encoded in tokenizer.encode_batch(chunk, add_special_tokens=False):
            places = encoded.word_ids
            words += len({place for place in places if place is not None})
            unread += len(
                {
                    place
                    for token, place in zip(encoded.ids, places, strict=True)
                    if token == unknown
                }
            )
    return unread / words if words else 0.0


def prompt_of(folder: Path, names: Sequence[str]) -> str:
    """The prompt that the model declares under the first of `names` it has, else its default."""
    path = folder / "config_sentence_transformers.json"
    config = read_json(path) if path.is_file() else {}
    prompts = config.get("prompts") or {}
    chosen = next((name for name in names if name in prompts), config.get("default_prompt_name"))
    return str(prompts.get(chosen) or "")


def _unknown_token(tokenizer: Any) -> int | None:
    model = json.loads(tokenizer.to_str())["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    token = model.get("unk_token")
    return tokenizer.token_to_id(token) if token else None


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for start in range(0, len(texts), _CHUNK):
        yield start, [readable(text) for text in texts[start : start + _CHUNK]]

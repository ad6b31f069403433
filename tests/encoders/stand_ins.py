"""A stand-in endpoint, and the tokenizer of small models, for the tests of the encoders."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from endpoint import Answer, Endpoint

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "open",
    "close",
    "a",
    "the",
    "file",
    "door",
    "##s",
    "query",
    ":",
    "passage",
]


def vector(text: str, dimension: int = 6) -> list[float]:
    """The stand-in's vector of a text: made of its hash, of unit length."""
    seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
    numbers = np.random.default_rng(seed).normal(size=dimension)
    return [float(number) for number in numbers / np.linalg.norm(numbers)]


class StandIn:
    """An endpoint on 127.0.0.1 that answers like OpenAI's, and badly when told to.

    Each entry of `script` answers one request before the stand-in goes back to being good: a
    (status, headers, body) triple, or a function from the good answer to a bad one.
    """

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.most = 10**6  # texts it takes in one request
        self.endpoint = Endpoint(self._answer)
        self.seen, self.headers = self.endpoint.seen, self.endpoint.headers
        self.url = self.endpoint.url

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for request in self.seen for text in request["input"]]

    def _answer(self, body: dict[str, Any]) -> Answer:
        if len(body["input"]) > self.most:
            return 413, {}, {"error": {"message": "too many inputs"}}
        data = [
            {"index": place, "embedding": vector(text, body.get("dimensions", 6))}
            for place, text in enumerate(body["input"])
        ]
        words = sum(len(text.split()) for text in body["input"])
        good = {"data": data[::-1], "usage": {"prompt_tokens": words}}
        act = self.script.pop(0) if self.script else None
        if callable(act):
            return 200, {}, act(good)
        return act or (200, {}, good)


def write_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer of fifteen words, as a fast tokenizer's file."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(8)  # as model folders have it; counting must not cut
    tokenizer.save(str(folder / "tokenizer.json"))

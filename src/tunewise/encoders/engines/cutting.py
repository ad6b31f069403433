"""Cutting: texts of one side become the numbers that an exported model takes.

As by the model's own code: the `tokenizers` library does it three times as quickly, where both give
the same for a few texts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.tokens import Counter
from tunewise.encoders.vectors import Side

FORMAT = "1"
"""Of what `Cutter` writes."""
TASKS = {"queries": "query", "documents": "document"}
"""What sentence-transformers calls the sides."""
_TRIED = ("", "one short text", "And, for once, another: longer, with 3 numbers, été & 日本. " * 99)

INPUTS = ("input_ids", "attention_mask")
"""What an exported model calls what it takes."""
Inputs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of the tokens and mask, each (n, longest)."""


class Tokens(Protocol):
    """Texts of one side to what the exported function takes."""

    def of(self, texts: Sequence[str]) -> Inputs:
        """What the function takes for these texts."""


def named(tokens: Tokens, texts: Sequence[str]) -> Mapping[str, NDArray[np.int64]]:
    """What the function takes for these texts, by the names of its inputs."""
    return dict(zip(INPUTS, tokens.of(texts), strict=True))


@dataclass(frozen=True, slots=True)
class Cutter:
    """What the `tokenizers` library needs to cut texts as a model's own code does.

    `tokenizer` is its tokenizer as JSON, `most` how many tokens are read, `padding` the number of
    the token that fills up.
    """

    tokenizer: str
    most: int
    padding: int

    def written(self) -> str:
        """As JSON, for `read_cutter`."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


def read_cutter(content: str) -> Cutter:
    """The cutter that was `written`."""
    return Cutter(**json.loads(content))


def cutter_of(model: Any) -> Cutter | None:
    """How the model's own code cuts texts; None if it has no tokenizer of that library.

    And where it does what a few texts would not show: leaves out the beginning of a long text, or
    takes the names of special tokens in a text for words.
    """
    whole = getattr(model.tokenizer, "backend_tokenizer", None)
    if whole is None or not model.max_seq_length:
        return None
    left = getattr(model.tokenizer, "truncation_side", "right") != "right"
    if left or getattr(model.tokenizer, "split_special_tokens", False):
        return None
    padding = int(getattr(model.tokenizer, "pad_token_id", None) or 0)
    return Cutter(whole.to_str(), int(model.max_seq_length), padding)


class QuickTokens:
    """By the `tokenizers` library alone, three times as quick as the model's own code.

    And from what `counter` remembers, where it cuts as the model does.
    """

    def __init__(self, cutter: Cutter, prompt: str, counter: Counter | None = None) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(cutter.tokenizer)
        tokenizer.no_padding()
        tokenizer.enable_truncation(cutter.most)
        self._tokenizer, self._most, self._padding = tokenizer, cutter.most, cutter.padding
        self._prompt = prompt
        alike = counter is not None and _same(counter.tokenizer, tokenizer)
        self._counter = counter if alike else None

    def of(self, texts: Sequence[str]) -> Inputs:
        """What the function takes for these texts."""
        rows = self._rows([self._prompt + text for text in texts])
        numbers = np.full((len(rows), max(map(len, rows))), self._padding, dtype=np.int64)
        mask = np.zeros_like(numbers)
        for place, row in enumerate(rows):
            numbers[place, : len(row)] = row
            mask[place, : len(row)] = 1
        return numbers, mask

    def _rows(self, texts: Sequence[str]) -> list[Sequence[int] | NDArray[np.int32]]:
        """The numbers of each text's tokens, cut to what the model reads."""
        known = [None if self._counter is None else self._counter.take(text) for text in texts]
        # a longer one is cut anew, since what ends it may belong there
        usable = [None if row is None or len(row) > self._most else row for row in known]
        fresh = [text for text, row in zip(texts, usable, strict=True) if row is None]
        cut = iter(self._tokenizer.encode_batch_fast(fresh) if fresh else ())
        return [next(cut).ids if row is None else row for row in usable]


class OwnTokens:
    """By the model's own code."""

    def __init__(self, model: Any, side: Side, prompt: str) -> None:
        self._preprocess, self._prompt, self._task = model.preprocess, prompt, TASKS[side]

    def of(self, texts: Sequence[str]) -> Inputs:
        """What the function takes for these texts."""
        features = self._preprocess(list(texts), prompt=self._prompt or None, task=self._task)
        return features["input_ids"].numpy(), features["attention_mask"].numpy()


def _same(counting: Any, cutting: Any) -> bool:
    """Whether two tokenizers are one, but for where they cut off.

    A model's files can say two things: those of its tokenizer keep capitals apart, its settings do
    not. A few texts would not always show it.
    """
    whole = type(cutting).from_str(cutting.to_str())
    whole.no_truncation()
    return bool(counting.to_str() == whole.to_str())


def alike(one: Tokens, other: Tokens) -> bool:
    """Whether both give the same for a few texts."""
    pairs = zip(one.of(_TRIED), other.of(_TRIED), strict=True)
    return all(np.array_equal(these, those) for these, those in pairs)

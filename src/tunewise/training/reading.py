"""Reading: texts as the model's features, each distinct one tokenised once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.texts import readable
from tunewise.encoders.vectors import Side
from tunewise.errors import EncoderError

if TYPE_CHECKING:
    import torch

Places = NDArray[np.int64]
Features = dict[str, Any]

_CHUNK = 1000  # texts tokenised at once
_TASKS: Mapping[Side, str] = {"queries": "query", "documents": "document"}
_LENGTHS = (
    "query_length",
    "document_length",
    "query_expansion",
)  # of a model that tells them apart
STATES = "frozen_states"
"""The feature that holds what the frozen layers made of a text."""


class Reader:
    """Texts in the order they were first given, by number, and their tokens.

    `prompts` are put before the texts of either side. Texts are cut where the model cuts them.
    A text that both sides read alike is read once. One without any token is read as a lone
    padding token: attention over nothing is no number. Raises EncoderError for a model that
    reads a text as anything but a row of tokens.
    """

    def __init__(self, model: Any, prompts: Mapping[Side, str]) -> None:
        self._model = model
        self._prompts = prompts
        self._apart = any(getattr(model[0], name, None) is not None for name in _LENGTHS)
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._tokens: list[dict[str, torch.Tensor]] = []
        self._plain: list[Features] = []
        self._states: list[torch.Tensor] = []

    def __len__(self) -> int:
        return len(self._tokens)

    def read(self, texts: Sequence[str], side: Side) -> Places:
        """The numbers (n,) of these texts; those that are new are tokenised."""
        prompt, task = self._prompts[side], _TASKS[side]
        keys = [(prompt, task if self._apart else "", text) for text in texts]
        new = [key for key in dict.fromkeys(keys) if key not in self._numbers]
        for begin in range(0, len(new), _CHUNK):
            chunk = new[begin : begin + _CHUNK]
            self._tokenise([readable(text) for *_, text in chunk], prompt, task)
            self._numbers |= {key: len(self._numbers) + place for place, key in enumerate(chunk)}
        return np.array([self._numbers[key] for key in keys], dtype=np.int64)

    def lengths(self, numbers: Places) -> Places:
        """How many tokens each of these texts has, (n,)."""
        return np.array([len(self._tokens[n]["attention_mask"]) for n in numbers], dtype=np.int64)

    def features(self, numbers: Places) -> Features:
        """What the model takes for these texts, all of one side, padded to the longest."""
        import torch

        rows = [self._tokens[number] for number in numbers]
        longest = max(len(row["attention_mask"]) for row in rows)
        made: Features = dict(self._plain[int(numbers[0])])
        for name in rows[0]:
            made[name] = torch.stack([self._padded(row[name], longest, name) for row in rows])
        if self._states:
            made[STATES] = torch.stack(
                [self._padded(self._states[number], longest, STATES) for number in numbers]
            )
        return made

    def keep_states(self, states: "Sequence[torch.Tensor]") -> None:
        """Takes what the frozen layers made of every text: one (tokens, d) for each, in order."""
        self._states = list(states)

    def _tokenise(self, texts: list[str], prompt: str, task: str) -> None:
        import torch

        read = self._model.preprocess(texts, prompt=prompt or None, task=task)
        shape = getattr(read.get("attention_mask"), "shape", None)
        named = {k: v for k, v in read.items() if torch.is_tensor(v)}
        odd = [name for name, value in named.items() if value.shape != shape]
        if odd or shape is None:
            raise EncoderError(
                f"The model reads texts as {', '.join(odd) or 'no tokens'}, so they cannot be put "
                "into other batches, and it cannot be tuned here. Try --rung adapter."
            )
        plain = {k: v for k, v in read.items() if k not in named}
        for row, there in enumerate(read["attention_mask"].bool()):
            kept = {name: v[row][there].clone() for name, v in named.items()}
            self._tokens.append(kept if there.any() else self._nothing(named))
            self._plain.append(plain)

    def _nothing(self, like: "Mapping[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
        fills = {"input_ids": self._model.tokenizer.pad_token_id or 0, "attention_mask": 1}
        return {name: v.new_full((1,), fills.get(name, 0)) for name, v in like.items()}

    def _padded(self, row: "torch.Tensor", longest: int, name: str) -> "torch.Tensor":
        from torch.nn.functional import pad

        missing = longest - len(row)
        tokenizer = self._model.tokenizer
        fill = (tokenizer.pad_token_id or 0) if name == "input_ids" else 0
        room = (missing, 0) if tokenizer.padding_side == "left" else (0, missing)
        return pad(row, (0, 0) * (row.ndim - 1) + room, value=fill) if missing else row

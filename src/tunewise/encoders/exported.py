"""Exported: a sentence-transformers model as one function that another engine can take over.

From the numbers of the tokens and their mask to the vectors: the transformer, pooling,
normalising, the adapter of a side. Texts become tokens by the model's own code, so that prompts
and limits are its own in every engine.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.vectors import Side
from tunewise.errors import EncoderError

INPUTS = ("input_ids", "attention_mask")
_TASKS = {"queries": "query", "documents": "document"}
_PROMPTS = {"queries": ("query",), "documents": ("document", "passage", "corpus")}


class Tokens:
    """Texts of one side to what the exported function takes."""

    def __init__(self, model: Any, side: Side) -> None:
        self._preprocess = model.preprocess
        self._task = _TASKS[side]
        prompts = model.prompts or {}
        names = [*_PROMPTS[side], model.default_prompt_name]
        self.prompt = next((prompts[name] for name in names if prompts.get(name)), None)

    def of(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the tokens and mask, each (n, longest)."""
        features = self._preprocess(list(texts), prompt=self.prompt, task=self._task)
        return features["input_ids"].numpy(), features["attention_mask"].numpy()


def sentence(model: Any, side: Side) -> Any:
    """A torch module that gives the vectors (n, d) for token numbers and mask.

    Raises EncoderError for a model that takes more than these two.
    """
    from torch import nn

    tokens = Tokens(model, side)
    for module in model.modules():
        if tokens.prompt and getattr(module, "include_prompt", True) is False:
            raise EncoderError(
                "This model leaves its prompt out of the vector, which no engine but torch can "
                "do here. Use the engine torch."
            )

    class Sentence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            features["modality"] = "text"
            return self.model(features, task=_TASKS[side])["sentence_embedding"]

    return Sentence().eval()


@contextmanager
def handing_over() -> Iterator[None]:
    """Keeps quiet what the libraries warn of each other while a model is handed over.

    Raises EncoderError, with their reason, when they cannot.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:  # the libraries raise nothing narrower
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise EncoderError(
                f"This model cannot be handed over to another engine: {reason}. "
                "Use the engine torch."
            ) from error


def example(model: Any, side: Side) -> tuple[Any, Any]:
    """Two short texts as the exported function takes them, to trace it with."""
    import torch

    numbers, mask = Tokens(model, side).of(["one short text", "and another that is longer"])
    return torch.from_numpy(numbers), torch.from_numpy(mask)

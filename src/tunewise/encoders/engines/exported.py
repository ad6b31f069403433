"""Exported: a sentence-transformers model as one function that another engine can take over.

From the numbers of the tokens and their mask to the vectors: the transformer, pooling,
normalising, the adapter of a side. Texts become tokens by the model's own code, so that prompts
and limits are its own in every engine.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.stamp import sha256
from tunewise.encoders.tokens import Counter
from tunewise.encoders.vectors import Side
from tunewise.errors import EncoderError, TunewiseError
from tunewise.files import whole_folder, write_text

INPUTS = ("input_ids", "attention_mask")
logger = logging.getLogger(__name__)

_TASKS = {"queries": "query", "documents": "document"}


_TRIED = ("", "one short text", "And, for once, another: longer, with 3 numbers, été & 日本. " * 99)

_DIGESTS = "digests.json"

Inputs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of the tokens and mask, each (n, longest)."""


class Tokens:
    """Texts of one side to what the exported function takes.

    By the `tokenizers` library alone, three times as quick as the model's own code, where both
    give the same for a few texts; and from what `counter` remembers, where it cuts as they do.
    """

    def __init__(self, model: Any, side: Side, prompt: str, counter: Counter | None = None) -> None:
        self._preprocess = model.preprocess
        self._task = _TASKS[side]
        self._prompt = prompt
        self._padding = int(getattr(model.tokenizer, "pad_token_id", None) or 0)
        self._tokenizer = _alone(model)
        self._most = int(model.max_seq_length or 0)
        self._counter: Counter | None = None
        if self._tokenizer is not None and not self._alike(_TRIED):
            self._tokenizer = None
        elif counter is not None and self._tokenizer is not None:
            self._counter = counter if _same(counter.tokenizer, self._tokenizer) else None

    def of(self, texts: Sequence[str]) -> Inputs:
        """What the function takes for these texts."""
        return self._slowly(texts) if self._tokenizer is None else self._quickly(texts)

    def named(self, texts: Sequence[str]) -> Mapping[str, NDArray[np.int64]]:
        """The same by the names of the inputs."""
        return dict(zip(INPUTS, self.of(texts), strict=True))

    def _alike(self, texts: Sequence[str]) -> bool:
        quick, slow = self._quickly(texts), self._slowly(texts)
        return all(np.array_equal(one, other) for one, other in zip(quick, slow, strict=True))

    def _slowly(self, texts: Sequence[str]) -> Inputs:
        features = self._preprocess(list(texts), prompt=self._prompt or None, task=self._task)
        return features["input_ids"].numpy(), features["attention_mask"].numpy()

    def _quickly(self, texts: Sequence[str]) -> Inputs:
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


def _alone(model: Any) -> Any:
    """The model's tokenizer without the model, cutting as it does; None if it has no such thing."""
    from tokenizers import Tokenizer

    whole = getattr(model.tokenizer, "backend_tokenizer", None)
    if whole is None or not model.max_seq_length:
        return None
    tokenizer = Tokenizer.from_str(whole.to_str())
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(model.max_seq_length))
    return tokenizer


def _same(counting: Any, cutting: Any) -> bool:
    """Whether two tokenizers are one, but for where they cut off.

    A model's files can say two things: those of its tokenizer keep capitals apart, its settings do
    not. A few texts would not always show it.
    """
    whole = type(cutting).from_str(cutting.to_str())
    whole.no_truncation()
    return bool(counting.to_str() == whole.to_str())


def sentence(model: Any, side: Side, prompt: str) -> Any:
    """A torch module that gives the vectors (n, d) for token numbers and mask.

    Raises EncoderError for a model that takes more than these two.
    """
    from torch import nn

    for module in model.modules():
        if prompt and getattr(module, "include_prompt", True) is False:
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


def keep(folder: Path, convert: Callable[[Path], None]) -> None:
    """Sees to it that `folder` holds what `convert` puts into a folder, every file as written."""
    if not _sound(folder):
        with whole_folder(folder) as beside:
            convert(beside)
            write_text(beside / _DIGESTS, json.dumps(_digests(beside)))


def _sound(folder: Path) -> bool:
    if not (folder / _DIGESTS).is_file():
        return False
    try:
        noted = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
    except ValueError:
        noted = None
    if noted == _digests(folder):
        return True
    logger.warning("the converted model in %s is damaged and is made anew", folder)
    return False


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in folder.iterdir() if path.name != _DIGESTS}


@contextmanager
def handing_over() -> Iterator[None]:
    """Keeps quiet what the libraries warn of each other while a model is handed over.

    Raises EncoderError, with their reason, when they cannot.
    """
    level = logging.root.manager.disable
    logging.disable(max(level, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except TunewiseError:
        raise
    except Exception as error:  # the libraries raise nothing narrower
        told = [line.strip() for line in str(error).splitlines() if line.strip()]
        # OpenVINO's first line names a line of its own source
        [reason, *_] = [
            *(line for line in told if not line.startswith("Exception from")),
            repr(error),
        ]
        raise EncoderError(
            f"This model cannot be handed over to another engine: {reason}. Use the engine torch."
        ) from error
    finally:
        logging.disable(level)


def example(tokens: Tokens) -> tuple[Any, Any]:
    """Two short texts as the exported function takes them, to trace it with."""
    import torch

    numbers, mask = tokens.of(["one short text", "and another that is longer"])
    return torch.from_numpy(numbers), torch.from_numpy(mask)

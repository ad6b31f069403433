"""Exported: a sentence-transformers model as one function that another engine can take over.

From the numbers of the tokens and their mask to the vectors: the transformer, pooling,
normalising, the adapter of a side. Texts become tokens as by the model's own code, so that prompts
and limits are its own in every engine.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tunewise.encoders.engines.cutting import (
    TASKS,
    OwnTokens,
    QuickTokens,
    Tokens,
    alike,
    cutter_of,
    read_cutter,
)
from tunewise.encoders.stamp import sha256
from tunewise.encoders.tokens import Counter
from tunewise.encoders.vectors import Side
from tunewise.errors import EncoderError, TunewiseError
from tunewise.files import whole_folder, write_text

_DIGESTS, _CUTTER = "digests.json", "cutter.json"

logger = logging.getLogger(__name__)


class Handed:
    """One side of a model, to be handed over to another engine.

    The model is loaded, by `load`, only for what is not kept yet: that takes seconds, most of them
    for its libraries. `home` tells where an engine keeps what it makes of it in "float" or "int8",
    `cut` is where it is kept how texts become tokens; None keeps nothing. `prompt` goes before each
    text, `counter` may know its tokens.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        side: Side,
        prompt: str,
        home: Callable[[str], Path | None],
        cut: Path | None,
        counter: Counter | None = None,
    ) -> None:
        self.load, self.side, self._prompt = load, side, prompt
        self.home, self._cut, self._counter = home, cut, counter

    @cached_property
    def module(self) -> Any:
        """A torch module that gives the vectors (n, d) for token numbers and mask.

        Raises EncoderError for a model that takes more than these two.
        """
        return _sentence(self.load(), self.side, self._prompt)

    @cached_property
    def tokens(self) -> Tokens:
        """What cuts the texts: the quick way, where that gives the same for a few of them."""
        if self._cut and sound(self._cut):
            written = (self._cut / _CUTTER).read_text(encoding="utf-8")
            return QuickTokens(read_cutter(written), self._prompt, self._counter)
        model = self.module.model
        own, cutter = OwnTokens(model, self.side, self._prompt), cutter_of(model)
        if cutter is None or not alike(own, QuickTokens(cutter, self._prompt)):
            return own
        if self._cut:
            keep(self._cut, lambda beside: write_text(beside / _CUTTER, cutter.written()))
        return QuickTokens(cutter, self._prompt, self._counter)


def _sentence(model: Any, side: Side, prompt: str) -> Any:
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
            return self.model(features, task=TASKS[side])["sentence_embedding"]

    return Sentence().eval()


def keep(folder: Path, convert: Callable[[Path], None]) -> None:
    """Sees to it that `folder` holds what `convert` puts into a folder, every file as written."""
    if not sound(folder):
        with whole_folder(folder) as beside:
            convert(beside)
            write_text(beside / _DIGESTS, json.dumps(_digests(beside)))


def sound(folder: Path) -> bool:
    """Whether every file that `keep` saw to is there and as it was written."""
    if not (folder / _DIGESTS).is_file():
        return False
    try:
        noted = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
    except ValueError:
        noted = None
    if noted == _digests(folder):
        return True
    logger.warning("what was made of a model in %s is damaged and is made anew", folder)
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

"""Settling how an encoder computes its vectors, on the texts that it is about to encode."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tunewise.encoders.engines import choosing
from tunewise.encoders.engines.choosing import Choice, choose, measure_ways
from tunewise.encoders.engines.way import PLAIN, Way
from tunewise.encoders.transformer import TransformerEncoder
from tunewise.progress import Progress, silent

ALLOWED = 0.995  # least cosine of a tuned encoder in int8, which judged queries or a user allowed
_WORTHWHILE = 400_000  # letters: some 100,000 tokens, quarter of a minute's work in the plain way
_SAMPLE_LETTERS = 60_000
_SAMPLE = (32, 256)  # texts of a sample, at least and at most

logger = logging.getLogger(__name__)


def settled(
    encoder: TransformerEncoder, texts: Sequence[str], *, progress: Progress = silent
) -> TransformerEncoder:
    """The encoder in the quickest faithful way on this machine; its `why` tells how that was found.

    What was found for a model is remembered. For few texts it is not looked for: the plain way.
    """
    choice = choosing.remembered(encoder.root, encoder.model_stamp)
    if choice is None:
        if sum(map(len, texts)) < _WORTHWHILE:
            return encoder
        progress("looking for the quickest faithful way to encode", 0, 0)
        choice = _measured(encoder, choosing.possible(), sample(texts))
        choosing.remember(encoder.root, encoder.model_stamp, choice)
    logger.info("%s", choice.told())
    return encoder.in_way(choice.way, why=choice.told())


def held(encoder: TransformerEncoder, texts: Sequence[str]) -> TransformerEncoder:
    """The encoder, if in its way it is faithful to its plain vectors; else in the plain way."""
    if encoder.way == PLAIN:
        return encoder
    ways = [PLAIN, encoder.way]
    [_, trial] = _measured(encoder, ways, sample(texts, share=0.25)).trials
    allowed = encoder.way.precision == "int8" and trial.minimum >= ALLOWED
    if trial.faithful or allowed:
        return encoder
    logger.warning("%s is encoded with %s, for %s", encoder.name, PLAIN, trial.told())
    return encoder.in_way(PLAIN, why=f"not with {trial.told()}")


def sample(texts: Sequence[str], share: float = 1.0) -> list[str]:
    """Some of the texts, drawn the same each time: enough to time, few enough to be quick."""
    least, most = _SAMPLE
    order = np.random.default_rng(0).permutation(len(texts))[:most]
    chosen: list[str] = []
    letters = 0
    for place in order:
        if len(chosen) >= least and letters > share * _SAMPLE_LETTERS:
            break
        chosen.append(texts[place])
        letters += len(texts[place])
    return chosen


def _measured(encoder: TransformerEncoder, ways: Sequence[Way], texts: Sequence[str]) -> Choice:
    unkept = {each: encoder.in_way(each, keep=False) for each in ways}

    def encode(each: Way, texts: Sequence[str]) -> NDArray[np.float32]:
        return unkept[each].encode_documents(texts)

    return choose(measure_ways(ways, texts, encode))

"""Gate: what is served must be what was evaluated; a model that fails this is not served."""

import asyncio
from collections.abc import Mapping

import numpy as np

from tunewise.encoders import TransformerEncoder, is_hosted
from tunewise.encoders.engines.choosing import FAITHFUL
from tunewise.encoders.model import load_model
from tunewise.encoders.settling import ALLOWED
from tunewise.encoders.threads import one_thread
from tunewise.encoders.vectors import Side, unit
from tunewise.serving.batching import Batcher, Limits
from tunewise.serving.models import Model, Offer
from tunewise.serving.observed import Meters
from tunewise.serving.recent import Vectors, encode

SAMPLE = (
    "kettle",
    "How do I reset my password?",
    "The warranty covers parts and labour for two years from the date of purchase.",
    "sort a list of tuples by their second element in Python",
    "Wie lange dauert die Lieferung nach Österreich?",
    "¿Dónde puedo cambiar la dirección de entrega?",
    "配達日を変更するにはどうすればいいですか",
    "ERROR 0x80070005: access denied while writing C:\\temp\\log.txt",
    "a, b; c: d - e / f (g) [h] {i} 12.5 % € 3,000",
    " ".join(["The quick brown fox jumps over the lazy dog, and the dog does not mind."] * 60),
)
"""Short and long, several scripts, one longer than most models read."""

_SIDES: tuple[Side, Side] = ("queries", "documents")


def passed(models: Mapping[str, Model]) -> Offer:
    """The models whose served vectors are those of the reference, and why others are refused."""
    good: dict[str, Model] = {}
    refused: dict[str, str] = {}
    for name, model in models.items():
        reason = refusal(model)
        if reason is None:
            good[name] = model
        else:
            refused[name] = reason
    return Offer(good, refused)


def refusal(model: Model) -> str | None:
    """Why a model may not be served; None if it may.

    A sample goes the way every request goes, all at once. The reference is the model's own folder
    loaded afresh by sentence-transformers, in fp32, adapter and all, a text at a time. Cosines must
    be what an engine must reach to be faithful. What lies in no folder here is its own reference.
    """
    # an endpoint charges for each text
    texts = SAMPLE[:1] if is_hosted(model.encoder.name) else SAMPLE
    served = asyncio.run(_served(model, texts))
    for side in _SIDES:
        found, expected = served[side], _reference(model, side, texts)
        if found.shape != expected.shape or not np.isfinite(found).all():
            return f"its vectors are of shape {found.shape}, not {expected.shape}, or not finite"
        none = ~found.any(axis=1) & ~expected.any(axis=1)
        cosine = float(np.where(none, 1, (found * expected).sum(axis=1)).min())
        if cosine < (least := _least(model)):
            return (
                f"on {side} the served vectors have cosine {cosine:.4f} to those of the model as "
                f"it was saved, and {least} is the least. Save it anew, or name another engine"
            )
    return None


async def _served(model: Model, texts: tuple[str, ...]) -> dict[Side, Vectors]:
    kept_none = Limits(memory=0)
    batcher = Batcher(kept_none, Meters(), encode)
    try:
        found: dict[Side, Vectors] = {}
        for side in _SIDES:
            counts = model.count_tokens(texts, side)
            vectors = await batcher.vectors(model.encoder, side, texts, counts)
            found[side] = model.finish(vectors, side)
        return found
    finally:
        await batcher.close()


def _reference(model: Model, side: Side, texts: tuple[str, ...]) -> Vectors:
    if not isinstance(model.encoder, TransformerEncoder) or model.folder is None:
        return model.finish(encode(model.encoder, side, texts), side)
    plain = load_model(model.folder)
    encoding = plain.encode_query if side == "queries" else plain.encode_document
    with one_thread():  # where others hold a core, two threads wait for each other at every step
        found = encoding(list(texts), batch_size=1, show_progress_bar=False)
    return unit(np.asarray(found, dtype=np.float32))


def _least(model: Model) -> float:
    encoder = model.encoder
    if not isinstance(encoder, TransformerEncoder):
        return FAITHFUL["fp32"]
    return FAITHFUL.get(encoder.way.precision, ALLOWED)

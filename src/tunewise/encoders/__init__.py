"""Encoders: texts become vectors, by a local model, a hosted one, or a hash of their words."""

from tunewise.encoders.encoder import Encoder
from tunewise.encoders.loading import DEFAULT_ENCODER, load_encoder
from tunewise.encoders.wordhash import WordHashEncoder

__all__ = ["DEFAULT_ENCODER", "Encoder", "WordHashEncoder", "load_encoder"]

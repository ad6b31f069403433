"""Encoders: texts become vectors, by a local model, a hosted one, or a hash of their words."""

from tunewise.encoders.cache import cache_folder
from tunewise.encoders.encoder import Encoder
from tunewise.encoders.engines.way import Way
from tunewise.encoders.folder import save_model, write_folder
from tunewise.encoders.loading import engine_of, is_hosted, is_local, load_encoder, load_folder
from tunewise.encoders.settling import held
from tunewise.encoders.sources import DEFAULT_ENCODER
from tunewise.encoders.transformer import TransformerEncoder
from tunewise.encoders.wordhash import WordHashEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "Encoder",
    "TransformerEncoder",
    "Way",
    "WordHashEncoder",
    "cache_folder",
    "engine_of",
    "held",
    "is_hosted",
    "is_local",
    "load_encoder",
    "load_folder",
    "save_model",
    "write_folder",
]

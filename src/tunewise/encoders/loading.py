"""load_encoder: an encoder by its name."""

import logging
from pathlib import Path
from typing import Literal

from tunewise.encoders.cache import cache_folder
from tunewise.encoders.encoder import Encoder
from tunewise.encoders.endpoint import OPENAI, EndpointEncoder
from tunewise.encoders.sources import DEFAULT_ENCODER, OFFICIAL_WEIGHTS, PACKAGE, find
from tunewise.encoders.stamp import digests
from tunewise.encoders.transformer import TransformerEncoder
from tunewise.encoders.wordhash import WordHashEncoder
from tunewise.errors import EncoderError, OptionError

_HOSTED = "openai:"

logger = logging.getLogger(__name__)


def is_hosted(name: str) -> bool:
    """Whether the name is that of a model behind an endpoint.

    >>> is_hosted("openai:text-embedding-3-small")
    True
    """
    return name.startswith(_HOSTED)


def load_encoder(
    name: str | Path = DEFAULT_ENCODER,
    *,
    base_url: str | None = None,
    cache: Path | Literal[False] | None = None,
) -> Encoder:
    """The encoder called `name`, ready to encode.

    `name` is the folder or hub name of a sentence-transformers model, "openai:MODEL" for a
    hosted model behind `base_url` (default: OpenAI's), or "word-hash". Vectors are kept under
    `cache`, by default the folder in TUNEWISE_CACHE or the user's cache folder; `cache=False`
    keeps nothing. "word-hash" is never kept: hashing is quicker than reading.

    Raises EncoderError for a model that is missing, damaged, or that needs pickles or code of
    its own; OptionError for arguments that do not go together.

    >>> load_encoder("word-hash").encode_queries(["how to sort a list"]).shape
    (1, 64)
    """
    name = str(name)
    if base_url is not None and not is_hosted(name):
        raise OptionError(
            f"A base URL goes with a hosted model, and '{name}' is a local one. "
            f"Write the name as '{_HOSTED}MODEL', or leave the base URL out."
        )
    if name == WordHashEncoder.name:
        return WordHashEncoder()
    root = None if cache is False else cache_folder(cache)
    if is_hosted(name):
        model = name.removeprefix(_HOSTED)
        return EndpointEncoder(model, base_url=base_url or OPENAI, cache=root)
    return _local(name, root)


def load_folder(
    folder: Path, *, name: str, cache: Path | Literal[False] | None = None
) -> TransformerEncoder:
    """The sentence-transformers model in a folder, under the name of the one it was made of.

    Raises EncoderError as `load_encoder` does.
    """
    source = find(str(folder))
    root = None if cache is False else cache_folder(cache)
    found = digests(source.folder)
    return TransformerEncoder(
        source.folder, name=name, found=source.found, digests=found, cache=root
    )


def _local(name: str, root: Path | None) -> TransformerEncoder:
    source = find(name)
    logger.info("encoder %s found: %s (%s)", name, source.found, source.folder)
    files = digests(source.folder)
    if source.found == f"package {PACKAGE}" and files.get("model.safetensors") != OFFICIAL_WEIGHTS:
        raise EncoderError(
            f"The weights in the package {PACKAGE} are not the official ones of "
            f"{DEFAULT_ENCODER}: their SHA-256 differs. Install the package again from a source "
            "you trust, or give the path of a model you have."
        )
    return TransformerEncoder(
        source.folder, name=name, found=source.found, digests=files, cache=root
    )

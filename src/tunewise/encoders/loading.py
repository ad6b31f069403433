"""load_encoder: an encoder by its name."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tunewise.encoders.cache import cache_folder
from tunewise.encoders.encoder import Encoder
from tunewise.encoders.endpoint import OPENAI, EndpointEncoder
from tunewise.encoders.engines.choosing import possible
from tunewise.encoders.engines.way import PLAIN
from tunewise.encoders.engines.way import way as way_of
from tunewise.encoders.safety import read_json
from tunewise.encoders.settling import settled
from tunewise.encoders.sources import DEFAULT_ENCODER, OFFICIAL_WEIGHTS, PACKAGE, find
from tunewise.encoders.stamp import digests
from tunewise.encoders.transformer import TransformerEncoder
from tunewise.encoders.wordhash import WordHashEncoder
from tunewise.errors import EncoderError, OptionError
from tunewise.progress import Progress, silent

_HOSTED = "openai:"

logger = logging.getLogger(__name__)


def is_hosted(name: str) -> bool:
    """Whether the name is that of a model behind an endpoint.

    >>> is_hosted("openai:text-embedding-3-small")
    True
    """
    return name.startswith(_HOSTED)


def is_local(name: str) -> bool:
    """Whether the name is that of a model that is computed on this machine.

    >>> is_local("all-MiniLM-L6-v2"), is_local("word-hash")
    (True, False)
    """
    return not is_hosted(name) and name != WordHashEncoder.name


def load_encoder(
    name: str | Path = DEFAULT_ENCODER,
    *,
    base_url: str | None = None,
    engine: str = "auto",
    texts: Sequence[str] = (),
    cache: Path | Literal[False] | None = None,
    progress: Progress = silent,
) -> Encoder:
    """The encoder called `name`, ready to encode.

    `name` is the folder or hub name of a sentence-transformers model, "openai:MODEL" for a
    hosted model behind `base_url` (default: OpenAI's), or "word-hash". Vectors are kept under
    `cache`, by default the folder in TUNEWISE_CACHE or the user's cache folder; `cache=False`
    keeps nothing. "word-hash" is never kept: hashing is quicker than reading.

    `engine` says how a local model computes: "torch", "onnx" or "openvino", in fp32 or in what
    follows a colon ("openvino:bf16"). "auto" is, in a folder that Tunewise saved, the way it
    was measured with; else the quickest way whose vectors are faithful to torch's in fp32, measured
    once for this model and machine on a sample of `texts`; until there were texts enough to make it
    worth measuring, torch in fp32.

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
    if engine != "auto" and not is_local(name):
        raise OptionError(
            f"An engine ({engine}) goes with a model that is computed on this machine, and "
            f"'{name}' is none. Leave the engine out."
        )
    if name == WordHashEncoder.name:
        return WordHashEncoder()
    root = None if cache is False else cache_folder(cache)
    if is_hosted(name):
        model = name.removeprefix(_HOSTED)
        return EndpointEncoder(model, base_url=base_url or OPENAI, cache=root)
    local = _local(name, root)
    if engine == "auto":
        engine = _kept_engine(local.folder)
    return _in_way(local, engine, texts, progress)


def load_folder(
    folder: Path, *, name: str, engine: str = PLAIN.word, cache: Path | Literal[False] | None = None
) -> TransformerEncoder:
    """The sentence-transformers model in a folder, under the name of the one it was made of.

    `engine` is as in `load_encoder`, but for "auto".
    Raises EncoderError as `load_encoder` does.
    """
    source = find(str(folder))
    root = None if cache is False else cache_folder(cache)
    found = digests(source.folder)
    return TransformerEncoder(
        source.folder, name=name, found=source.found, digests=found, cache=root, way=way_of(engine)
    )


def engine_of(encoder: Encoder) -> str:
    """The `engine` that an encoder is loaded with to make the same vectors again.

    "" for one that is not computed here; of an encoder whose vectors go through an adapter, that
    of the one within.
    """
    inner = getattr(encoder, "inner", encoder)
    return inner.way.word if isinstance(inner, TransformerEncoder) else ""


def _kept_engine(folder: Path) -> str:
    """What the contender kept in this folder was measured with, if it can be had; else "auto"."""
    path = folder / "tunewise.json"
    encoder = read_json(path).get("encoder") if path.is_file() else None
    kept = encoder.get("engine") if isinstance(encoder, dict) else None
    if kept is None or kept not in [each.word for each in possible()]:
        return "auto"
    return str(kept)


def _in_way(
    encoder: TransformerEncoder,
    engine: str,
    texts: Sequence[str],
    progress: Progress,
) -> TransformerEncoder:
    if engine != "auto":
        way = way_of(engine)
        light = "; what int8 costs was not looked at" if way.precision == "int8" else ""
        return encoder.in_way(way, why="" if way == PLAIN else f"encoding with {way}{light}")
    return settled(encoder, texts, progress=progress)


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

"""Stamp: 16 hexadecimal digits that say which encoder made a vector."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

_SHAPING = {".json", ".safetensors", ".txt", ".model", ".jinja"}
# The same weights for other runtimes, and notes about how a model was trained.
_OTHER_RUNTIMES = {"onnx", "openvino"}
_NOTES = {"data_config.json", "trainer_state.json", "tunewise.json"}


def digests(folder: Path) -> Mapping[str, str]:
    """SHA-256 of every file that can shape a vector, by its path inside the model's folder.

    Weights, configurations, tokenizers, modules and prompts are in; readme files, pictures,
    hidden files and exports for other runtimes are not. A file nobody has heard of is in if its
    ending could shape a vector: a stamp that changes too often costs time, one that changes too
    seldom gives wrong vectors.
    """
    shaping = sorted(path for path in folder.rglob("*") if _shapes(path.relative_to(folder)))
    return {path.relative_to(folder).as_posix(): sha256(path) for path in shaping if path.is_file()}


def stamp(*parts: str) -> str:
    """16 hexadecimal digits over the parts, in their order.

    >>> stamp("a", "b") == stamp("a", "b"), stamp("a", "b") == stamp("ab")
    (True, False)
    """
    joined = "\0".join(parts).encode()
    return hashlib.sha256(joined).hexdigest()[:16]


def _shapes(path: Path) -> bool:
    if path.name in _NOTES or path.suffix not in _SHAPING:
        return False
    return not any(part.startswith(".") or part in _OTHER_RUNTIMES for part in path.parts)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

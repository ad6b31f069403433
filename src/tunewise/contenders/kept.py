"""Kept: what lies in the folder of a contender, and what makes its vectors again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunewise.contenders.contender import Kept
from tunewise.encoders import Encoder, load_encoder, load_folder
from tunewise.encoders.stamp import sha256, stamp
from tunewise.errors import DataError, EncoderError
from tunewise.files import put_back

FILE, MAPS = "tunewise.json", "adapter.safetensors"
MODEL, ENCODER = "model", "encoder"
"""Where the winner lies in what measure or tune wrote, and where the encoder of a kind's does."""


def place_of(folder: Path) -> Path | None:
    """Where in a folder a contender lies: in its `model` or in itself; None if in neither."""
    put_back(folder)
    return next((one for one in (folder / MODEL, folder) if (one / FILE).is_file()), None)


def read_kept(folder: Path) -> Mapping[str, Any]:
    """What the contender in this folder says of itself. Raises DataError where none lies there."""
    try:
        saved = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise _nothing(folder, str(wrong)) from wrong
    if not _is_kept(saved):
        raise _nothing(folder, f"{FILE} is not as it was written")
    found: Mapping[str, Any] = saved
    return found


def _nothing(folder: Path, why: str) -> DataError:
    return DataError(
        f"'{folder}' holds no contender of Tunewise: {why}. "
        "Give the folder that `tunewise measure --out` wrote, or measure again."
    )


def _is_kept(saved: Any) -> bool:
    if not isinstance(saved, dict):
        return False
    encoder, parts = saved.get("encoder", {"name": "", "stamp": ""}), saved.get("parts", {})
    return (
        all(isinstance(saved.get(field), str) for field in ("name", "family"))
        and isinstance(saved.get("settings"), dict)
        and isinstance(encoder, dict)
        and all(isinstance(encoder.get(field), str) for field in ("name", "stamp"))
        and isinstance(parts, dict)
        and all(map(_is_kept, parts.values()))
    )


def vectors_of(kept: Kept) -> Kept | None:
    """Of what was kept the part that makes the vectors it compares; None if it compares none."""
    saved = kept.saved
    while "vectors" in saved.get("parts", {}):
        saved = saved["parts"]["vectors"]
    return replace(kept, saved=saved) if "encoder" in saved else None


def kept_encoder(kept: Kept) -> Encoder:
    """The encoder that a kept contender was fitted with, from its folder if it is its own.

    Raises EncoderError when the model of that name is another one by now.
    """
    saved, own = kept.saved["encoder"], _own(kept)
    engine = saved.get("engine", "auto")  # what is computed elsewhere has none
    if own is None:
        encoder = load_encoder(saved["name"], base_url=saved.get("base_url"), engine=engine)
    else:
        encoder = load_folder(own, name=saved["name"], engine=engine)
    if encoder.stamp != saved["stamp"]:
        raise EncoderError(
            f"The model '{saved['name']}' has changed since it was measured (stamp "
            f"{saved['stamp']}, now {encoder.stamp}), so its vectors are others. "
            "Measure again, or bring back the model that was measured."
        )
    return encoder


def maps_of(kept: Kept) -> Path | None:
    """The file of what its encoder's vectors go through; None if they stay as they are."""
    return kept.folder / MAPS if kept.saved["family"] == "adapter" else None


def mapped_stamp(encoder: Encoder, maps: Path | None) -> str:
    """16 digits of all that makes vectors: the encoder, and the maps they go through."""
    return encoder.stamp if maps is None else stamp(encoder.stamp, sha256(maps))


def _own(kept: Kept) -> Path | None:
    """Where the encoder lies that came of tuning; None where the one it was tuned from is used."""
    if "own" in kept.saved["encoder"]:  # a kind's
        return kept.folder / ENCODER if kept.saved["encoder"]["own"] else None
    tuned = kept.saved["family"] != "adapter" and kept.saved["settings"].get("blend")
    return kept.folder if tuned else None

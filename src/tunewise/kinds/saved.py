"""A contender of a kind in a folder: plain values, plain arrays, and an encoder anybody can load.

`tunewise.json` names the kind, the family and what was chosen; `head.safetensors` holds the arrays;
lists of texts (the ids of a hundred thousand users) stand in files of their own, one JSON text a
line; `encoder/` is the encoder in the layout of sentence-transformers, where it was tuned. Nothing
is pickled. `tunewise.json` carries a seal over all it says, and what arrays and lists there are: a
folder that was changed by hand or only half copied is refused before it answers wrongly.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tunewise.contenders.contender import Kept
from tunewise.contenders.kept import ENCODER, FILE, kept_encoder
from tunewise.encoders import TransformerEncoder
from tunewise.errors import DataError
from tunewise.files import whole_folder, write_text
from tunewise.kinds.kind import Arrays, Contender, Kind, Saved

FORMAT = 2
_HEAD = "head.safetensors"
_ABOUT = "about."  # before the names of arrays that answers are read by


@dataclass(frozen=True)
class Loaded:
    """A saved contender, ready to answer, its kind, and what its answers are read by."""

    kind: Kind
    contender: Contender
    about: Mapping[str, Any]


def save(
    kind: Kind, contender: Contender, folder: Path, about: Mapping[str, Any] | None = None
) -> None:
    """Puts all that it takes to answer as the contender does into `folder`, whole.

    `about` is what its answers are read by: plain values, arrays, and lists of texts.
    """
    from safetensors.numpy import save_file

    about = dict(about or {})
    lists = {name: value for name, value in about.items() if _is_list(value)}
    told = {name: value for name, value in about.items() if isinstance(value, np.ndarray)}
    arrays = {**_arrays(contender), **{f"{_ABOUT}{name}": one for name, one in told.items()}}
    said = {
        "format": FORMAT,
        "kind": kind.name,
        **_described(contender),
        "about": {name: about[name] for name in about if name not in {*lists, *told}},
        "lists": {name: len(texts) for name, texts in lists.items()},
        "arrays": {name: list(array.shape) for name, array in arrays.items()},
    }
    with whole_folder(folder) as beside:
        if contender.save_encoder is not None:
            contender.save_encoder(beside / ENCODER)
        if arrays:
            save_file(arrays, beside / _HEAD)
        for name, texts in lists.items():
            lines = "".join(f"{json.dumps(text)}\n" for text in texts)
            write_text(beside / f"{name}.jsonl", lines)
        sealed = {**said, "seal": _seal(said)}
        write_text(beside / FILE, json.dumps(sealed, indent=1, ensure_ascii=False) + "\n")


def kind_in(folder: Path) -> str | None:
    """The name of the kind whose contender lies in `folder`, "search" where it is no kind's.

    None where no contender lies there, or one of a kind that does not say which.
    """
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict):
        return None
    found = told.get("kind", None if "seal" in told else "search")
    return found if isinstance(found, str) else None


def load(kinds: Mapping[str, Kind], folder: Path) -> Loaded:
    """The contender in `folder`.

    Raises DataError where there is none, one of another format, or one that was changed since it
    was saved; EncoderError when the model it was fitted with has changed.
    """
    if not (folder / FILE).is_file():
        raise DataError(
            f"There is no winner in '{folder}'. Give the folder that `tunewise measure --out` "
            "wrote, or measure first."
        )
    try:
        told = _whole(json.loads((folder / FILE).read_text(encoding="utf-8")))
        kind, arrays = kinds[told["kind"]], _read(folder, told["arrays"])
        contender = _loaded(kinds, kind, told, folder, arrays)
        lists = {name: _lines(folder, name, count) for name, count in told["lists"].items()}
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise DataError(
            f"'{folder}' holds nothing this version of Tunewise can answer with: {wrong}. Give the "
            "folder that `tunewise measure --out` wrote, or measure again."
        ) from wrong
    return Loaded(kind, contender, {**told["about"], **lists, **_of(arrays, _ABOUT)})


def _whole(told: Any) -> Mapping[str, Any]:
    """What tunewise.json says, if it is as it was written; ValueError if not."""
    if not isinstance(told, dict) or "format" not in told:
        raise ValueError(f"{FILE} was not written by it, or lacks its beginning")
    if told["format"] != FORMAT:
        raise ValueError(f"{FILE} is of format {told['format']}, and this version reads {FORMAT}")
    if told.get("seal") != _seal({name: told[name] for name in told if name != "seal"}):
        raise ValueError(f"{FILE} was changed after it was written")
    return told


def _seal(told: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits that change when anything said would."""
    plain = json.loads(json.dumps(told))  # keys as they will be read
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _lines(folder: Path, name: str, count: int) -> list[str]:
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    if len(found) != count or not _is_list(found):
        raise ValueError(f"{name}.jsonl should have {count:,} texts, one a line")
    return found


def _described(contender: Contender) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": contender.name,
        "family": contender.family,
        "tuned": contender.tuned,
        "settings": dict(contender.settings),
    }
    encoder = contender.encoder
    if encoder is not None:
        told["encoder"] = {
            "name": encoder.name,
            "base_url": getattr(encoder, "base_url", None),
            "stamp": encoder.stamp,
            "own": contender.save_encoder is not None,
        }
        if isinstance(encoder, TransformerEncoder):
            told["encoder"]["engine"] = encoder.way.word
    if contender.kind is not None:
        told["kind"] = contender.kind
    if contender.parts:
        told["parts"] = {role: _described(part) for role, part in contender.parts.items()}
    return told


def _arrays(contender: Contender, prefix: str = "") -> Arrays:
    found = {f"{prefix}{name}": np.ascontiguousarray(a) for name, a in contender.arrays.items()}
    for role, part in contender.parts.items():
        found |= _arrays(part, f"{prefix}{role}.")
    return found


def _read(folder: Path, shapes: Mapping[str, list[int]]) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(folder / _HEAD) if shapes else {}
    except SafetensorError as damaged:
        raise ValueError(f"{_HEAD} is damaged ({damaged})") from damaged
    other = [
        name for name in shapes if name not in found or list(found[name].shape) != shapes[name]
    ]
    if other:
        raise ValueError(f"{_HEAD} lacks '{other[0]}', or has it in another size")
    return found


def _loaded(
    kinds: Mapping[str, Kind], kind: Kind, told: Mapping[str, Any], folder: Path, arrays: Arrays
) -> Contender:
    parts = {
        role: _loaded(
            kinds, kinds[part.get("kind", kind.name)], part, folder, _of(arrays, f"{role}.")
        )
        for role, part in told.get("parts", {}).items()
    }
    encoder = kept_encoder(Kept(told, folder)) if "encoder" in told else None
    saved = Saved(told["name"], told["family"], told["settings"], arrays, encoder, parts)
    # all that was saved with it is there again, also what its family knows nothing of
    found = kind.table[told["family"]].load(saved)
    return replace(found, settings=saved.settings, parts=parts)


def _of(arrays: Arrays, prefix: str) -> Arrays:
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}

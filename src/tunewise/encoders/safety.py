"""A model's folder, looked at before anything in it is loaded.

A folder from the internet may hold pickles and code, and loading either runs whatever its
author wrote. So nothing is loaded from a folder that needs them.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from tunewise.errors import EncoderError

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
_HARMLESS = {"training_args.bin"}  # a record of the training, which nothing here loads
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_LORA = "lora"
_WITHIN = ("model", "model/encoder")  # where a winner's encoder lies in what measure and tune write
_CONFIGS = {
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
}
_ROUTERS = {"Router", "Asym"}  # the second is what the first was called before
_LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors library itself


def check_folder(folder: Path) -> None:
    """Raises EncoderError unless `folder` holds a whole model that runs no foreign code.

    Refused: folders without a model; weights only as pickles; custom code; an adapter without
    its base; safetensors files that are cut off; configurations that cannot be read.
    """
    if not folder.is_dir():
        raise EncoderError(
            f"'{folder}' is not a folder, and a model is one. Give the folder that holds "
            "modules.json or config.json."
        )
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        remedy = "Give the folder that a sentence-transformers model was saved to"
        if there := _within(folder):
            remedy = f"There is one in '{there}': give that"
        raise EncoderError(
            f"'{folder}' holds no model: there is neither modules.json nor config.json. {remedy}."
        )
    _refuse_code(folder)
    _refuse_bare_adapter(folder)
    _refuse_pickles(folder)
    for path in sorted(folder.rglob("*.safetensors")):
        _check_safetensors(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model; EncoderError if it cannot be read."""
    content = _parse(path)
    if not isinstance(content, dict):
        raise _unreadable(path, "it holds no JSON object")
    return content


def routed(folder: Path) -> bool:
    """Whether the model in a folder computes its two sides in different ways."""
    return any(kind.rpartition(".")[2] in _ROUTERS for kind, _ in modules(folder))


def _within(folder: Path) -> Path | None:
    """A folder in this one that was probably meant: of a winner, or with winners in it."""
    encoders = [folder / one for one in _WITHIN if (folder / one / "modules.json").is_file()]
    winners = [path.parents[1] for path in sorted(folder.glob("*/model/tunewise.json"))]
    return next(iter([*encoders, *winners]), None)


def _refuse_code(folder: Path) -> None:
    for kind, place in modules(folder):
        if not kind.startswith("sentence_transformers."):
            raise _foreign_code(folder, f"the module '{kind}'")
        parts = PurePosixPath(place)
        if parts.is_absolute() or ".." in parts.parts:
            raise EncoderError(
                f"The model in '{folder}' wants to read '{place}', which lies outside its folder. "
                "Save the model again with sentence-transformers, so that its parts lie inside."
            )
    for path in _configs(folder):
        if read_json(path).get("auto_map"):
            raise _foreign_code(folder, f"'auto_map' in {path.name}")


def modules(folder: Path) -> Iterator[tuple[str, str]]:
    """Class and place of each part that modules.json and the configurations of routers name."""
    path = folder / "modules.json"
    if path.is_file():
        parts = _parse(path)
        if not isinstance(parts, list) or not all(isinstance(each, dict) for each in parts):
            raise _unreadable(path, "it is not a list of modules")
        yield from ((str(each.get("type", "")), str(each.get("path", ""))) for each in parts)
    for router in [*folder.rglob("router_config.json"), *folder.rglob("config.json")]:
        types = read_json(router).get("types")
        if isinstance(types, dict):
            yield from ((str(kind), str(place)) for place, kind in types.items())


def _configs(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.json")) if path.name in _CONFIGS]


def _foreign_code(folder: Path, what: str) -> EncoderError:
    return EncoderError(
        f"The model in '{folder}' needs code of its own ({what}), and Tunewise runs no code that "
        "comes with a model. Choose a model of which sentence-transformers has the code, "
        "or serve this one behind an endpoint and give 'openai:MODEL' with a base URL."
    )


def _refuse_bare_adapter(folder: Path) -> None:
    # what tuning by LoRA leaves beside the merged weights; no part of the model reads it
    places = {PurePosixPath(place).parts[:1] for _, place in modules(folder)}
    beside = None if (_LORA,) in places else folder / _LORA
    if any(path.parent != beside for path in folder.rglob("adapter_config.json")):
        raise EncoderError(
            f"'{folder}' holds a PEFT adapter, whose base model would be fetched from elsewhere, "
            "unchecked. Merge the adapter into its base (merge_and_unload) and save the whole."
        )


def _refuse_pickles(folder: Path) -> None:
    for part in sorted({folder, *(path.parent for path in _configs(folder))}):
        files = sorted(path.name for path in part.iterdir() if path.suffix in _PICKLES)
        pickles = [name for name in files if name not in _HARMLESS]
        if pickles and not any((part / name).is_file() for name in _WEIGHTS):
            raise EncoderError(
                f"'{part}' holds its weights only as a pickle ({pickles[0]}), and loading a pickle "
                "runs any code in it. Convert the model to safetensors: load it where you trust "
                "it and save it again with save_pretrained()."
            )
    if not any(folder.rglob("*.safetensors")):
        raise EncoderError(
            f"'{folder}' holds no weights: there is no model.safetensors. "
            "Copy or download the model again, in whole."
        )


def _check_safetensors(path: Path) -> None:
    """The header says how long the file must be: compared before anything is loaded.

    Layout: 8 bytes little-endian header length, JSON header, tensors
    (github.com/huggingface/safetensors).
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start == b"version ":
            raise _damaged(path, "it is only a Git LFS pointer")
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
            raise _damaged(path, "its header is cut off or is not one")
        text = file.read(length)
    try:
        header = json.loads(text)
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name[:2] != "__"]
        whole = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise _damaged(path, "its header cannot be read") from error
    if size != whole:
        raise _damaged(path, f"it has {size:,} bytes where its header says {whole:,}")


def _damaged(path: Path, why: str) -> EncoderError:
    return EncoderError(
        f"The weights '{path}' are damaged: {why}. Copy or download the model again."
    )


def _parse(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> EncoderError:
    return EncoderError(
        f"The model's file '{path}' cannot be read: {why}. Copy or download the model again."
    )

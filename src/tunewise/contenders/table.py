"""The table of contenders, the order they enter in, and how one is kept and loaded again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tunewise.contenders import adapter, full, hybrid, lexical, lora, partial, pretrained
from tunewise.contenders.contender import Contender, Entrant, Kept
from tunewise.contenders.kept import FILE, read_kept
from tunewise.encoders import TransformerEncoder
from tunewise.errors import DataError, OptionError
from tunewise.files import whole_folder, write_text
from tunewise.metrics import Threshold
from tunewise.progress import Progress, silent
from tunewise.task import Texts

TABLE: Mapping[str, Entrant] = {
    "lexical": lexical,
    "pretrained": pretrained,
    "hybrid": hybrid,
    "adapter": adapter,
    "partial": partial,
    "lora": lora,
    "full": full,
}
"""The word users type → the file that knows. Cheapest first."""

RUNGS = ("adapter", "partial", "lora", "full")
"""The families that are tuned, cheapest first."""

_FORMAT = 1


def line_up(words: Sequence[str] | None) -> list[str]:
    """The families to try, cheapest first, the hybrid again after each that is tuned.

    None tries all. Raises OptionError for a word that is not in the table, or a hybrid without
    what it fuses.

    >>> line_up(["pretrained", "lexical"])
    ['lexical', 'pretrained']
    """
    chosen = list(TABLE) if words is None else list(words)
    unknown = [word for word in chosen if word not in TABLE]
    if unknown or not chosen:
        raise OptionError(
            f"There is no contender '{', '.join(unknown)}'. Choose from {', '.join(TABLE)}."
        )
    if not {"lexical", "pretrained"} & set(chosen):
        raise OptionError(
            "A gain is measured against something untuned. Try lexical or pretrained as well."
        )
    if "hybrid" in chosen and not {"lexical", "pretrained"} <= set(chosen):
        raise OptionError(
            "A hybrid fuses words with vectors, so it needs both beside it: "
            "try lexical,pretrained,hybrid."
        )
    again = ["hybrid"] if "hybrid" in chosen else []
    ordered = [word for word in TABLE if word in chosen]
    return [one for word in ordered for one in (word, *(again if word in RUNGS else ()))]


def save_contender(contender: Contender, folder: Path, *, model: bool = True) -> None:
    """Puts what is needed to use the contender into `folder`, whole, in place of what was there.

    That is `tunewise.json` and, unless `model` is False, its model, if it has one.
    """
    described = {"format": _FORMAT, **_described(contender)}
    with whole_folder(folder) as beside:
        if model and contender.save_vectors is not None:
            contender.save_vectors(beside)
        write_text(beside / FILE, json.dumps(described, indent=1, ensure_ascii=False) + "\n")


def load_contender(folder: Path, documents: Texts, *, progress: Progress = silent) -> Contender:
    """The contender kept in `folder`, over these documents.

    Raises DataError when the folder holds none, or one of a later format.
    """
    saved = read_kept(folder)
    if "kind" in saved:
        raise DataError(
            f"'{folder}' holds the winner of a task of {saved['kind']}, and a search's is wanted "
            "here. Give the folder of a search that was measured."
        )
    if saved.get("format") != _FORMAT or saved["family"] not in TABLE:
        raise DataError(
            f"'{folder / FILE}' is of format {saved.get('format')}, family {saved['family']!r}; "
            f"this version of Tunewise reads format {_FORMAT}. Upgrade Tunewise or measure again."
        )
    return _loaded(saved, folder, documents, progress)


def _loaded(
    saved: Mapping[str, Any], folder: Path, documents: Texts, progress: Progress
) -> Contender:
    parts = {
        role: _loaded(part, folder, documents, progress)
        for role, part in saved.get("parts", {}).items()
    }
    contender = TABLE[saved["family"]].load(Kept(saved, folder, documents, parts, progress))
    kept = saved.get("threshold")  # not there before it was chosen, nor for what was tuned by hand
    return replace(contender, threshold=kept and Threshold(**kept))


def _described(contender: Contender) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": contender.name,
        "family": contender.family,
        "settings": dict(contender.settings),
    }
    if contender.encoder is not None:
        described["encoder"] = {
            "name": contender.encoder.name,
            "base_url": getattr(contender.encoder, "base_url", None),
            "stamp": contender.encoder.stamp,
        }
        if isinstance(contender.encoder, TransformerEncoder):
            described["encoder"]["engine"] = contender.encoder.way.word
    if contender.threshold is not None:
        described["threshold"] = asdict(contender.threshold)
    if contender.parts:
        described["parts"] = {role: _described(part) for role, part in contender.parts.items()}
    return described

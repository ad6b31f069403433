"""Shrunk: a contender whose vectors are kept in fewer bytes, as `tunewise shrink` chose."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from tunewise.contenders.contender import DEPTH, Contender
from tunewise.errors import DataError
from tunewise.files import whole
from tunewise.rankings import Rankings
from tunewise.retrieval import fuse
from tunewise.retrieval.compact import Compact, Form
from tunewise.task import Texts

_FORMAT = "2"
_ARRAYS = ("components", "middle", "steps", "steps_again")


def save_compact(compact: Compact, contender: Contender, path: Path) -> None:
    """Writes what was learned for a form as safetensors, whole, with the contender it is for."""
    from safetensors.numpy import save_file

    told = {
        "format": _FORMAT,
        "form": json.dumps(asdict(compact.form)),
        "dimension": str(compact.dimension),
        "contender": contender.name,
        "stamp": _stamp(contender),
    }
    arrays = {name: getattr(compact, name) for name in _ARRAYS}
    with whole(path) as beside:
        save_file(arrays, beside, metadata=told)


def shrunk(contender: Contender, path: Path, documents: Texts) -> Contender:
    """The contender with its documents kept in the form that lies in the file at `path`.

    Raises DataError for a file that holds none, or one that was made for another contender.
    """
    compact = _load(path, contender)
    assert contender.encode is not None  # noqa: S101 - a form is made of vectors
    encode, words = contender.encode, contender.parts.get("lexical")
    kept = compact.keep(encode(documents.texts, "documents"))

    def rank(queries: Texts) -> Rankings:
        asked = encode(queries.texts, "queries")
        found = compact.search(asked, kept, queries.ids, documents.ids, k=DEPTH)
        return found if words is None else with_words(contender, words.rank(queries), found)

    beside = 0 if words is None else words.bytes_per_document
    total = compact.form.bytes_of(compact.dimension) + beside
    return replace(contender, rank=rank, bytes_per_document=total)


def with_words(contender: Contender, words: Rankings, found: Rankings) -> Rankings:
    """What vectors found, fused with what words found, as the contender fuses them."""
    settings = contender.settings
    return fuse(words, found, weight=settings["weight"], method=settings["method"])


def _load(path: Path, contender: Contender) -> Compact:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
        if told.get("format") != _FORMAT:
            raise ValueError(f"format {told.get('format')}, and this version reads {_FORMAT}")
        form, dimension = Form(**json.loads(told["form"])), int(told["dimension"])
    except (OSError, SafetensorError, ValueError, LookupError, TypeError) as wrong:
        raise DataError(
            f"'{path}' holds no form of vectors ({wrong}). Run `tunewise shrink` again, or remove "
            "the file to search the vectors as they are."
        ) from wrong
    if (told["contender"], told["stamp"]) != (contender.name, _stamp(contender)):
        raise DataError(
            f"'{path}' was made for '{told['contender']}' ({told['stamp']}), and here is "
            f"'{contender.name}' ({_stamp(contender)}), whose vectors are others. "
            "Run `tunewise shrink` again, or remove the file."
        )
    return Compact(form, dimension, **arrays)


def _stamp(contender: Contender) -> str:
    return "" if contender.encoder is None else contender.encoder.stamp

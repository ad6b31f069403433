"""Shrunk: a contender whose vectors are kept in fewer bytes, as `tunewise shrink` chose."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewise.contenders.contender import DEPTH, Contender
from tunewise.encoders.texts import keys_of
from tunewise.encoders.vectors import Side
from tunewise.errors import DataError
from tunewise.files import whole
from tunewise.rankings import Rankings
from tunewise.retrieval import fuse
from tunewise.retrieval.compact import Compact, Form
from tunewise.retrieval.dense import longest
from tunewise.task import Texts

_FORMAT = "2"
_ARRAYS = ("components", "middle", "steps", "steps_again")
_PROBE = "What is the quickest way to tell two encoders from one another?"
_SAME = 0.999  # cosine: other engines and machines round otherwise, other weights move further


def save_compact(compact: Compact, contender: Contender, documents: Texts, path: Path) -> None:
    """Writes what was learned for a form as safetensors, whole: for whom, from which documents."""
    from safetensors.numpy import save

    told = {
        "format": _FORMAT,
        "form": json.dumps(asdict(compact.form)),
        "dimension": str(compact.dimension),
        "contender": contender.name,
        "stamp": _stamp(contender),
        "fusion": _fusion(contender),
        "documents": _mark(documents),
    }
    arrays = {name: getattr(compact, name) for name in _ARRAYS}
    arrays["probe"] = _probe(contender)
    told["digest"] = _digest(arrays)
    with whole(path) as beside:
        beside.write_bytes(save(arrays, metadata=told))


def shrunk(contender: Contender, path: Path, documents: Texts) -> Contender:
    """The contender with its documents kept in the form that lies in the file at `path`.

    Raises DataError for a file that holds none, or one that was made for another contender.
    """
    told, compact = _load(path, contender)
    assert contender.encode is not None  # noqa: S101 - a form is made of vectors
    encode, words = contender.encode, contender.parts.get("lexical")
    vectors = encode(documents.texts, "documents")
    longest(vectors, "document")  # refuses what cannot be compared
    kept = compact.keep(vectors)

    def rank(queries: Texts) -> Rankings:
        asked = encode(queries.texts, "queries")
        found = compact.search(asked, kept, queries.ids, documents.ids, k=DEPTH)
        return found if words is None else with_words(contender, words.rank(queries), found)

    beside = 0 if words is None else words.bytes_per_document
    total = compact.form.bytes_of(compact.dimension) + beside
    note = f"vectors are searched as {compact.form.name} ({path.name})"
    if told["documents"] != _mark(documents):
        note += ", which was learned from other documents than these"
    return replace(contender, rank=rank, bytes_per_document=total, notes=(*contender.notes, note))


def form_in(path: Path, contender: Contender) -> Form:
    """The form in the file at `path`; DataError as `shrunk` raises it."""
    return _load(path, contender)[1].form


def belongs(path: Path, contender: Contender, documents: Texts) -> bool:
    """Whether the file at `path` holds a form of this contender's vectors of these documents."""
    if contender.encode is None or not path.is_file():
        return False
    try:
        told, _ = _load(path, contender)
    except DataError:
        return False
    return told["documents"] == _mark(documents)


def with_words(contender: Contender, words: Rankings, found: Rankings) -> Rankings:
    """What vectors found, fused with what words found, as the contender fuses them."""
    settings = contender.settings
    return fuse(words, found, weight=settings["weight"], method=settings["method"])


def _load(path: Path, contender: Contender) -> tuple[Mapping[str, str], Compact]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in (*_ARRAYS, "probe")}
        if told.get("format") != _FORMAT:
            raise ValueError(f"format {told.get('format')}, and this version reads {_FORMAT}")
        if told["digest"] != _digest(arrays):
            raise ValueError("its numbers are not those that were written")
        probe = arrays.pop("probe")
        compact = Compact(Form(**json.loads(told["form"])), int(told["dimension"]), **arrays)
        compact.check()
        given = (told["contender"], told["stamp"], told["fusion"])
    except (OSError, SafetensorError, ValueError, LookupError, TypeError) as wrong:
        raise DataError(
            f"'{path}' holds no form of vectors ({wrong}). Run `tunewise shrink` again, or remove "
            "the file to search the vectors as they are."
        ) from wrong
    own = (contender.name, _stamp(contender), _fusion(contender))
    if given != own or not _alike(probe, contender):
        raise DataError(
            f"'{path}' was made for '{told['contender']}' ({told['stamp']}), and the winner here "
            f"is '{contender.name}' ({_stamp(contender) or 'without vectors'}), tuned or fused "
            "otherwise if both look alike. "
            "Run `tunewise shrink` again, or remove the file."
        )
    return told, compact


def _mark(documents: Texts) -> str:
    """A mark of these documents, from which they cannot be read."""
    return blake2b(keys_of(documents.texts).tobytes(), digest_size=16).hexdigest()


def _digest(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    digest = blake2b(digest_size=16)
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _probe(contender: Contender) -> NDArray[np.float32]:
    """The vectors (2, d) of one text from both sides: what the encoder's stamp does not say."""
    assert contender.encode is not None  # noqa: S101 - a form is made of vectors
    sides: tuple[Side, ...] = ("queries", "documents")
    return np.concatenate([contender.encode([_PROBE], side) for side in sides])


def _alike(probe: NDArray[np.float32], contender: Contender) -> bool:
    own = _probe(contender)
    return own.shape == probe.shape and bool(((own * probe).sum(axis=1) >= _SAME).all())


def _fusion(contender: Contender) -> str:
    """How vectors are fused with words, if they are."""
    if "lexical" not in contender.parts:
        return ""
    return json.dumps([contender.settings["method"], contender.settings["weight"]])


def _stamp(contender: Contender) -> str:
    return "" if contender.encoder is None else contender.encoder.stamp

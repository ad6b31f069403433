"""An index by words of one version of a table, kept on disk for the next process that asks.

Of a million chunks it takes more than a minute to make, and a second to read.
"""

import json
import logging
import shutil
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tunewise.collection.retrieval import Retrieval
from tunewise.encoders.stamp import sha256
from tunewise.encoders.texts import keys_of
from tunewise.errors import OutputError
from tunewise.files import whole_folder
from tunewise.retrieval import Bm25Index, build
from tunewise.retrieval.lexical import read_index
from tunewise.task import Texts

_FORMAT = 1
_MAKERS = ("tunewise", "bm25s", "PyStemmer")  # others may cut or score otherwise
_UNDER_WAY = 3_600.0  # seconds, more than it takes to write one
_ABOUT, _MARKS = "about.json", "marks.safetensors"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordIndex:
    """An index, the version of the table that it is of, and the seconds that making it took.

    `marks` (n,) are checksums of the texts: eight bytes a chunk, where texts take hundreds. The
    ids of the index are in order.
    """

    version: int
    index: Bm25Index
    took: float
    marks: NDArray[np.int64]

    def places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Where in the index those of these chunks are that are in it."""
        every = self.index.document_ids
        found = np.array([bisect_left(every, id_) for id_ in ids], dtype=np.int64)
        there = [
            place < len(every) and every[place] == id_
            for place, id_ in zip(found.tolist(), ids, strict=True)
        ]
        return found[np.array(there, dtype=np.bool_)]

    def same(self, ids: Sequence[str], texts: Sequence[str]) -> list[bool]:
        """Whether the index was made of these texts of chunks that are in it."""
        same: list[bool] = (self.marks[self.places(ids)] == _marks(texts)).tolist()
        return same


def make_index(number: int, texts: Texts, retrieval: Retrieval) -> WordIndex:
    """The index of these chunks, in the order of their ids, which are version `number`."""
    began = time.monotonic()
    index = build(texts, retrieval.analyzer, retrieval.k1, retrieval.b)
    marks = _marks(texts.texts)
    return WordIndex(number, index, time.monotonic() - began, marks)


def save_index(made: WordIndex, retrieval: Retrieval, folder: Path) -> None:
    """Puts the index into `folder`, in place of all that is beside it; logs where it cannot.

    Beside it lie those of versions before, and what killed processes left.
    """
    if made.index.model is None:  # nothing to find
        return
    try:
        with whole_folder(folder) as beside:
            made.index.save(beside)
            save_file({"marks": made.marks}, beside / _MARKS)
            about = {
                "made": _making(retrieval),
                "took": made.took,
                "checksums": _checksums(beside),
            }
            (beside / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        for other in folder.parent.iterdir():
            if other != folder and not _is_begun(other):
                shutil.rmtree(other, ignore_errors=True)
    except (OSError, OutputError, SafetensorError) as refusal:
        logger.warning("an index by words was not kept: %s", refusal)


def drop_index(folder: Path) -> None:
    """Removes what `save_index` put there, and the folder of all versions where nothing is left."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


def load_index(folder: Path, number: int, retrieval: Retrieval) -> WordIndex | None:
    """The index that `save_index` put there; None where there is none of these settings, whole."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if about["made"] != _making(retrieval):
            return None
        if about["checksums"] != _checksums(folder):
            raise ValueError("its checksums are of something else")
        index = read_index(folder, retrieval.analyzer)
        marks = load_file(folder / _MARKS)["marks"]
        if not len(index.document_ids) == len(marks) == index.model.scores["num_docs"]:
            raise ValueError("its parts are of several")
        return WordIndex(number, index, float(about["took"]), marks)
    except FileNotFoundError:
        return None
    except Exception as wrong:  # whatever is there instead: it can be made anew
        logger.warning(
            "a kept index by words, '%s', is damaged: %r. It is made anew.", folder, wrong
        )
        return None


def _is_begun(folder: Path) -> bool:
    """Whether another process may still be writing this one."""
    with suppress(OSError):
        return folder.name.startswith(".") and time.time() - folder.stat().st_mtime < _UNDER_WAY
    return False


def _making(retrieval: Retrieval) -> Mapping[str, Any]:
    """What an index depends on beside the texts."""
    return {
        "format": _FORMAT,
        "versions": {name: version(name) for name in _MAKERS},
        "settings": {"analyzer": asdict(retrieval.analyzer), "k1": retrieval.k1, "b": retrieval.b},
    }


def _checksums(folder: Path) -> Mapping[str, str]:
    return {path.name: sha256(path) for path in folder.iterdir() if path.name != _ABOUT}


def _marks(texts: Sequence[str]) -> NDArray[np.int64]:
    """Half of each text's key, which is the same in every process, as `hash` is not."""
    return np.ascontiguousarray(keys_of(texts).view(np.int64)[::2])

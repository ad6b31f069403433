"""Folders: every file below them, folder by folder, in the order of names."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tunewise.documents.document import Failure
from tunewise.documents.source import Source


def files_in(source: Source) -> Iterator[Source | Failure]:
    """The files below the folder `source.path`, named by their paths within it.

    Hidden ones are left out. What is no ordinary file, or a link that leads out of the folder or
    to another folder, is a failure.
    """
    root = source.path.resolve()
    unreadable: list[OSError] = []
    for folder, inner, names in os.walk(root, onerror=unreadable.append):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        links = [name for name in inner if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield _file(source, root, Path(folder, name))
    for wrong in unreadable:
        name = Path(str(wrong.filename)).relative_to(root).as_posix()
        yield Failure(name, f"The folder cannot be read: {wrong.strerror}.")


def _file(source: Source, root: Path, path: Path) -> Source | Failure:
    name = _shown(path.relative_to(root).as_posix())
    target = path.resolve()
    if not target.is_relative_to(root):
        return Failure(name, "It is a link that leads out of the folder. Copy the file itself.")
    if path.is_symlink() and target.is_dir():
        return Failure(name, "It is a link to a folder, and those are not followed.")
    if not target.exists():
        return Failure(name, "It is a link to nothing.")
    if not target.is_file():  # reading a pipe would wait for ever
        return Failure(name, "It is no ordinary file.")
    return replace(source, path=target, name=name)


def _shown(name: str) -> str:
    """The name with bytes that are no UTF-8 replaced, as an id must be writable everywhere."""
    return name.encode("utf-8", "replace").decode("utf-8")

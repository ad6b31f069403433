"""Files written whole: beside their place first, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunewise.errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, renamed to `path` only if the block ends without an error.

    A reader sees the old file or the new one, never half of either. Raises OutputError when
    the folder cannot be written or the disk is full.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            _to_disk(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder to fill, put in the place of `folder` only if the block ends without an error.

    What was in `folder` before is gone then. Raises OutputError as `whole` does.
    """
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        old = beside.with_name(f"{beside.name}.old")
        try:
            yield beside
            beside.chmod(0o755)
            if folder.exists():
                folder.replace(old)
            beside.replace(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Makes sure, before long work, that results can be put into `folder`; makes it if need be.

    Raises OutputError when they cannot.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".writable."):
            pass


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path`, whole."""
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write into an OutputError that names them."""
    try:
        yield
    except OSError as refusal:
        raise OutputError(
            f"Cannot write to '{folder}': {refusal.strerror or refusal}. "
            "Free some space or choose another folder; nothing half-written was left."
        ) from refusal


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

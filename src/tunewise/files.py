"""Files written whole: beside their place first, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tunewise.errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, renamed to `path` only if the block ends without an error.

    A reader sees the old file or the new one, never half of either. Raises OutputError when
    the folder cannot be written or the disk is full.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
        beside.touch(exist_ok=False)  # readable to whom the user's umask says, unlike tempfile's
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


@contextmanager
def whole_set(folder: Path, *, seal: str) -> Iterator[Path]:
    """A new folder to fill with what belongs together, put into `folder` if there is no error.

    Each file and folder in it takes the place of what has its name there; the rest stays. The
    file called `seal` goes first and comes last: where it is, all is. Raises OutputError as
    `whole` does.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / ".unfinished"
        if beside.exists():  # left by a run that was killed
            shutil.rmtree(beside)
        beside.mkdir()
        try:
            yield beside
            parts = sorted(beside.iterdir(), key=lambda part: (part.name == seal, part.name))
            (folder / seal).unlink(missing_ok=True)
            for part in parts:
                if (folder / part.name).is_dir():
                    (folder / part.name).replace(beside / f".{part.name}.old")
                part.replace(folder / part.name)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


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
    """Turns the operating system's refusals to write into an OutputError that names `folder`.

    One within another names the outer folder: the inner one may be of a passing name.
    """
    try:
        yield
    except OSError as refusal:
        raise _refused(folder, refusal) from refusal
    except OutputError as inner:
        if not isinstance(inner.__cause__, OSError):
            raise
        raise _refused(folder, inner.__cause__) from inner.__cause__


def _refused(folder: Path, refusal: OSError) -> OutputError:
    return OutputError(
        f"Cannot write to '{folder}': {refusal.strerror or refusal}. "
        "Free some space or choose another folder; nothing half-written was left."
    )


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

"""Files written whole: beside their place first, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from tunewise.errors import OutputError

_BESIDE = ".unfinished"  # where a set is gathered before it is put in its place
_NAMES = ".names"  # in it: the parts, the seal last; written before the first is moved


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
        with _held(folder):
            _put_back(folder)
            beside = folder / _BESIDE
            beside.mkdir()
            try:
                yield beside
                _put(beside, folder, seal)
            finally:
                _put_back(folder)


def put_back(folder: Path) -> None:
    """Clears away what a killed `whole_set` left in `folder`: all is as before, or all is new."""
    if (folder / _BESIDE).is_dir():
        with writing(folder), _held(folder):
            _put_back(folder)


def _held(folder: Path) -> FileLock:
    """A lock on a folder for one process at a time; it lies elsewhere, as it is never cleared."""
    name = blake2b(str(folder.resolve()).encode(), digest_size=8).hexdigest()
    return FileLock(Path(tempfile.gettempdir()) / f"tunewise-{name}.lock")


def _put_back(folder: Path) -> None:
    beside = folder / _BESIDE
    if not beside.is_dir():
        return
    begun = beside / _NAMES
    names = begun.read_text(encoding="utf-8").splitlines() if begun.is_file() else []
    if names and (beside / names[-1]).exists():  # the seal, which is the last, had not been put
        for name in names:
            if not (beside / name).exists():
                _remove(folder / name)
            if (beside / f".{name}.old").exists():
                (beside / f".{name}.old").replace(folder / name)
    shutil.rmtree(beside)


def _put(beside: Path, folder: Path, seal: str) -> None:
    names = sorted((part.name for part in beside.iterdir()), key=lambda name: (name == seal, name))
    write_text(beside / _NAMES, "\n".join(names))
    for name in reversed(names):  # the seal first: where it is, all is
        if (folder / name).exists():
            (folder / name).replace(beside / f".{name}.old")
    for name in names:
        (beside / name).replace(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
    reason = refusal.strerror or str(refusal)
    if isinstance(refusal, shutil.Error):  # a list of (from, to, reason)
        reason = str(refusal.args[0][0][2])
    remedy = "Free some space"
    if isinstance(refusal, FileExistsError | NotADirectoryError):
        reason, remedy = "there is a file where a folder should be", "Move it away"
    if isinstance(refusal, PermissionError):
        remedy = "Have whoever owns it let you write there"
    return OutputError(
        f"Cannot write to '{folder}': {reason}. "
        f"{remedy} or choose another folder; nothing half-written was left."
    )


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

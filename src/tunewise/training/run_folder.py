"""A run's folder: who may work in it, what it says of itself, what is taken out when it is done.

`run.json` says what run it is, `tuned.json`, written last, what came of it. Between the two there
are checkpoints, `looks.json`, and the best weights seen, by the step they were seen at.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunewise.files import write_text
from tunewise.progress import Progress

_BEGUN, _DONE = "run.json", "tuned.json"
_FOR_GOING_ON = ("checkpoint-*", "states-*.bin", "best-*.safetensors")
_PASSING = (".run.json.*", ".tuned.json.*", ".looks.json.*", ".weights.safetensors.*",
            ".best-*.safetensors.*", ".checkpoint-*.*", ".lora.*")  # fmt: skip
_RESULTS = ("looks.json", "weights.safetensors", "lora", "model-*")


@contextmanager
def alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Holds a run's folder, which is made if need be; waits as long as another process does."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"waiting for the run that is under way in '{folder}'", 0, 1)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def begin(folder: Path, run: Mapping[str, Any]) -> None:
    """Makes the folder ready for a run: what another one left goes, what this one left stays.

    Only files that a run writes are taken out.
    """
    _remove(folder, _PASSING)  # half-written when a process was killed
    if read(folder / _BEGUN) == run:
        return
    _remove(folder, (_DONE, *_FOR_GOING_ON, *_RESULTS))
    write_text(folder / _BEGUN, json.dumps(run, indent=1) + "\n")


def result(folder: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What came of the run with this key in the folder; None as long as it is not done."""
    saved = read(folder / _DONE)
    whole = isinstance(saved, dict) and (folder / "weights.safetensors").is_file()
    return saved if whole and saved["key"] == key else None


def conclude(folder: Path, key: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Says what came of a run."""
    write_text(folder / _DONE, json.dumps({"key": key, **run}, indent=1) + "\n")


def tidy(folder: Path) -> None:
    """Takes away what only a run that goes on would need."""
    _remove(folder, _FOR_GOING_ON)


def is_tidy(folder: Path) -> bool:
    """Whether nothing lies there that only a run that goes on would need."""
    return not any(path for pattern in _FOR_GOING_ON for path in folder.glob(pattern))


def withdraw(folder: Path) -> None:
    """Takes away what was made of a run's earlier weights."""
    _remove(folder, (_DONE, "model-*"))


def read(path: Path) -> Any:
    """The JSON in a file; None where there is none, or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _remove(folder: Path, patterns: tuple[str, ...]) -> None:
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

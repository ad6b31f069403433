"""Format: the number of the layout of a server's home, and the steps from one to the next.

A server looks at it when it starts. What an older one wrote is brought up to date in order; what
a newer one wrote is refused, for it may hold what this one would lose.
"""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from tunewise.errors import DataError
from tunewise.files import write_text

Step = Callable[[Path], None]
"""Brings a home from one format to the next; run again after a kill, it goes on."""

STEPS: Sequence[Step] = ()
"""The first goes from format 1 to 2, the next from 2 to 3."""

_FILE = "format.json"

logger = logging.getLogger(__name__)


def bring_up_to_date(folder: Path, *, steps: Sequence[Step] = STEPS) -> int:
    """The format that a home has now, after whichever steps it had not taken. Nobody else uses it.

    Raises DataError for one that a newer Tunewise wrote, and where the number cannot be read.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> bring_up_to_date(home)
    1
    >>> bring_up_to_date(home, steps=[lambda folder: (folder / "new").touch()])
    2
    """
    path, newest = folder / _FILE, len(steps) + 1
    found = _read(path) if path.is_file() else None
    if found is None:
        _write(path, found := newest if _is_new(folder) else 1)
    if found > newest:
        raise DataError(
            f"'{folder}' was written by a newer Tunewise: its format is {found}, and this one "
            f"knows {newest}. Install that one again, or bring back the copy made before."
        )
    for number in range(found, newest):
        logger.info("'%s' goes from format %d to %d", folder, number, number + 1)
        steps[number - 1](folder)
        _write(path, number + 1)  # after each: a kill loses none that was taken
    return newest


def _is_new(folder: Path) -> bool:
    return not any(each for each in folder.iterdir() if not each.name.startswith("."))


def _read(path: Path) -> int:
    try:
        number = json.loads(path.read_text(encoding="utf-8"))["format"]
        if type(number) is not int or number < 1:
            raise ValueError(f"'{number}' is no format")
        return number
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise DataError(
            f"'{path}' cannot be read: {wrong}. Bring it back from the last copy of the folder."
        ) from wrong


def _write(path: Path, number: int) -> None:
    write_text(path, json.dumps({"format": number}) + "\n")

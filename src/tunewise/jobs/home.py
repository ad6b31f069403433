"""Home: where a server's state lies, all of it in one folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from tunewise.errors import OutputError
from tunewise.files import check_writable


@dataclass(frozen=True)
class Home:
    """A server's folder, and what lies where in it. Backing it up backs up the server."""

    folder: Path

    @property
    def objects(self) -> Path:
        """Uploaded files: a folder for `Objects`."""
        return self.folder / "objects"

    @property
    def jobs(self) -> Path:
        """The queue's database: a file for `Queue`."""
        return self.folder / "jobs.db"

    @property
    def models(self) -> Path:
        """What jobs tuned: a folder a model."""
        return self.folder / "models"

    @property
    def collections(self) -> Path:
        """A folder for each collection."""
        return self.folder / "collections"

    @property
    def embedded(self) -> Path:
        """What became of each file of each bucket: a file for `Embedded`."""
        return self.folder / "embedded.db"

    @property
    def shelves(self) -> Path:
        """Buckets that are searched together, by name: a file for `Shelves`."""
        return self.folder / "shelves.db"

    @property
    def secret(self) -> Path:
        """What the addresses of uploads are signed with."""
        return self.folder / "secret"

    @property
    def queries(self) -> Path:
        """The query log's database: a file for `QueryLog`."""
        return self.folder / "queries.db"

    @property
    def clusters(self) -> Path:
        """What clustering jobs found."""
        return self.folder / "clusters"

    def at_work(self, job: str) -> Path:
        """A job's own folder, kept between its attempts."""
        return self.folder / "jobs" / job

    def unplaced(self, text: str) -> str:
        """A text for callers, who need not know where the folder lies."""
        for folder in (self.folder, self.folder.resolve()):
            text = text.replace(f"{folder}{os.sep}", "")
        return text

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and keeps other servers out of it; the system lets go of a dead one's.

        Raises OutputError where it cannot be written, or where a server has it.
        """
        check_writable(self.folder)
        lock = FileLock(self.folder / ".server.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise OutputError(
                f"Another server works in '{self.folder}'. Stop it first, or give this one a "
                "folder of its own with --home."
            ) from None
        try:
            yield
        finally:
            lock.release()


def default_home() -> Path:
    """$TUNEWISE_HOME, else tunewise in the user's data: $XDG_DATA_HOME, else ~/.local/share."""
    if named := os.environ.get("TUNEWISE_HOME"):
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "tunewise"

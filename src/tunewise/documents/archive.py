"""Zip files: what is in them becomes sources, one at a time and within bounds.

Nothing is unpacked to a place that the archive names, so no name in it can lead out of a folder.
"""

import lzma
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from tunewise.documents.document import Failure
from tunewise.documents.limits import MIB, Limits, check_size
from tunewise.documents.source import Source
from tunewise.errors import DataError

_BLOCK = 2**20
_SMALL = MIB  # what unpacks to less than this hurts nobody, however well it is packed
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)  # the last for another way of packing, or a password
"""What `zipfile` raises for an archive that is damaged."""


class Allowance:
    """What may still be unpacked from a zip file and from those within it, together."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files, self._bytes = limits.archive_files, limits.archive_bytes

    def take(self, entries: list[zipfile.ZipInfo], name: str) -> None:
        """Takes these files from what is left; DataError if it is not enough."""
        self._files -= len(entries)
        self._bytes -= sum(entry.file_size for entry in entries)
        if self._files < 0 or self._bytes < 0:
            raise DataError(
                f"'{name}' would unpack to too much: at most {self._limits.archive_files:,} files "
                f"and {self._limits.archive_bytes / MIB:,.0f} MiB are taken from one archive. "
                "Unpack it by hand and look at it first."
            )


def unpacked(source: Source, allowance: Allowance) -> Iterator[Source | Failure]:
    """What is in a zip file, in its order; each lies in a file until the next is asked for.

    Hidden files are left out, and what may not be unpacked is a failure of its own. Raises
    DataError if the archive is damaged, or the rest is too much.
    """
    with (
        _opened(source) as archive,
        tempfile.TemporaryDirectory(prefix="tunewise-") as folder,
    ):
        entries = [entry for entry in archive.infolist() if not _is_passed_over(entry)]
        judged = [(entry, _refusal(entry, source.limits)) for entry in entries]
        allowance.take([entry for entry, refusal in judged if not refusal], source.name)
        for entry, refusal in judged:
            name = f"{source.name}/{entry.filename}"
            path = Path(folder, f"member{_suffix(entry.filename)}")
            wrong = refusal or _unpack(archive, entry, path)
            if wrong:
                yield Failure(name, wrong)
                continue
            yield replace(source, path=path, name=name, media_type="", charset="")
            path.unlink(missing_ok=True)


@contextmanager
def checked(source: Source, most: int) -> Iterator[zipfile.ZipFile]:
    """The zip file, once its list of contents is known to be whole and within `most` bytes.

    Raises DataError otherwise. What is read of an entry is never more than the list says of it.
    """
    with _opened(source) as archive:
        entries = archive.infolist()
        check_size(sum(entry.file_size for entry in entries), most, f"'{source.name}', unpacked,")
        for entry in entries:
            _check_ratio(entry, source.limits)
        yield archive


def _opened(source: Source) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source.path)
    except BROKEN as wrong:
        raise DataError(
            f"'{source.name}' is not a whole zip file: {wrong}. It may be cut off; copy it again."
        ) from wrong


def _refusal(entry: zipfile.ZipInfo, limits: Limits) -> str:
    """Why an entry may not be unpacked; "" if it may."""
    try:
        _check(entry, limits)
        _check_ratio(entry, limits)
    except DataError as wrong:
        return str(wrong)
    return ""


def _check(entry: zipfile.ZipInfo, limits: Limits) -> None:
    """Raises DataError for what is no plain file within the archive, or too large."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    # zipfile itself makes / of \ only on Windows; a drive is part of no ordinary name
    if ".." in parts or (parts and (parts[0] == "/" or parts[0][1:2] == ":")):
        raise DataError("Its name leads out of the archive. It was not unpacked.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError("It is a link, and links in archives are not followed.")
    if entry.flag_bits & 1:
        raise DataError("It is encrypted. Pack it again without a password.")
    check_size(entry.file_size, limits.file_bytes, "It")


def _check_ratio(entry: zipfile.ZipInfo, limits: Limits) -> None:
    most = max(_SMALL, entry.compress_size * limits.ratio)
    if entry.file_size > most:
        raise DataError(
            f"'{entry.filename}' unpacks to {entry.file_size / MIB:,.0f} MiB, more than "
            f"{limits.ratio} times what it is packed. Files made to fill disks are like that."
        )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> str:
    """Writes what is packed to `path`, and says why it cannot be; "" if it can."""
    try:
        with archive.open(entry) as packed, path.open("wb") as plain:
            while block := packed.read(_BLOCK):
                plain.write(block)
    except BROKEN as wrong:
        return f"It cannot be unpacked: {wrong}. Pack it again."
    return ""


def _is_passed_over(entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts)
    return entry.is_dir() or hidden or parts[:1] == ("__MACOSX",)


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) < 20 else ""

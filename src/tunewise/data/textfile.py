"""Text files as lines: encodings recognised, gzip opened, binary files refused.

UTF-8 with and without a byte order mark, UTF-16 and UTF-32 with one, and any line ending
are read. Anything else is refused with the command that converts it: a guessed encoding
would silently make wrong letters.
"""

import codecs
import gzip
import io
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from tunewise.errors import DataError

HEAD = 65536

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)

BINARY = (
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "compressed with gzip (such a file is read when its name ends in .gz)"),
    (b"PAR1\x15", "a Parquet file (such a file is read when its name ends in .parquet)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
)


def lines(path: Path, *, newline: str | None = None) -> Iterator[str]:
    r"""The lines of a text file, with their endings, decoded as they come.

    `newline=None` gives every ending as "\n"; `newline=""` keeps endings as they are, which
    csv needs. Only \n, \r and \r\n end a line (str.splitlines would also break at U+2028,
    which may stand within a JSON string). Raises DataError if the file cannot be opened, is
    empty, binary, or not in one of the encodings above.
    """
    encoding = _encoding(path)
    try:
        with (
            _open(path) as raw,
            io.TextIOWrapper(raw, encoding=encoding, newline=newline) as file,
        ):
            for number, line in enumerate(file, start=1):
                if "\0" in line:
                    raise _binary(path, f"it holds a NUL byte in line {number}")
                yield line
    except UnicodeDecodeError as wrong:
        raise _undecodable(path, encoding) from wrong
    except (OSError, EOFError, zlib.error) as wrong:
        raise _unreadable(path, wrong) from wrong


def exists(path: Path) -> bool:
    """Whether there is something at this path; an impossible path is a path to nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _open(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _encoding(path: Path) -> str:
    try:
        with _open(path) as file:
            head = file.read(HEAD)
    except (OSError, EOFError, zlib.error) as wrong:
        raise _unreadable(path, wrong) from wrong
    if not head:
        raise DataError(f"'{path}' is empty. Check that it was written to the end.")
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    for magic, kind in BINARY:
        if head.startswith(magic):
            raise _binary(path, f"it is {kind}")
    if b"\0" in head:
        raise _binary(path, "it holds NUL bytes")
    return "utf-8"


def _binary(path: Path, why: str) -> DataError:
    return DataError(
        f"'{path}' is not a text file: {why}. Save the data as UTF-8 text "
        "(CSV, TSV or JSONL) or as Parquet."
    )


def _unreadable(path: Path, wrong: Exception) -> DataError:
    if isinstance(wrong, OSError) and not isinstance(wrong, gzip.BadGzipFile):
        return DataError(
            f"Cannot read '{path}': {wrong.strerror or wrong}. Check its name and that you "
            "are allowed to read it."
        )
    return DataError(
        f"Cannot read '{path}': its compression is broken ({wrong}). It may have been cut off; "
        "copy or compress it again."
    )


def _undecodable(path: Path, encoding: str) -> DataError:
    if not encoding.startswith("utf-8"):
        name = encoding.upper()
        return DataError(
            f"'{path}' begins with the mark of {name} but is not valid {name}. It may have been "
            "cut off or joined from different files; save it again as UTF-8."
        )
    number, wrong = _undecodable_line(path)
    return DataError(
        f"Line {number} of '{path}' is not UTF-8 (byte 0x{wrong:02x}). If the file was saved as "
        f"Windows-1252 or Latin-1, convert it: {_conversion(path)}"
    )


def _undecodable_line(path: Path) -> tuple[int, int]:
    # The decoder works in blocks and does not know lines, so the file is read once more.
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as wrong:
                return number, line[wrong.start]
    raise DataError(f"'{path}' changed while it was read. Try again when it is complete.")


def _conversion(path: Path) -> str:
    source = shlex.quote(str(path))
    compressed = path.suffix.lower() == ".gz"
    plain = path.with_suffix("") if compressed else path
    target = plain.with_name(f"{plain.stem}.utf8{plain.suffix}")
    if compressed:
        return (
            f"gzip -dc {source} | iconv -f WINDOWS-1252 -t UTF-8 | "
            f"gzip > {shlex.quote(str(target) + '.gz')}"
        )
    return f"iconv -f WINDOWS-1252 -t UTF-8 {source} > {shlex.quote(str(target))}"

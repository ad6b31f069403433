"""How much is read of what strangers may have made: every bound, and why it is where it is."""

from dataclasses import dataclass

from tunewise.errors import DataError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """The bounds; a service that reads uploads sets lower ones."""

    file_bytes: int = 256 * MIB
    """Of a file that is read as a whole; a book as scanned PDF has less. Tables have no such
    bound where they lie on this machine, for they are read row by row."""
    characters: int = 100_000_000
    """Of one document: sixty times the Bible is a mistake, or meant to hurt."""
    pages: int = 20_000
    """Of a PDF; the longest standards have a quarter of it."""
    seconds: float = 300.0
    """For the pages of one PDF, looked at after each: some are made to take for ever."""
    archive_files: int = 100_000
    """In a zip file and those within it, together."""
    archive_bytes: int = 4096 * MIB
    """Unpacked, of a zip file and those within it, together."""
    ratio: int = 200
    """Unpacked to packed. Texts pack to a third or a tenth, logs to a fiftieth; 1,032 is the most
    that deflate can do, and zip bombs are near it."""
    nested: int = 2
    """Zip files within one another, the outer one counted."""
    address_bytes: int = 64 * MIB
    """Of what an address answers."""
    address_seconds: float = 30.0
    """For an address in all: its name, its redirects, its last byte."""
    redirects: int = 5
    """Most browsers follow twenty; more than two are rare."""
    site_addresses: int = 1_000
    """Looked at of one site: the manual of a large product has as many pages."""
    site_bytes: int = 1024 * MIB
    """Of all pages of one site."""


USUAL = Limits()


def check_size(size: int, most: int, what: str) -> None:
    """Raises DataError if `size` bytes of `what` are more than `most`."""
    if size > most:
        raise DataError(
            f"{what} has {size / MIB:,.0f} MiB, and at most {most / MIB:,.0f} are read. Split it, "
            "or save the text alone."
        )

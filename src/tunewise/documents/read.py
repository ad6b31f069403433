"""Whatever is at a path or address becomes documents; what fails is told, and the rest go on."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from tunewise.data.columns import validated
from tunewise.data.folders import is_there
from tunewise.documents.address import Hosts
from tunewise.documents.archive import Allowance, unpacked
from tunewise.documents.document import Document, Failure
from tunewise.documents.folder import files_in
from tunewise.documents.formats import ARCHIVES, format_of, read
from tunewise.documents.limits import USUAL, Limits
from tunewise.documents.site import pages
from tunewise.documents.source import Source
from tunewise.errors import AbsentError, DataError, OptionError, TunewiseError

ROLES = ("document", "document_id", "title")
"""What `columns=` may name."""


def read_documents(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    hosts: Sequence[str] = (),
    private_hosts: Sequence[str] = (),
    depth: int = 0,
    limits: Limits = USUAL,
) -> Iterator[Document | Failure]:
    r"""The documents at `path`, and a `Failure` for each that could not be read.

    `path` is a file (text, Markdown, HTML, PDF, DOCX, CSV, TSV, JSONL), a zip file or folder of
    such, or an http(s) address on one of the `hosts` ("name" or "name:port"). Those in
    `private_hosts` may also lie in a private network or on this machine. `depth` is how many links
    are followed from a page to others of its host. `columns` says which column of a table is which
    (document, title, document_id); the others become metadata.
    Documents come as they are read, in the same order each time, with ids of their own.
    Raises DataError if there is nothing at `path`, OptionError for an address without hosts. Where
    an event loop runs, an address has to be read from a thread beside it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "loans.md").write_text("# Loans\n\nThree weeks.\n")
    ...     _ = Path(folder, "photo.jpg").write_bytes(b"\xff\xd8\xff")
    ...     loans, photo = read_documents(folder)
    >>> loans.title, loans.headings
    ('Loans', [(0, 'Loans')])
    >>> photo.name, photo.reason[:19]
    ('photo.jpg', 'No reader for .jpg.')
    """
    chosen = validated(columns, ROLES)
    if str(path).lower().startswith(("http://", "https://")):
        if not hosts and not private_hosts:
            raise OptionError(
                f"'{path}' is an address, and nothing is fetched but from hosts that were named. "
                "Name its host: --host its.host.name (hosts=['its.host.name'])."
            )
        if depth < 0:
            raise OptionError(f"depth is how many links are followed, 0 or more, not {depth}.")
        source = Source(Path(), str(path), columns=chosen, limits=limits)
        return _apart(_fetched(source, Hosts(hosts, private_hosts), depth))
    place = is_there(Path(path))
    source = Source(place, place.name, columns=chosen, limits=limits)
    return _apart(_of_folder(source) if place.is_dir() else _of_file(source, None))


def read_file(
    path: Path,
    name: str,
    *,
    media_type: str = "",
    charset: str = "",
    columns: Mapping[str, str] | None = None,
    limits: Limits = USUAL,
) -> Iterator[Document | Failure]:
    """The documents of one file that is called `name`, wherever its bytes lie.

    `media_type` and `charset` are what a server told of it, "" for nothing; the rest is as in
    `read_documents`. A file that is not there is a `Failure` too.
    """
    chosen = validated(columns, ROLES)
    with tempfile.TemporaryDirectory(prefix="tunewise-") as folder:
        link = Path(folder, f"file{_ending(name)}")  # readers of tables go by it
        link.symlink_to(path.resolve())
        yield from _apart(_of_file(Source(link, name, media_type, charset, chosen, limits), None))


def _ending(name: str) -> str:
    found = PurePosixPath(name).suffix
    return found if found[1:].isascii() and found[1:].isalnum() else ""


def _fetched(source: Source, hosts: Hosts, depth: int) -> Iterator[Document | Failure]:
    try:
        for found in pages(source, hosts, depth=depth):
            yield from [found] if isinstance(found, Failure) else _of_file(found, None)
    except (AbsentError, DataError) as wrong:
        yield Failure(source.name, str(wrong))
    except OSError as wrong:
        yield Failure(source.name, f"It cannot be kept: {wrong.strerror or wrong}.")


def _of_folder(source: Source) -> Iterator[Document | Failure]:
    for found in files_in(source):
        if isinstance(found, Failure):
            yield found
        else:
            yield from _of_file(found, None)


def _of_file(
    source: Source, allowance: Allowance | None, depth: int = 1
) -> Iterator[Document | Failure]:
    """The documents of one file; `allowance` is what is left of the archive it is in, if any."""
    try:
        form = format_of(source)
        if form is not ARCHIVES:
            yield from read(source, form)
        elif depth > source.limits.nested:
            yield Failure(source.name, "It is an archive in archives, too deep to be looked into.")
        else:
            allowance = allowance or Allowance(source.limits)
            for found in unpacked(source, allowance):
                if isinstance(found, Failure):
                    yield found
                else:
                    yield from _of_file(found, allowance, depth + 1)
    except TunewiseError as wrong:
        yield Failure(source.name, _named(str(wrong), source))
    except OSError as wrong:
        yield Failure(source.name, f"It cannot be read: {wrong.strerror or wrong}.")


def _named(reason: str, source: Source) -> str:
    """The reason without the folder in which the bytes lay, perhaps for a moment only."""
    return reason.replace(str(source.path), source.name).replace(f"{source.path.parent}/", "")


def _apart(found: Iterable[Document | Failure]) -> Iterator[Document | Failure]:
    """The same, where a second document of one id is a failure: nobody could tell them apart."""
    seen: set[str] = set()
    for each in found:
        if isinstance(each, Document) and each.id in seen:
            name = str(each.metadata["source"])
            yield Failure(
                name, f"Another document has the id '{each.id}' already. Give each one its own."
            )
        else:
            seen |= {each.id} if isinstance(each, Document) else set()
            yield each

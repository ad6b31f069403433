"""Forms: a multipart body read as it comes: short fields kept, the one file handed on in pieces."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request

from tunewise.extras import need
from tunewise.serving.refused import Reason, Refused, bad_request

_MOST_PARTS = 16
_MOST_FIELD = 1_024  # bytes
_PIECE = 2**20  # bytes handed on at once: each takes a turn of the disk

Piece = Callable[[str, bytes], Awaitable[None]]
"""Takes a file's name and the next piece of it."""


async def read_form(request: Request, file: str, taken: Piece) -> dict[str, str]:
    """The fields of a form; the file in its field `file` goes to `taken`, a piece at a time.

    Nothing of the file stays in memory. Raises Refused for a body that is no such form, with too
    many or too long fields, or with a second file.
    """
    boundary = _boundary(request)
    events = _Events(boundary)
    fields: dict[str, str] = {}
    async for part, block in _parts(request, events):
        name, filename = part
        if filename is None:
            fields[name] = fields.get(name, "") + block.decode("utf-8", "replace")
            if len(fields[name]) > _MOST_FIELD:
                raise bad_request(f"A field may have {_MOST_FIELD} bytes.", param=name[:100])
        elif name == file:
            await taken(filename, block)
        else:
            raise bad_request(f"The file belongs into the field '{file}'.", param=name[:100])
    if not events.over:
        raise bad_request("The form breaks off. Send it again.")
    return fields


def _boundary(request: Request) -> bytes:
    multipart: Any = need("python_multipart.multipart", extra="serve")
    kind, options = multipart.parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused(
            "A file is sent as multipart/form-data, with a field 'file'.",
            Reason(415, "unsupported_media_type"),
        )
    boundary: bytes = options[b"boundary"]
    return boundary


Part = tuple[str, str | None]
"""A part's field, and the name of its file, if it is one."""


class _Events:
    """What a parser came upon: pieces of parts, each with the part it belongs to."""

    def __init__(self, boundary: bytes) -> None:
        self._multipart: Any = need("python_multipart.multipart", extra="serve")
        self.found: list[tuple[Part, bytes]] = []
        self.over, self._count, self._files = False, 0, 0
        self._header, self._value, self._headers = b"", b"", dict[bytes, bytes]()
        self._part: Part = ("", None)
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._name,
            "on_header_value": self._says,
            "on_header_end": self._said,
            "on_headers_finished": self._opened,
            "on_part_data": self._data,
            "on_end": self._end,
        }
        try:
            self._parser = self._multipart.MultipartParser(boundary, callbacks)
        except self._multipart.FormParserError as wrong:
            raise bad_request("The form's boundary is too long.") from wrong

    def feed(self, block: bytes) -> None:
        """Reads on. Raises Refused for what is no form."""
        try:
            self._parser.write(block)
        except self._multipart.FormParserError as wrong:
            raise bad_request("The body is no whole form of several parts.") from wrong

    def _begin(self) -> None:
        self._count += 1
        self._headers = {}
        if self._count > _MOST_PARTS:
            raise bad_request(f"A form may have {_MOST_PARTS} parts.")

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _says(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _said(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _opened(self) -> None:
        said = self._headers.get(b"content-disposition")
        _, options = self._multipart.parse_options_header(said)
        filename = options.get(b"filename")
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._part = name, None if filename is None else filename.decode("utf-8", "replace")
        self._files += filename is not None
        if self._files > 1:
            raise bad_request("One file a request. Send the others by themselves.")
        self.found.append((self._part, b""))  # a file may be empty

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.found.append((self._part, data[start:end]))

    def _end(self) -> None:
        self.over = True


async def _parts(request: Request, events: _Events) -> AsyncIterator[tuple[Part, bytes]]:
    """Pieces in their order, those of one part joined until they are worth handing on."""
    part: Part | None = None
    waiting, size = list[bytes](), 0
    async for block in request.stream():
        events.feed(block)
        for of, piece in events.found:
            if part is not None and (of != part or size >= _PIECE):
                yield part, b"".join(waiting)
                waiting, size = [], 0
            part = of
            waiting.append(piece)
            size += len(piece)
        events.found.clear()
    if part is not None:
        yield part, b"".join(waiting)

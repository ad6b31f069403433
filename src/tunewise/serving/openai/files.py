"""/v1/files: what jobs learn from: uploaded, listed, read back, deleted."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import FileResponse

from tunewise.errors import AbsentError, DataError
from tunewise.jobs.forms import check_first
from tunewise.objects import FILES, Incoming, Stored
from tunewise.serving.access import need, owner, owns
from tunewise.serving.forms import read_form
from tunewise.serving.keys import Key
from tunewise.serving.openai.errors import RESPONSES
from tunewise.serving.openai.models import Deleted
from tunewise.serving.refused import Reason, Refused, bad_request
from tunewise.serving.service import Service

router = APIRouter(prefix="/v1/files", tags=["files"], responses=RESPONSES)

PURPOSES = ("fine-tune", "evals", "user_data")
"""What a file may be for. Jobs take those for fine-tune."""

_LONGEST = 255  # letters of a file's name
_PAGE = 10_000
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "enum": list(PURPOSES)},
                    },
                }
            }
        },
    }
}

Caller = Annotated[Key | None, Depends(need("tune"))]


class FileObject(BaseModel):
    """A file: OpenAI's fields, and its SHA-256."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    sha256: str


class FileList(BaseModel):
    """Files, in the order asked for."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


@router.post("", openapi_extra=_FORM)
async def create_file(request: Request, key: Caller) -> FileObject:
    """Keeps a file, on the disk when this answers. Its fields are `file` and `purpose`.

    Of one for fine-tune that is called .jsonl, the first line has to be a JSON object.
    """
    service: Service = request.app.state.service
    await _require_room(service)
    name, file, filename, start, size = f"file-{uuid4().hex}", None, "", b"", 0
    try:

        async def taken(named: str, block: bytes) -> None:
            nonlocal file, filename, start, size
            if file is None:
                filename, most = _clean(named), service.settings.upload
                about = {"filename": filename, "owner": owner(key)}
                file = await service.disk.run(
                    lambda: service.objects.incoming(FILES, name, most=most, about=about)
                )
            start, size = start or block, size + len(block)
            await _written(service, file, block)

        fields = await read_form(request, "file", taken)
        purpose = _purpose(fields)
        if file is None:
            raise bad_request("There is no file. Send one in the field 'file'.", param="file")
        if purpose == "fine-tune" and filename.lower().endswith(".jsonl"):
            await service.disk.run(lambda: _check_start(filename, start, whole=len(start) == size))
        service.access.check_still_good(key)
        kept: Incoming = file
        return _told(await service.disk.run(lambda: kept.keep({"purpose": purpose})))
    finally:
        if file is not None:
            file.close()


@router.get("")
async def list_files(
    request: Request,
    key: Caller,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE,
    order: Literal["asc", "desc"] = "desc",
    purpose: str | None = None,
) -> FileList:
    """The caller's files, newest first unless asked otherwise."""
    service: Service = request.app.state.service
    every = await service.disk.run(lambda: service.objects.list(FILES))
    mine = [each for each in every if owns(key, each.about["owner"])]
    found = [each for each in mine if purpose in (None, each.about["purpose"])]
    ordered = found if order == "asc" else found[::-1]
    if after is not None:
        place = next((n for n, each in enumerate(ordered) if each.name == after), None)
        if place is None:
            told = f"There is no file '{after[:100]}' to go on after."
            raise Refused(told, Reason(404, "not_found", "after"))
        ordered = ordered[place + 1 :]
    data = [_told(each) for each in ordered[:limit]]
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return FileList(data=data, first_id=ends[0], last_id=ends[1], has_more=len(ordered) > limit)


@router.get("/{file}")
async def retrieve_file(request: Request, file: str, key: Caller) -> FileObject:
    """One file."""
    return _told(await stored_file(request.app.state.service, file, key))


@router.get(
    "/{file}/content",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def retrieve_content(request: Request, file: str, key: Caller) -> FileResponse:
    """What is in a file, byte for byte."""
    stored = await stored_file(request.app.state.service, file, key)
    headers = {
        "content-disposition": f"attachment; filename*=utf-8''{quote(stored.about['filename'])}",
        "x-content-type-options": "nosniff",
    }
    return FileResponse(stored.path, media_type="application/octet-stream", headers=headers)


@router.delete("/{file}")
async def delete_file(request: Request, file: str, key: Caller) -> Deleted:
    """Deletes a file. A job that has begun to read it fails, or ends as if it were there."""
    service: Service = request.app.state.service
    stored = await stored_file(service, file, key)
    await service.disk.run(lambda: service.objects.delete(FILES, stored.name))
    return Deleted(id=file, object="file")


async def stored_file(service: Service, name: str, key: Key | None) -> Stored:
    """A file of the caller's. Raises AbsentError where there is none."""
    stored = await service.disk.run(lambda: service.objects.get(FILES, name))
    if not owns(key, stored.about["owner"]):
        raise AbsentError(f"There is no '{name[:100]}' in '{FILES}'.")
    return stored


async def _require_room(service: Service) -> None:
    settings = service.settings
    files, size = await service.disk.run(lambda: service.objects.held())
    if files >= settings.files or size >= settings.stored:
        raise Refused(
            f"The server keeps {files:,} files of {size:,} bytes, and takes no more. Delete some.",
            Reason(507, "insufficient_storage"),
        )


async def _written(service: Service, file: Incoming, block: bytes) -> None:
    await service.disk.run(lambda: file.write(block))


def _check_start(filename: str, start: bytes, *, whole: bool) -> None:
    """Raises Refused for what is no JSONL from its first line on; a job would fail on it."""
    try:
        check_first(filename, start, whole=whole)
    except DataError as wrong:
        raise bad_request(str(wrong), param="file", code="invalid_jsonl") from wrong


def _purpose(fields: Mapping[str, str]) -> str:
    purpose = fields.get("purpose")
    if purpose not in PURPOSES:
        raise bad_request(
            f"'purpose' says what a file is for: {', '.join(PURPOSES)}.", param="purpose"
        )
    wrong = sorted(fields.keys() - {"purpose"})
    if wrong:
        raise bad_request(
            "There is no such field here: files stay until they are deleted.", param=wrong[0][:100]
        )
    return purpose


def _clean(name: str) -> str:
    """A file's name as it is told again: no folders, and nothing that breaks a header or a log."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[-_LONGEST:] or "file"


def _told(stored: Stored) -> FileObject:
    return FileObject(
        id=stored.name,
        bytes=stored.size,
        created_at=int(stored.created),
        filename=stored.about["filename"],
        purpose=stored.about["purpose"],
        sha256=stored.sha256,
    )

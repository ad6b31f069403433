"""Uploads: a body that comes in blocks becomes a file, without ever being in memory as a whole."""

import asyncio
from collections.abc import Iterator

from starlette.requests import ClientDisconnect, Request

from tunewise.objects import Stored
from tunewise.serving.keys import Key
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.service import Service


async def keep_upload(service: Service, request: Request, bucket: str, name: str) -> Stored:
    """Keeps the request's body as a file. Raises Refused for one that is too large, or of too many.

    Nothing is left of one that breaks off, or whose key was revoked before it was whole.
    """
    settings, loop = service.settings, asyncio.get_running_loop()
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > settings.upload:
        raise _too_large(settings.upload)
    stream = request.stream()
    key: Key | None = request.state.signer or request.state.key

    async def following() -> bytes | None:
        block = await anext(stream, None)
        if block is None:
            service.access.check_still_good(key)
        return block

    def blocks() -> Iterator[bytes]:
        size = 0
        while (block := asyncio.run_coroutine_threadsafe(following(), loop).result()) is not None:
            size += len(block)
            if size > settings.upload:
                raise _too_large(settings.upload)
            yield block

    def keep() -> Stored:
        files, held = service.objects.held()
        if files >= settings.files or held >= settings.stored:
            told = f"The server keeps {files:,} files of {held:,} bytes, and takes no more."
            raise Refused(f"{told} Delete some.", Reason(507, "insufficient_storage"))
        return service.objects.put(bucket, name, blocks(), most=settings.upload)

    try:
        return await service.uploads.run(keep, of=None if key is None else key.id)
    except ClientDisconnect:
        told = "The client went away before all was there."
        raise Refused(told, Reason(499, "client_closed_request")) from None


def _too_large(most: int) -> Refused:
    told = f"A file may have {most:,} bytes, and this one has more. Split it."
    return Refused(told, Reason(413, "request_too_large"))

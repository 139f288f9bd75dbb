"""Read multipart forms into memory, with limits on size, parts and time. Nothing is written to disk."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fitroom.serve.problems import Refusal

FIELD_BYTES = 4096


class MemoryParser(MultiPartParser):
    """Starlette's form parser without temporary files: it would write uploads of over a megabyte to disk."""

    spool_max_size = 0  # 0: the temporary file stays in memory


class Form(NamedTuple):
    """Files and text fields of a form, by name."""

    files: dict[str, bytes]
    fields: dict[str, str]


async def read_form(
    request: Request, files: tuple[str, ...], fields: tuple[str, ...], megabytes: int, seconds: float
) -> Form:
    """Read a form with files and fields of these names, each at most once.

    Raises Refusal: 415 for another content type; 413 for a body over `megabytes`, before it is read if it declares its
    length; 408 if it takes longer than `seconds`; 400 for a broken form and for unknown or repeated parts.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Refusal(415, "unsupported-media-type", f"Found {kind or 'no content type'}; need multipart/form-data.")
    limit = megabytes * 2**20
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(megabytes)
    try:
        async with asyncio.timeout(seconds):
            parser = MemoryParser(
                request.headers,
                counted(request, limit, megabytes),
                max_files=len(files),
                max_fields=len(fields),
                max_part_size=FIELD_BYTES,
            )
            sent = await parser.parse()
    except TimeoutError as error:
        raise Refusal(408, "too-slow", f"The body did not arrive within {seconds:g} seconds.") from error
    except MultiPartException as error:
        raise Refusal(400, "broken-form", f"The form can't be read: {error.message}") from error
    return sorted_parts(sent.multi_items(), files, fields)


async def counted(request: Request, limit: int, megabytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the body in chunks. Raises Refusal (413) when it exceeds `limit` bytes."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise too_large(megabytes)
        yield chunk


def too_large(megabytes: int) -> Refusal:
    """Return the refusal of a body that is too large."""
    return Refusal(413, "body-too-large", f"The request is larger than {megabytes} MB; send smaller pictures.")


def sorted_parts(parts: list[tuple[str, Any]], files: tuple[str, ...], fields: tuple[str, ...]) -> Form:
    """Sort parts into files and fields.

    Raises Refusal (400) if a part is unknown or repeated, or if a file is sent as text or a text field as a file.
    """
    form = Form({}, {})
    for name, value in parts:
        is_file = isinstance(value, UploadFile)
        if name not in (files if is_file else fields):
            known = ", ".join([f"{file} (a file)" for file in files] + list(fields))
            raise Refusal(
                400, "unknown-part", f"Part {name[:60]!r} is unknown or of the wrong kind; this request takes: {known}."
            )
        if name in form.files or name in form.fields:
            raise Refusal(400, "doubled-part", f"Part {name!r} was sent twice.")
        if is_file:
            form.files[name] = value.file.read()
            value.file.close()
        else:
            form.fields[name] = value
    return form

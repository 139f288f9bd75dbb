"""Uploads: multipart forms, read into memory and nowhere else, with limits on size, parts and time."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fitroom.serve.problems import Refusal

FIELD_BYTES = 4096


class MemoryParser(MultiPartParser):
    """Starlette's parser; it would put files of over a megabyte on disk, where photos must not lie."""

    spool_max_size = 0  # of a temporary file: never rolled over


class Form(NamedTuple):
    """What was sent."""

    files: dict[str, bytes]
    fields: dict[str, str]


async def read_form(
    request: Request, files: tuple[str, ...], fields: tuple[str, ...], megabytes: int, seconds: float
) -> Form:
    """Read a form of files and fields by these names, each at most once.

    Raises Refusal: 415 for another kind of body, 413 for a larger one, before it is read where it says its length,
    408 where it takes too long, 400 for a broken one and for parts that are not known here.
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
    """The body in chunks. Raises Refusal when it is longer than its limit."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise too_large(megabytes)
        yield chunk


def too_large(megabytes: int) -> Refusal:
    """What is answered to too large a body."""
    return Refusal(413, "body-too-large", f"The request is larger than {megabytes} MB; send smaller pictures.")


def sorted_parts(parts: list[tuple[str, Any]], files: tuple[str, ...], fields: tuple[str, ...]) -> Form:
    """Files and fields of a form. Raises Refusal where one is unknown, doubled, or of the other kind."""
    form = Form({}, {})
    for name, value in parts:
        is_file = isinstance(value, UploadFile)
        if name not in (files if is_file else fields):
            known = ", ".join([f"{file} (a file)" for file in files] + list(fields))
            raise Refusal(400, "unknown-part", f"Part {name[:60]!r} is not known here; there are: {known}.")
        if name in form.files or name in form.fields:
            raise Refusal(400, "doubled-part", f"Part {name!r} was sent twice.")
        if is_file:
            form.files[name] = value.file.read()
            value.file.close()
        else:
            form.fields[name] = value
    return form

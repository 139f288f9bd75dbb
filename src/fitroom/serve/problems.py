"""Answer errors with problem details (RFC 9457), for programs and for people."""

import logging
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fitroom.errors import FitroomError, ImageError, InputError, NotAPictureError, OutputError, PictureTooLargeError
from fitroom.serve.metrics import Metrics

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
STATUS: tuple[tuple[type[FitroomError], int], ...] = (  # the first matching class counts
    (PictureTooLargeError, 413),
    (NotAPictureError, 415),
    (ImageError, 422),
    (OutputError, 500),
    (InputError, 400),
)


class Problem(BaseModel):
    """The body of every error response."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str  # identifies the kind of error for programs


class Refusal(Exception):
    """An error that is answered with problem details."""

    def __init__(self, status: int, code: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.retry_after = status, code, detail, retry_after


FAILURE = Refusal(500, "failure", "The service failed; its log says why.")


def answer(refusal: Refusal) -> JSONResponse:
    """Build the response for a refusal."""
    problem = Problem(
        title=HTTPStatus(refusal.status).phrase, status=refusal.status, detail=refusal.detail, code=refusal.code
    )
    headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(math.ceil(refusal.retry_after), 1))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(problem.model_dump(), refusal.status, headers, MEDIA_TYPE)


def status_of(error: FitroomError) -> int:
    """Return the HTTP status for an error of the library."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def install(app: FastAPI, metrics: Metrics) -> None:
    """Answer every error of an app with problem details, and count them by code."""

    async def refused(_: Request, error: Any) -> JSONResponse:
        refusal = as_refusal(error)
        metrics.refusals.labels(refusal.code).inc()
        return answer(refusal)

    for kind in (Refusal, FitroomError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, refused)


def as_refusal(error: Exception) -> Refusal:
    """Convert an error to a refusal. Unexpected errors become a 500 that reveals nothing about them."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, FitroomError):
        status = status_of(error)
        if status < 500:
            return Refusal(status, error.code, str(error))
        # it may name files of this machine
        log.error("%s", error)
        return FAILURE
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return Refusal(422, "bad-parameter", f"{place}: {first['msg']}.")
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        return Refusal(error.status_code, phrase.lower().replace(" ", "-"), f"{error.detail}.")
    return FAILURE


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of problems with these statuses."""
    return {
        status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {}}}
        for status in statuses
    }

"""Define the HTTP routes of the service. The work itself is done by the studio."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any, TypeVar

import cv2
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware

import fitroom
from fitroom.errors import InputError
from fitroom.serve import problems
from fitroom.serve.answers import (
    CONFIDENCE,
    MEDIA_TYPES,
    OLD_WARNINGS,
    WARNINGS,
    GarmentAnswer,
    GarmentList,
    LookAnswer,
    PersonAnswer,
    WarningAnswer,
    accepted,
    form_schema,
)
from fitroom.serve.forms import Form, read_form
from fitroom.serve.keys import Gate, read_keys
from fitroom.serve.metrics import Metrics
from fitroom.serve.page import add_page
from fitroom.serve.pool import Pool
from fitroom.serve.problems import Refusal, documented
from fitroom.serve.settings import ServeConfig
from fitroom.serve.studio import Made, Order, Spent, Studio
from fitroom.tryon import SIZES, place_of

Result = TypeVar("Result")

LOOK_FILES = ("person", "garment", "garment_mask")
OLD_POINT = "person_at"  # old name of person_point: still accepted in 0.16, removed in 0.17
LOOK_FIELDS = ("person_token", "person_point", OLD_POINT, "garment_id", "size")
GarmentId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The shop's own id.")]
SWEEP_SECONDS = 20.0
REFUSED = documented(400, 401, 408, 413, 415, 422, 429, 503)
KNOWN = documented(401, 404, 422, 429, 503)


def create_app(config: ServeConfig, studio: Studio, metrics: Metrics) -> FastAPI:
    """Create the FastAPI app of a service. Raises InputError for unusable keys or an invalid rate."""
    gate = Gate(read_keys(config.api_keys) if config.api_keys else {}, config.rate)
    pool = Pool(studio.workers, config.waiting, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # every worker has its own core; OpenCV's threads would compete for the cores
        cv2.setNumThreads(1)
        sweeper = asyncio.create_task(forget_persons(studio, metrics))
        app.state.ready = True
        yield
        app.state.ready = False
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper
        pool.close()
        studio.garments.close()

    app = FastAPI(
        title="fitroom",
        version=fitroom.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        description="Virtual try-on: a person's photo and a garment's photo in, the person wearing the garment out.",
    )
    problems.install(app, metrics)
    if config.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "X-API-Key"],
            expose_headers=["Server-Timing", "Retry-After", WARNINGS, OLD_WARNINGS, CONFIDENCE],
        )

    async def admitted(
        authorization: Annotated[str | None, Header()] = None, x_api_key: Annotated[str | None, Header()] = None
    ) -> None:
        gate.admit(authorization, x_api_key)

    keyed = [Depends(admitted)]

    async def form_of(request: Request, files: tuple[str, ...], fields: tuple[str, ...], spent: Spent) -> Form:
        with metrics.timed("receive", spent):
            return await read_form(request, files, fields, config.upload_mb, config.body_seconds)

    async def quick(work: Callable[[], Result]) -> Result:
        """Run short work on a worker thread. Raises Refusal (503) if too many requests are waiting."""
        with pool.admission():
            return await pool.run(work, {})

    @app.post(
        "/v1/looks",
        dependencies=keyed,
        responses=REFUSED | documented(404, 406) | {200: LookAnswer.described()},
        openapi_extra=form_schema(LOOK_FILES, LOOK_FIELDS),
        summary="Dress a person in a garment",
        response_class=Response,
    )
    async def make_look(request: Request, accept: Annotated[str, Header()] = "*/*") -> Response:
        """Dress a person in a garment and return the look.

        Send `person` (a photo) or `person_token`, and `garment` (a picture, optionally with `garment_mask`) or
        `garment_id`. `person_point` selects one of several persons in the photo. `size` is "photo" or "model".
        The answer is a PNG, WebP or JPEG picture, or JSON that contains one, according to `Accept`.
        """
        start = time.perf_counter()
        media_type = accepted(accept)
        with pool.admission():
            spent: Spent = {}
            order = order_of(await form_of(request, LOOK_FILES, LOOK_FIELDS, spent), MEDIA_TYPES[media_type], spent)
            made = await pool.run(partial(studio.look, order), spent)
        metrics.observe("look", time.perf_counter() - start, spent)
        return look_answer(made, media_type, spent)

    @app.post(
        "/v1/persons",
        status_code=201,
        dependencies=keyed,
        responses=REFUSED,
        summary="Encode a person for later requests",
        openapi_extra=form_schema(("person",), ("person_point", OLD_POINT)),
    )
    async def add_person(request: Request) -> PersonAnswer:
        """Encode one photo, to dress it in many garments. The token expires after some minutes."""
        with pool.admission():
            spent: Spent = {}
            form = await form_of(request, ("person",), ("person_point", OLD_POINT), spent)
            photo = needed(form, "person")
            token, person = await pool.run(partial(studio.add_person, photo, place_in(form)), spent)
        height, width = person.photo.shape[:2]
        return PersonAnswer(person_token=token, expires_in=studio.persons.seconds, width=width, height=height)

    @app.delete("/v1/persons/{token}", status_code=204, dependencies=keyed, responses=KNOWN, summary="Delete a person")
    async def remove_person(token: Annotated[str, Path(max_length=64)]) -> None:
        studio.persons.remove(token)

    @app.put(
        "/v1/garments/{garment_id}",
        dependencies=keyed,
        summary="Register a garment",
        responses=REFUSED | {201: {"model": GarmentAnswer, "description": "The id is new."}},
        openapi_extra=form_schema(("garment", "garment_mask"), ()),
    )
    async def put_garment(garment_id: GarmentId, request: Request, response: Response) -> GarmentAnswer:
        """Store a garment under an id, or replace the garment that has this id.

        Once the request is answered, the garment survives a crash of the service.
        """
        with pool.admission():
            spent: Spent = {}
            form = await form_of(request, ("garment", "garment_mask"), (), spent)
            picture, mask = needed(form, "garment"), form.files.get("garment_mask")
            garment, new = await pool.run(partial(studio.add_garment, garment_id, picture, mask), spent)
        response.status_code = 201 if new else 200
        return GarmentAnswer.of(garment)

    @app.get("/v1/garments/{garment_id}", dependencies=keyed, responses=KNOWN, summary="Return the record of a garment")
    async def get_garment(garment_id: GarmentId) -> GarmentAnswer:
        return GarmentAnswer.of(await quick(partial(studio.garments.get, garment_id)))

    @app.get(
        "/v1/garments/{garment_id}/picture",
        dependencies=keyed,
        summary="Return the picture of a garment as it was sent",
        responses=KNOWN | {200: {"content": {"image/*": {}}}},
        response_class=Response,
    )
    async def get_picture(garment_id: GarmentId) -> Response:
        data, media_type = await quick(partial(studio.garments.picture, garment_id))
        return Response(data, media_type=media_type, headers={"Cache-Control": "no-cache"})

    @app.delete(
        "/v1/garments/{garment_id}", status_code=204, dependencies=keyed, responses=KNOWN, summary="Delete a garment"
    )
    async def delete_garment(garment_id: GarmentId) -> None:
        await quick(partial(studio.garments.delete, garment_id))

    @app.get(
        "/v1/garments",
        dependencies=keyed,
        responses=documented(401, 422, 429, 503),
        summary="List garments, ordered by id",
    )
    async def list_garments(
        after: Annotated[str, Query(max_length=64)] = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> GarmentList:
        found = await quick(partial(studio.garments.list, after, limit))
        return GarmentList(garments=[GarmentAnswer.of(garment) for garment in found])

    @app.post(
        "/v1/masks",
        dependencies=keyed,
        summary="Find the mask of a garment",
        response_class=Response,
        responses=REFUSED | {200: {"content": {"image/png": {}}}},
        openapi_extra=form_schema(("garment",), ()),
    )
    async def find_mask(request: Request) -> Response:
        """Return a PNG of the picture's size, white inside the garment.

        It can be corrected by hand and sent as `garment_mask`.
        """
        with pool.admission():
            garment = needed(await form_of(request, ("garment",), (), {}), "garment")
            return Response(await pool.run(partial(studio.mask, garment), {}), media_type="image/png")

    @app.get("/healthz", summary="Report whether the process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", responses=documented(503), summary="Report whether the service can make looks")
    async def readyz() -> dict[str, str]:
        if not app.state.ready:
            raise Refusal(503, "not-ready", "The service is starting or stopping.", 1)
        return {"status": "ready"}

    @app.get(
        "/metrics",
        dependencies=keyed,
        response_class=Response,
        summary="Return metrics for Prometheus",
        responses=documented(401, 429) | {200: {"content": {"text/plain": {}}}},
    )
    async def read_metrics() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    add_page(app)
    return app


async def forget_persons(studio: Studio, metrics: Metrics) -> None:
    """Remove expired persons every SWEEP_SECONDS, even if no request arrives."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        metrics.persons.set(studio.persons.expire())


def needed(form: Form, name: str) -> bytes:
    """Return the bytes of a required file. Raises Refusal (400) if it is missing."""
    if name not in form.files:
        raise Refusal(400, "missing-part", f"Part {name!r} is missing; send a picture as a file.")
    return form.files[name]


def place_in(form: Form) -> tuple[int, int] | None:
    """Return the point (x, y) that selects a person in the photo, or None if the form has none. Raises Refusal."""
    given = [name for name in ("person_point", OLD_POINT) if name in form.fields]
    if not given:
        return None
    name = given[0]
    if len(given) > 1:
        raise Refusal(400, "unknown-part", f"{OLD_POINT} is the old name of person_point; send one of them.")
    if "person" not in form.files:
        raise Refusal(400, "unknown-part", f"{name} needs the part 'person', a photo sent as a file.")
    try:
        return place_of(form.fields[name], name)
    except InputError as error:
        raise Refusal(422, "bad-parameter", str(error)) from error


def order_of(form: Form, ending: str, spent: Spent) -> Order:
    """Build the order that a form describes. Raises Refusal."""
    files, fields = form
    for picture, name in (("person", "person_token"), ("garment", "garment_id")):
        if (picture in files) == (name in fields):
            raise Refusal(400, "missing-part", f"Send either {picture!r} (a picture, as a file) or {name!r}, not both.")
    if "garment_mask" in files and "garment" not in files:
        raise Refusal(400, "unknown-part", "garment_mask needs the part 'garment', a picture sent as a file.")
    size: Any = fields.get("size", "photo")
    if size not in SIZES:
        raise Refusal(422, "bad-parameter", f"size: found {size[:20]!r}; there are: {', '.join(SIZES)}.")
    return Order(
        files.get("person"),
        fields.get("person_token"),
        files.get("garment"),
        fields.get("garment_id"),
        files.get("garment_mask"),
        place_in(form),
        size,
        ending,
        spent,
    )


def look_answer(made: Made, media_type: str, spent: Spent) -> Response:
    """Build the response for a look, with the time of each step."""
    timing = ", ".join(f"{step};dur={milliseconds}" for step, milliseconds in spent.items())
    confidence = round(made.confidence, 3)
    headers = {
        "Server-Timing": timing,
        "Cache-Control": "no-store",
        "Vary": "Accept",
        CONFIDENCE: str(confidence),
    }
    if made.warnings:
        headers[WARNINGS] = headers[OLD_WARNINGS] = ", ".join(warning.code for warning in made.warnings)
    if media_type != "application/json":
        return Response(made.data, media_type=media_type, headers=headers)
    found = [WarningAnswer(code=warning.code, message=warning.message) for warning in made.warnings]
    body = LookAnswer(
        image=base64.b64encode(made.data).decode(),
        media_type="image/png",
        width=made.width,
        height=made.height,
        milliseconds=spent,
        warnings=found,
        doubts=found,
        confidence=confidence,
    )
    return Response(body.model_dump_json(), media_type=media_type, headers=headers)

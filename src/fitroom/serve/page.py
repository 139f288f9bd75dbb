"""Serve the web page at /: static files and the shipped samples. The page contacts no other server."""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from fitroom.demo import SAMPLES, sample_names

STATIC = Path(str(files("fitroom"))) / "serve" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_page(app: FastAPI) -> None:
    """Add the page, its static files and the samples to an app."""

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(
            STATIC / "index.html",
            headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"},
        )

    @app.get("/samples.json", include_in_schema=False)
    async def samples() -> dict[str, list[str]]:
        persons, garments = sample_names()
        return {"persons": persons, "garments": garments}

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return Response((STATIC / "icon.svg").read_bytes(), media_type="image/svg+xml")

    app.mount("/static", StaticFiles(directory=STATIC))
    app.mount("/samples", StaticFiles(directory=Path(str(SAMPLES))))

"""Response models, content negotiation, and OpenAPI schemas of forms and pictures."""

from typing import Any

from pydantic import BaseModel, Field

from fitroom.serve.garments import Garment
from fitroom.serve.problems import Refusal

MEDIA_TYPES = {  # of looks, with the format of their pictures; the first is the default
    "image/png": ".png",
    "image/webp": ".webp",
    "image/jpeg": ".jpg",
    "application/json": ".png",
}
WARNINGS, CONFIDENCE = "X-Fitroom-Warnings", "X-Fitroom-Confidence"  # response headers of looks
OLD_WARNINGS = "X-Fitroom-Doubts"  # old name of WARNINGS: still sent in 0.16, removed in 0.17
FIELDS = {  # descriptions of form fields
    "person": "JPEG, PNG or WebP photo of one upright person from the front.",
    "garment": "JPEG, PNG or WebP picture of a top, laid out flat or on a hanger.",
    "garment_mask": "Picture of the garment's size, white inside.",
    "person_point": "X,Y: a pixel of the one to dress, of several persons; needs a service with a parser.",
    "person_at": "The old name of person_point.",
    "person_token": "What POST /v1/persons answered.",
    "garment_id": "Id of a registered garment.",
    "size": "photo: the photo's own size; model: the network's 192x256 picture.",
}


class WarningAnswer(BaseModel):
    """A possible problem with a picture that was used anyway."""

    code: str
    message: str


class LookAnswer(BaseModel):
    """A look as JSON."""

    image: str  # base64
    media_type: str
    width: int
    height: int
    milliseconds: dict[str, float]  # by step
    warnings: list[WarningAnswer]
    doubts: list[WarningAnswer] = Field(deprecated=True)  # the old name of warnings
    confidence: float  # 0 to 1: probability that the garment lies where it should

    @classmethod
    def described(cls) -> dict[str, Any]:
        """Return the OpenAPI description of a look."""
        picture = {"schema": {"type": "string", "format": "binary"}}
        content: dict[str, Any] = {kind: picture for kind in MEDIA_TYPES if kind.startswith("image/")}
        content["application/json"] = {"schema": cls.model_json_schema()}
        warnings = {"description": "Codes of the warnings, separated by commas.", "schema": {"type": "string"}}
        sure = {"description": "0 to 1, that the garment lies where it should.", "schema": {"type": "number"}}
        return {"description": "The look.", "content": content, "headers": {WARNINGS: warnings, CONFIDENCE: sure}}


class PersonAnswer(BaseModel):
    """A person that the service keeps for a limited time."""

    person_token: str
    expires_in: float  # seconds
    width: int
    height: int


class GarmentAnswer(BaseModel):
    """A registered garment."""

    id: str
    media_type: str
    sha256: str  # of the uploaded picture
    width: int
    height: int
    registered: float  # seconds since the epoch

    @classmethod
    def of(cls, garment: Garment) -> "GarmentAnswer":
        """Build the answer for a stored garment."""
        return cls(**{name: getattr(garment, name) for name in cls.model_fields})


class GarmentList(BaseModel):
    """A page of garments, ordered by id. Send the last id as `after` to get the next page."""

    garments: list[GarmentAnswer]


def accepted(header: str) -> str:
    """Return the supported media type that has the highest weight in an Accept header.

    Raises Refusal (406) if the header accepts none.
    """
    best, weight = "", 0.0
    for part in header.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        found = next((known for known in MEDIA_TYPES if fits(known, kind)), None)
        if found is not None and quality > weight:
            best, weight = found, quality
    if not best:
        raise Refusal(406, "not-acceptable", f"Accept: found {header[:80]!r}; there are: {', '.join(MEDIA_TYPES)}.")
    return best


def fits(known: str, wanted: str) -> bool:
    """Return whether a media type matches a range such as image/* or */*."""
    return wanted in (known, "*/*", known.partition("/")[0] + "/*")


def number(text: str) -> float:
    """Parse the weight of a media range. Return 0 for text that is not a number."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def form_schema(files: tuple[str, ...], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the OpenAPI request body of a form with these files and text fields."""
    binary = {"type": "string", "format": "binary"}
    properties: dict[str, Any] = {name: binary | {"description": FIELDS[name]} for name in files}
    properties |= {name: {"type": "string", "description": FIELDS[name]} for name in fields}
    if "size" in properties:
        properties["size"]["enum"] = ["photo", "model"]
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if len(files) + len(fields) < 3:
        schema["required"] = [files[0]]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}

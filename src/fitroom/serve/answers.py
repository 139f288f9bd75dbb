"""What the service answers, and what OpenAPI says of forms and pictures."""

from typing import Any

from pydantic import BaseModel, Field

from fitroom.serve.garments import Garment
from fitroom.serve.problems import Refusal

MEDIA_TYPES = {  # of looks, the first is given to who accepts everything; and how their pictures are written
    "image/png": ".png",
    "image/webp": ".webp",
    "image/jpeg": ".jpg",
    "application/json": ".png",
}
WARNINGS, CONFIDENCE = "X-Fitroom-Warnings", "X-Fitroom-Confidence"  # headers of looks
OLD_WARNINGS = "X-Fitroom-Doubts"  # still sent in 0.16, and gone in 0.17
FIELDS = {  # of forms
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
    """What may be wrong with a picture that was used all the same."""

    code: str
    message: str


class LookAnswer(BaseModel):
    """A look in JSON."""

    image: str  # base64
    media_type: str
    width: int
    height: int
    milliseconds: dict[str, float]  # by step
    warnings: list[WarningAnswer]
    doubts: list[WarningAnswer] = Field(deprecated=True)  # the old name of warnings
    confidence: float  # 0 to 1, that the garment lies where it should

    @classmethod
    def described(cls) -> dict[str, Any]:
        """What OpenAPI says of a look."""
        picture = {"schema": {"type": "string", "format": "binary"}}
        content: dict[str, Any] = {kind: picture for kind in MEDIA_TYPES if kind.startswith("image/")}
        content["application/json"] = {"schema": cls.model_json_schema()}
        warnings = {"description": "Codes of what may be wrong with it, by commas.", "schema": {"type": "string"}}
        sure = {"description": "0 to 1, that the garment lies where it should.", "schema": {"type": "number"}}
        return {"description": "The look.", "content": content, "headers": {WARNINGS: warnings, CONFIDENCE: sure}}


class PersonAnswer(BaseModel):
    """A person who is kept for a while."""

    person_token: str
    expires_in: float  # seconds
    width: int
    height: int


class GarmentAnswer(BaseModel):
    """A registered garment."""

    id: str
    media_type: str
    sha256: str  # of the picture that was sent
    width: int
    height: int
    registered: float  # seconds since the epoch

    @classmethod
    def of(cls, garment: Garment) -> "GarmentAnswer":
        """The answer for a garment of the store."""
        return cls(**{name: getattr(garment, name) for name in cls.model_fields})


class GarmentList(BaseModel):
    """Some garments in the order of their ids; go on behind the last one with `after`."""

    garments: list[GarmentAnswer]


def accepted(header: str) -> str:
    """The media type to answer with, of those that an Accept header names with the highest weight. Raises Refusal."""
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
    """Whether a media type is what a range like image/* or */* asks for."""
    return wanted in (known, "*/*", known.partition("/")[0] + "/*")


def number(text: str) -> float:
    """A weight; what is none counts as 0."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def form_schema(files: tuple[str, ...], fields: tuple[str, ...]) -> dict[str, Any]:
    """The OpenAPI request body of a form."""
    binary = {"type": "string", "format": "binary"}
    properties: dict[str, Any] = {name: binary | {"description": FIELDS[name]} for name in files}
    properties |= {name: {"type": "string", "description": FIELDS[name]} for name in fields}
    if "size" in properties:
        properties["size"]["enum"] = ["photo", "model"]
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if len(files) + len(fields) < 3:
        schema["required"] = [files[0]]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}

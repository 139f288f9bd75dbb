"""Process the service's pictures with `TryOn`, and time each step. HTTP is handled in `app`."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fitroom.photo import decode
from fitroom.photo.encode import encode_picture
from fitroom.photo.warnings import PhotoWarning
from fitroom.runtime.openvino import OpenVinoRunner
from fitroom.serve.garments import Garment, Garments
from fitroom.serve.metrics import Metrics
from fitroom.serve.persons import Persons
from fitroom.serve.settings import ServeConfig
from fitroom.store import open_weights
from fitroom.tryon import EncodedGarment, Person, Size, TryOn

Spent = dict[str, float]  # milliseconds by step


@dataclass(frozen=True)
class Order:
    """A requested look: a person by photo or token, and a garment by picture or id."""

    photo: bytes | None = None
    token: str | None = None
    garment: bytes | None = None
    garment_id: str | None = None
    garment_mask: bytes | None = None
    person_point: tuple[int, int] | None = None  # x, y of a pixel of the person to dress, if the photo shows several
    size: Size = "photo"
    ending: str = ".png"  # format of the look, a key of encode.QUALITY
    spent: Spent = field(default_factory=dict)


class Made(NamedTuple):
    """A look as an encoded file."""

    data: bytes
    width: int
    height: int
    warnings: tuple[PhotoWarning, ...]  # what may be wrong with it
    confidence: float  # see `tryon.Look`


class Studio:
    """Weights, garments and persons of one service. Safe to use from several threads."""

    def __init__(self, config: ServeConfig, metrics: Metrics) -> None:
        """Load the weights and open the garment store. Raises WeightsError, OutputError."""
        weights = open_weights(config.weights)
        runner = OpenVinoRunner.from_weights(weights, "throughput")
        self.tryon = TryOn.of(weights, runner, config.parser, config.segmenter)
        self.workers = config.workers or runner.streams
        self.metrics = metrics
        self.most_pixels = config.megapixels * 10**6
        self.persons = Persons(config.persons_mb, config.person_minutes)
        self.garments = Garments(
            config.data_dir,
            self.tryon,
            config.garments_mb,
            lambda found: metrics.cached.labels("garment", str(found).lower()).inc(),
        )

    def look(self, order: Order) -> Made:
        """Make a look. Raises ImageError, InputError, and Refusal (404) if the token or id is unknown."""
        self.check(person=order.photo, garment=order.garment, garment_mask=order.garment_mask)
        with self.metrics.timed("person", order.spent):
            person = self.person(order)
        with self.metrics.timed("garment", order.spent):
            garment = self.garment(order)
        with self.metrics.timed("dress", order.spent):
            look = person.wear(garment, order.garment_mask, order.size)
        with self.metrics.timed("write", order.spent):
            data = encode_picture(look.image, order.ending)
        return Made(data, look.image.shape[1], look.image.shape[0], look.warnings, look.confidence)

    def person(self, order: Order) -> Person:
        """Return the encoded person of an order."""
        if order.token is not None:
            person = self.persons.get(order.token)
            self.metrics.cached.labels("person", "true").inc()
            return person
        return self.tryon.person(order.photo or b"", order.person_point)

    def garment(self, order: Order) -> EncodedGarment | bytes:
        """Return the garment of an order.

        A registered garment is encoded. A picture is returned as bytes: `Person.wear` checks it against the photo.
        """
        if order.garment_id is not None:
            return self.garments.encoded(order.garment_id)
        return order.garment or b""

    def add_garment(self, name: str, picture: bytes, mask: bytes | None) -> tuple[Garment, bool]:
        """Register a garment; see `Garments.put`."""
        self.check(garment=picture, garment_mask=mask)
        return self.garments.put(name, picture, mask)

    def check(self, **pictures: bytes | None) -> None:
        """Raise PictureTooLargeError for pictures that would need too much memory, before any is decoded."""
        for name, data in pictures.items():
            if data is not None:
                decode.check_pixels(data, name, self.most_pixels)

    def add_person(self, photo: bytes, person_point: tuple[int, int] | None) -> tuple[str, Person]:
        """Encode and keep a person. Return the token and the person. For `person_point` see `TryOn.frame`.

        Raises InputError, Refusal.
        """
        self.check(person=photo)
        person = self.tryon.person(photo, person_point)
        token = self.persons.add(person)
        self.metrics.persons.set(self.persons.expire())
        return token, person

    def mask(self, garment: bytes) -> bytes:
        """Find the mask of a garment. Return a PNG of the picture's size, white inside. Raises ImageError."""
        self.check(garment=garment)
        found = self.tryon.garment_mask(decode.read(garment, "garment"))
        return encode_picture(np.repeat(found[..., None], 3, axis=2), ".png")

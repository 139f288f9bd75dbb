"""TryOn, Person, Look: the one path from two pictures to a look, which command, service and batch all take."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple
from warnings import warn as deprecated

import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Array, Picture
from fitroom.errors import ImageError, InputError, MissingExtraError, renamed_arguments
from fitroom.photo import decode, frames, masks
from fitroom.photo.composite import Layers, paste_back
from fitroom.photo.confidence import confidence_of
from fitroom.photo.decode import Source
from fitroom.photo.encode import save_picture
from fitroom.photo.framing import Framed, check_light, check_place, frame_person
from fitroom.photo.parse import Parse, parse_photo
from fitroom.photo.segmenter import LearnedSegmenter, RembgSegmenter
from fitroom.photo.warnings import PhotoWarning, may_be_worn, warnings_of_garment, warnings_of_look, warnings_of_wearer
from fitroom.runtime.interface import PARSER, SEGMENTER, Dressed, Features, GarmentSegmenter, PersonParser, Runner
from fitroom.runtime.parsing import ParsingRunner
from fitroom.store import DEFAULT, Weights, open_weights

Size = Literal["photo", "model"]
SIZES = ("photo", "model")
BACKENDS = {  # module and class of a runner, and the extra that it needs beyond a base install
    "openvino": ("fitroom.runtime.openvino", "OpenVinoRunner", ""),
    "onnx": ("fitroom.runtime.onnx", "OnnxRunner", "onnx"),
    "torch": ("fitroom.runtime.torch", "TorchRunner", "train"),
}
GARMENTS_KEPT = 64
GARMENT_BYTES_KEPT = 256 * 2**20  # large photos fill it before there are so many


@dataclass(frozen=True)
class Look:
    """A person in a garment, and what the network said about it at its own size (h, w)."""

    image: Picture  # uint8 (H, W, 3) RGB
    flow: Array  # (h, w, 2) appearance flow in [-1, 1]
    warped_garment: Picture  # uint8 (h, w, 3), the garment sampled by the flow
    warped_mask: NDArray[np.float32]  # (h, w) in [0, 1]
    composition: NDArray[np.float32]  # (h, w) in [0, 1], share of the warped garment
    change: NDArray[np.float32]  # (h, w) in [0, 1], 0 where the photo's own pixels stay
    warnings: tuple[PhotoWarning, ...]  # what may be wrong with it
    confidence: float  # 0 to 1, that the garment lies where it should; see `photo/confidence.py`

    @property
    def doubts(self) -> tuple[PhotoWarning, ...]:
        """The old name of `warnings`."""
        deprecated("Look.doubts is called warnings now.", DeprecationWarning, stacklevel=2)
        return self.warnings

    def save(self, path: str | Path) -> Path:
        """Write the picture as PNG, JPEG or WebP, by the ending of `path`; whole or not at all. Raises OutputError."""
        return save_picture(self.image, path)


@dataclass(frozen=True)
class EncodedGarment:
    """A garment that is ready to be dressed in."""

    picture: Picture  # framed, at its own resolution, its colours continued beyond its outline
    small: Picture  # framed, at the network's size, as it came
    mask: Picture  # (h, w) of 0 and 255, at the network's size
    features: Features
    warnings: tuple[PhotoWarning, ...]  # what may be wrong with its picture

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return bytes_of(self.picture, self.small, self.mask, *self.features)


class EncodedPerson(NamedTuple):
    """What is found out about a person's photo once, and may be kept or sent elsewhere."""

    framed: Framed  # the part of the photo that is dressed
    features: Features


class Person:
    """A person encoded once, to be dressed many times."""

    @renamed_arguments(at="person_point")
    def __init__(
        self,
        tryon: "TryOn",
        photo: Picture,
        person_point: tuple[int, int] | None = None,
        encoded: EncodedPerson | None = None,
    ) -> None:
        """`person_point` as of `TryOn.frame`; `encoded` is what the photo gave before, where the caller has kept it.

        Raises PersonError where nobody in the photo can be dressed.
        """
        self.tryon = tryon
        self.photo = photo
        framed = tryon.frame(photo, person_point) if encoded is None else encoded.framed
        self.small = frames.shrink(frames.cut(photo, framed.frame, (255, 255, 255)))
        if encoded is None:
            check_light(self.small, framed.frame, photo.shape[1], photo.shape[0])
            encoded = EncodedPerson(framed, tryon.runner.person_features(self.small))
        self.encoded = encoded

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        foreground = self.encoded.framed.foreground
        return bytes_of(self.photo, self.small, *self.encoded.features, *([] if foreground is None else [foreground]))

    def wear(self, garment: Source | EncodedGarment, garment_mask: Source | None = None, size: Size = "photo") -> Look:
        """Dress this person in a garment, or in one that `TryOn.garment` has encoded; see `TryOn.__call__`."""
        check_choice("size", size, SIZES)
        if isinstance(garment, EncodedGarment):
            return self.wear_encoded(garment, size)
        picture = decode.read(garment, "garment")
        mask = None if garment_mask is None else decode.read_mask(garment_mask)
        check_order(self.photo, picture, mask)
        return self.wear_encoded(self.tryon.encode_garment(picture, mask), size)

    def dress(self, garment: EncodedGarment) -> Dressed:
        """Dress this person at the network's size."""
        encoded = self.encoded.features, garment.features
        return self.tryon.runner.dress(self.small, garment.small, garment.mask, *encoded)

    def wear_encoded(self, encoded: EncodedGarment, size: Size) -> Look:
        """Dress this person in an encoded garment."""
        dressed = self.dress(encoded)
        image = dressed.look
        if size == "photo":
            corners = self.tryon.weights.manifest.align_corners
            frame, foreground = self.encoded.framed
            behind = 1.0 if foreground is None else 1 - foreground
            composition, change = dressed.composition * behind, dressed.change * behind
            layers = Layers(dressed.flow, dressed.rendered, composition, change, corners)
            image = paste_back(self.photo, frame, encoded.picture, layers)
        said = dressed.flow, dressed.warped, dressed.warped_mask, dressed.composition, dressed.change
        confidence = confidence_of(dressed)
        return Look(image, *said, (*encoded.warnings, *warnings_of_look(confidence)), confidence)


class TryOn:
    """Dresses persons in garments with one set of weights. Safe to call from several threads."""

    def __init__(
        self,
        weights: Weights,
        runner: Runner,
        parser: PersonParser | None = None,
        segmenter: GarmentSegmenter | None = None,
    ) -> None:
        """Put networks together.

        With a parser, persons may stand anywhere in a photo; without one they must fill it. With a segmenter, garments
        may lie on any background; without one they need a plain, light background.
        """
        self.weights = weights
        self.runner = runner
        self.parser = parser
        self.segmenter = segmenter
        self.garments: OrderedDict[bytes, EncodedGarment] = OrderedDict()
        self.lock = threading.Lock()

    @classmethod
    @renamed_arguments(matting="segmenter")
    def load(
        cls,
        weights: str | Path = DEFAULT,
        backend: str = "openvino",
        parser: str | Path = PARSER,
        segmenter: str | Path = SEGMENTER,
    ) -> "TryOn":
        """Load shipped weights by name, or a weights folder, on a backend: "openvino", "onnx" or "torch".

        `parser` names weights that find persons, on OpenVINO; with "none" a person must fill the photo. Networks that
        hold a parser use that one in place of the shipped one. `segmenter`
        names weights that separate garments from any background. With "colour" only plain, light backgrounds are
        accepted; "rembg" uses rembg's network, which rembg downloads.

        Raises WeightsError for unknown or damaged weights and for such as the backend can't run, InputError for an
        unknown backend, MissingExtraError where packages that these need are not installed.
        """
        check_choice("backend", backend, tuple(BACKENDS))
        opened = open_weights(weights)
        module, runner, extra = BACKENDS[backend]
        try:
            kind: Any = getattr(import_module(module), runner)
        except ImportError as error:
            raise MissingExtraError(
                f"backend {backend} needs packages that are not installed ({error.name}); "
                f"install them with: pip install -c constraints.txt '.[{extra}]'"
            ) from error
        runs = kind.from_weights(opened)
        return cls.of(opened, runs, parser, segmenter)

    @classmethod
    def of(
        cls,
        weights: Weights,
        runner: Runner,
        parser: str | Path = PARSER,
        segmenter: str | Path = SEGMENTER,
        threads: int = 0,
    ) -> "TryOn":
        """Put a runner of weights together with a parser and a segmenter; names as of `load`, each on `threads`."""
        separates = load_segmenter(segmenter, threads)
        if not weights.manifest.parses or parser == "none":
            return cls(weights, runner, load_parser(parser, threads), separates)
        parsing = ParsingRunner(runner)
        return cls(weights, parsing, parsing if parser == PARSER else open_parser(parser, threads), separates)

    @renamed_arguments(at="person_point")
    def frame(self, photo: Picture, person_point: tuple[int, int] | None = None) -> Framed:
        """Find the part of a photo (H, W, 3) that is dressed.

        Of several persons it shows the largest, or the one at `person_point`, x and y in pixels. Raises PersonError
        where the parser finds nobody to dress, InputError for a point without a parser, or outside the photo.
        """
        if self.parser is not None:
            return frame_person(photo, self.parser, person_point)
        if person_point is not None:
            raise InputError("person_point: only a parser can tell persons apart; load one with the setting parser.")
        return Framed(frames.person_frame(photo.shape[1], photo.shape[0]))

    @renamed_arguments(at="person_point")
    def parse(self, photo: Source, person_point: tuple[int, int] | None = None) -> Parse:
        """Label every pixel of a person's photo, and find the joints.

        Returns labels uint8 (H, W) of `body.Label` at the photo's own size, key points (18, 3) in its pixels, the frame
        that is dressed, and the box of every person. `person_point` as in `frame`. Raises ImageError if the photo can't
        be read, InputError without a parser.
        """
        if self.parser is None:
            raise InputError('parse: no parser is loaded; load one with the setting parser, such as parser="parser".')
        picture = decode.read(photo, "person")
        check_place(person_point, picture.shape[1], picture.shape[0])
        return parse_photo(picture, self.parser, person_point)

    @renamed_arguments(at="person_point")
    def person(self, photo: Source, person_point: tuple[int, int] | None = None) -> Person:
        """Read and encode a person's photo; `person_point` as of `frame`. Raises ImageError, InputError."""
        return Person(self, decode.read(photo, "person"), person_point)

    def garment(self, picture: Source, garment_mask: Source | None = None) -> EncodedGarment:
        """Read and encode a garment; see `encode_garment`. Raises ImageError."""
        mask = None if garment_mask is None else decode.read_mask(garment_mask)
        return self.encode_garment(decode.read(picture, "garment"), mask)

    def garment_mask(self, picture: Picture) -> Picture:
        """Find the mask (H, W) of 0 and 255 of a garment (H, W, 3).

        It is found by colour on a studio's background, elsewhere by the segmenter. Raises ImageError if no garment is
        found, or if the background is no studio's and no segmenter is loaded.
        """
        if self.segmenter is None or masks.is_studio(picture):
            return masks.garment_mask(picture)
        mask = self.segmenter.segment(picture)
        if not masks.LEAST_GARMENT <= mask.mean() / 255 <= masks.MOST_GARMENT:
            raise ImageError("garment: no garment found in front of this background; give a garment mask.")
        return mask

    def encode_garment(
        self, picture: Picture, mask: Picture | None, features: Features | None = None
    ) -> EncodedGarment:
        """Encode a garment (H, W, 3) with its mask (H, W). Raises ImageError.

        Without a mask, `garment_mask` finds it. `features` are those of an earlier encoding, if the caller kept them.
        The last GARMENTS_KEPT garments are kept here, at most GARMENT_BYTES_KEPT bytes.
        """
        if mask is not None and mask.shape != picture.shape[:2]:
            found, needed = (f"{shape[1]} x {shape[0]}" for shape in (mask.shape, picture.shape))
            raise ImageError(f"garment mask: {found} pixels; need the garment's size, {needed}.")
        digest = blake2b(repr(picture.shape).encode() + picture.tobytes(), digest_size=16)
        digest.update(b"" if mask is None else mask.tobytes())
        key = digest.digest()
        with self.lock:
            if key in self.garments:
                self.garments.move_to_end(key)
                return self.garments[key]
        if mask is None:
            mask = self.garment_mask(picture)
        if not mask.any():
            raise ImageError("garment mask: empty; it must be above 127 where the garment is.")
        frame = frames.garment_frame(picture.shape[1], picture.shape[0])
        framed = frames.cut(picture, frame, (255, 255, 255))
        framed_mask = frames.cut(mask, frame, 0)
        small, small_mask = frames.shrink(framed), frames.shrink(framed_mask)
        if features is None:
            features = self.runner.garment_features(small, small_mask)
        warnings = warnings_of_garment(small_mask)
        if self.parser is not None and may_be_worn(picture, small_mask):
            warnings += warnings_of_wearer(self.parser.parse(small))
        encoded = EncodedGarment(masks.bleed(framed, framed_mask), small, small_mask, features, warnings)
        with self.lock:
            self.garments[key] = encoded
            held = sum(garment.nbytes for garment in self.garments.values())
            while len(self.garments) > GARMENTS_KEPT or held > GARMENT_BYTES_KEPT:
                held -= self.garments.popitem(last=False)[1].nbytes
        return encoded

    @renamed_arguments(at="person_point")
    def __call__(
        self,
        person: Source,
        garment: Source,
        garment_mask: Source | None = None,
        size: Size = "photo",
        person_point: tuple[int, int] | None = None,
    ) -> Look:
        """Dress a person in a garment.

        Pictures are paths, bytes, PIL images or uint8 arrays (H, W, 3) RGB; `garment_mask` is a picture of the
        garment's size, above 127 inside. `size` "photo" gives the photo's own size, pasted back; "model" the network's
        256x192 picture, untouched. `person_point` says who of several persons: see `frame`. Raises ImageError where a
        picture can't be used.
        """
        check_choice("size", size, SIZES)
        photo, picture = decode.read(person, "person"), decode.read(garment, "garment")
        mask = None if garment_mask is None else decode.read_mask(garment_mask)
        # before the photo is searched for a person
        check_order(photo, picture, mask)
        return Person(self, photo, person_point).wear_encoded(self.encode_garment(picture, mask), size)


def load_parser(weights: str | Path, threads: int = 0) -> PersonParser | None:
    """Load a parser from its weights; return None for "none". Raises WeightsError."""
    return None if weights == "none" else open_parser(weights, threads)


def open_parser(weights: str | Path, threads: int = 0) -> PersonParser:
    """Load a parser from its weights. Raises WeightsError."""
    # other backends do without OpenVINO
    from fitroom.runtime.openvino import OpenVinoParser

    return OpenVinoParser.from_weights(open_weights(weights), threads=threads)


def load_segmenter(segmenter: str | Path, threads: int = 0) -> GarmentSegmenter | None:
    """Load what separates garments from any background.

    `segmenter` is a weights folder or name, "rembg", or "colour" for none. Raises WeightsError, MissingExtraError, and
    ImageError as in `RembgSegmenter`.
    """
    if segmenter == "colour":
        return None
    if segmenter == "rembg":
        return RembgSegmenter()
    # other backends do without OpenVINO
    from fitroom.runtime.openvino import OpenVinoGraphs, compile_weights

    weights = open_weights(segmenter)
    graphs = OpenVinoGraphs(compile_weights(weights, (SEGMENTER,), threads=threads))
    return LearnedSegmenter(graphs, weights.manifest.height, weights.manifest.width)


def place_of(text: str, name: str) -> tuple[int, int]:
    """Parse a pixel that is written as X,Y; `name` names it in messages. Raises InputError."""
    x, comma, y = text.partition(",")
    if not (comma and x.strip().isdecimal() and y.strip().isdecimal()):
        raise InputError(f"{name}: found {text[:20]!r}; need X,Y, a pixel of the person's photo, such as 120,300.")
    return int(x), int(y)


def bytes_of(*arrays: NDArray[Any]) -> int:
    """Memory that arrays take."""
    return sum(array.nbytes for array in arrays)


def check_order(photo: Picture, garment: Picture, mask: Picture | None) -> None:
    """Raise ImageError where a person's and a garment's picture without a mask look swapped."""
    if mask is None and masks.looks_swapped(photo, garment):
        raise ImageError("person and garment look swapped: give the person's photo first, then the garment's.")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InputError where `value` is none of `choices`."""
    if value not in choices:
        raise InputError(f"{name} {value!r} is unknown; there are: {', '.join(choices)}.")

"""Systems to evaluate: weights, and baselines that give the figures a reference."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fitroom.arrays import Array, Picture
from fitroom.evaluate.metrics import Mask, garment_quad, torso_quad
from fitroom.photo.masks import bleed, garment_mask
from fitroom.store import DEFAULT
from fitroom.tryon import TryOn, check_choice


@dataclass(frozen=True)
class Worn:
    """A person in a garment, as pictures of the photo's size; `warped_*` are None if the system does not warp."""

    image: Picture
    warped_garment: Picture | None = None
    warped_mask: Mask | None = None


class System(Protocol):
    """A system that dresses persons in garments."""

    name: str
    version: str
    backend: str
    needs_poses: bool

    def dress(self, photo: Picture, garment: Picture, key_points: Array | None) -> Worn:
        """Dress the person of a photo (H, W, 3); `key_points` (18, 3) are None if unknown.

        Raises ImageError if the garment can't be used.
        """
        ...


class FitroomSystem:
    """Weights, run through `TryOn` as for every user; `open_system` opens it without parser and segmenter."""

    needs_poses = False

    def __init__(self, tryon: TryOn, backend: str) -> None:
        self.tryon = tryon
        self.name = tryon.weights.manifest.name
        self.version = tryon.weights.manifest.version
        self.backend = backend if backend == "torch" else f"{backend} {tryon.weights.manifest.precision}"

    def dress(self, photo: Picture, garment: Picture, key_points: Array | None) -> Worn:
        """See `System`."""
        look = self.tryon(photo, garment)
        height, width = photo.shape[:2]
        warped, mask = look.warped_garment, look.warped_mask
        if mask.shape != (height, width):
            warped = np.asarray(cv2.resize(warped, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
            mask = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        return Worn(look.image, warped, mask > 0.5)


class Copy:
    """A baseline that returns the photo unchanged, which exposes measures that reward doing nothing."""

    name, version, backend, needs_poses = "copy", "", "", False

    def dress(self, photo: Picture, garment: Picture, key_points: Array | None) -> Worn:
        """See `System`."""
        return Worn(photo)


class Paste:
    """A baseline that pastes the garment, scaled so that its torso fills the bounding box of the person's torso.

    Photos whose shoulders are unknown do not change.
    """

    name, version, backend, needs_poses = "paste", "", "", True

    def dress(self, photo: Picture, garment: Picture, key_points: Array | None) -> Worn:
        """See `System`."""
        target = None if key_points is None else torso_quad(key_points)
        if target is None:
            return Worn(photo)
        mask = garment_mask(garment)
        (left, top), (right, bottom) = target.min(axis=0), target.max(axis=0)
        box = np.array([(left, top), (right, top), (right, bottom)], np.float32)
        matrix = cv2.getAffineTransform(garment_quad(mask)[:3], box)
        size = photo.shape[1::-1]
        warped = cv2.warpAffine(bleed(garment, mask), matrix, size, borderMode=cv2.BORDER_REPLICATE)
        covers = cv2.warpAffine(mask, matrix, size) > 127
        return Worn(np.where(covers[..., None], warped, photo), np.asarray(warped, np.uint8), covers)


BASELINES: dict[str, type[Copy] | type[Paste]] = {"copy": Copy, "paste": Paste}


def open_system(weights: str | Path = DEFAULT, backend: str = "openvino", baseline: str | None = None) -> System:
    """Open a baseline by name, or weights by name or folder on a backend.

    Raises InputError for an unknown baseline, and the errors of `TryOn.load`.
    """
    if baseline is None:
        # pair lists have studio pictures, so that the network alone is measured
        return FitroomSystem(TryOn.load(weights, backend, "none", "colour"), backend)
    check_choice("baseline", baseline, tuple(BASELINES))
    return BASELINES[baseline]()

"""Where a person who is dressed in somebody's garment and back in the own one is unlike the photo, by SSIM, and what
SSIM would be if more of the fabric were known.

Swap-back SSIM is one figure. What it is short of 1 is split here by where it is lost, and the fabric of the look is put
right from the photo in steps, from its broad shades to its finest folds: no garment's product shot tells those.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Picture
from fitroom.body import Label
from fitroom.errors import DataError
from fitroom.evaluate.metrics import Mask, similarity_map, structural_similarity
from fitroom.evaluate.plan import Plan, Progress
from fitroom.evaluate.systems import System

OUTLINE = 4  # pixels on either side of the worn garment's outline that count as outline
SCALES = 8, 4, 2  # pixels, standard deviation of the blur that parts shades and folds known from those unknown


@dataclass(frozen=True)
class Dissimilarity:
    """Means over persons. What is lost in all places and SSIM sum to 1."""

    looks: int
    ssim: float  # of swap-back
    lost_fabric: float  # within the worn garment, OUTLINE away from its outline
    lost_outline: float
    lost_arms: float
    lost_elsewhere: float
    shades_8: float  # SSIM if the fabric's means around every pixel were the photo's: a Gaussian of 8 pixels
    shades_4: float
    shades_2: float
    photo_2: float  # SSIM if the fabric were the photo's own, blurred by 2 pixels


def regions(label: Picture) -> dict[str, Mask]:
    """A parsing label (H, W) parted into fabric, outline, arms, and elsewhere."""
    garment = (label == Label.UPPER_CLOTHES).astype(np.uint8)
    square = np.ones((2 * OUTLINE + 1, 2 * OUTLINE + 1), np.uint8)
    # beyond the picture a garment goes on
    fabric = cv2.erode(garment, square, borderValue=1) > 0
    outline = (cv2.dilate(garment, square) > 0) & ~fabric
    arms = np.isin(label, (Label.LEFT_ARM, Label.RIGHT_ARM)) & ~outline & ~fabric
    return {"fabric": fabric, "outline": outline, "arms": arms, "elsewhere": ~(fabric | outline | arms)}


def blurred(picture: NDArray[np.float32], within: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Means of a picture (H, W, 3) around every pixel, of what lies `within` (H, W, 1) of 0 and 1."""
    sums = cv2.GaussianBlur(picture * within, (0, 0), scale)
    counts = cv2.GaussianBlur(within, (0, 0), scale)[..., None]
    return np.asarray(sums / np.maximum(counts, 1e-3), np.float32)


def with_fabric(back: Picture, photo: Picture, fabric: Mask) -> dict[str, Picture]:
    """A picture (H, W, 3) with more and more of the photo's fabric in it, by the names of `Dissimilarity`."""
    within = fabric[..., None].astype(np.float32)
    look, truth = back.astype(np.float32), photo.astype(np.float32)

    def put(pixels: NDArray[np.float32]) -> Picture:
        mixed = look + within * (pixels - look)
        return np.asarray((mixed + 0.5).clip(0, 255), np.uint8)

    made = {
        f"shades_{scale}": put(look + blurred(truth, within, scale) - blurred(look, within, scale)) for scale in SCALES
    }
    return made | {"photo_2": put(blurred(truth, within, 2))}


def measure_dissimilarity(system: System, plan: Plan, progress: Progress = lambda items, said: items) -> Dissimilarity:
    """Dress the persons of the unpaired list in its garments and back, as `evaluate` does.

    Raises DataError where own garments or labels are unknown.
    """
    if not plan.own:
        raise DataError(f"{plan.reader.name}: some person's own garment is unknown; give the paired list.")
    rows = []
    for pair in progress(plan.unpaired.pairs, "looks"):
        subject = plan.subject(pair.person)
        if subject.label is None:
            raise DataError(f"{plan.reader.name}: no parsing label of {pair.person}; it tells fabric from arms.")
        look = system.dress(subject.photo, plan.garment(pair.garment), subject.key_points)
        back = system.dress(look.image, plan.garment(plan.own[pair.person]), subject.key_points).image
        lost = (1 - similarity_map(back, subject.photo)) / subject.label.size
        places = regions(subject.label)
        row = {f"lost_{name}": float(lost[place].sum()) for name, place in places.items()}
        row["ssim"] = structural_similarity(back, subject.photo)
        for name, picture in with_fabric(back, subject.photo, places["fabric"]).items():
            row[name] = structural_similarity(picture, subject.photo)
        rows.append(row)
    return Dissimilarity(len(rows), **{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})

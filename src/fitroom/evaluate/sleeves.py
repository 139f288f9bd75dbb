"""Measure sleeves of another length: whether long sleeves cover bare arms, and short sleeves show skin.

Warp IoU, which is measured on paired samples, and retrieval miss these errors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitroom import body
from fitroom.body import Label
from fitroom.errors import DataError
from fitroom.evaluate.plan import Plan, Progress, Subject
from fitroom.photo import frames
from fitroom.photo.foreground import like
from fitroom.tryon import TryOn

Mask = NDArray[np.bool_]

FOREARM = 0.85  # measured part of the way from elbow to wrist, because hands are always bare
RADIUS = 0.07  # measured radius around the bone, shoulder widths
MOSTLY = 0.7  # share of a forearm's pixels from which it counts as bare or covered


@dataclass(frozen=True)
class Sleeves:
    """Counts of forearms and means over them, of persons whose forearms are both visible."""

    bare: int  # forearms that are bare in the photo, dressed in garments with long sleeves
    covered: float  # share of their pixels that the new garment covers, 0 to 1
    long: int  # forearms that are covered in the photo, dressed in garments with short sleeves
    bared: float  # share of their pixels with the skin colour of the face in the look, 0 to 1


def forearms(subject: Subject) -> list[Mask]:
    """Return masks (H, W) of the middle of both forearms; return none if key points or label are missing."""
    skeleton = None if subject.key_points is None else body.complete(subject.key_points)
    if skeleton is None or subject.label is None:
        return []
    grid = body.pixel_grid(*subject.label.shape)
    masks = []
    for _, elbow, wrist in body.ARM_JOINTS.values():
        start, end = skeleton.points[elbow], skeleton.points[wrist]
        distance = body.distance_to_bone(grid, start, start + FOREARM * (end - start))
        masks.append(np.asarray(distance < RADIUS * skeleton.shoulder_width, np.bool_))
    return masks if all(mask.any() for mask in masks) else []


def mostly(subject: Subject, masks: Iterable[Mask], labels: Sequence[int]) -> bool:
    """Return whether there are masks and at least MOSTLY of each has one of the labels."""
    assert subject.label is not None
    shares = [np.isin(subject.label[mask], labels).mean() for mask in masks]
    return bool(shares) and min(shares) >= MOSTLY


def measure_sleeves(tryon: TryOn, plan: Plan, progress: Progress = lambda items, said: items) -> Sleeves:
    """Dress persons with bare forearms in long sleeves, and persons with covered forearms in short sleeves.

    Sleeve lengths are those on the garments' own wearers. Each person gets one garment, in rotation. Persons must fill
    the photo, so `tryon` needs no parser. Raises DataError if there are no persons of either kind.
    """
    bare, long = [], []
    for person in sorted(plan.own):
        subject = plan.subject(person)
        masks = forearms(subject)
        if mostly(subject, masks, (Label.LEFT_ARM, Label.RIGHT_ARM)):
            bare.append(person)
        elif mostly(subject, masks, (Label.UPPER_CLOTHES,)):
            long.append(person)
    if not bare or not long:
        raise DataError(
            f"{plan.reader.name}: found {len(bare)} persons with bare forearms and {len(long)} with covered forearms, "
            "among persons whose own garment is known; need at least one of each."
        )
    covered: list[float] = []
    for number, person in enumerate(progress(bare, "long sleeves")):
        subject, garment = plan.subject(person), plan.own[long[number % len(long)]]
        look = tryon(subject.photo, plan.garment(garment))
        worn = look.composition > 0.5
        small = [frames.shrink(np.asarray(mask * 255, np.uint8), *worn.shape) > 127 for mask in forearms(subject)]
        covered += [float(worn[mask].mean()) for mask in small]
    bared: list[float] = []
    for number, person in enumerate(progress(long, "short sleeves")):
        subject, garment = plan.subject(person), plan.own[bare[number % len(bare)]]
        look = tryon(subject.photo, plan.garment(garment))
        face = subject.photo[subject.label == Label.FACE].astype(np.float32)
        bared += [float(like(look.image[mask].astype(np.float32), face).mean()) for mask in forearms(subject)]
    return Sleeves(len(covered), float(np.mean(covered)), len(bared), float(np.mean(bared)))

"""Sleeves of another length: whether long ones cover arms that a photo shows bare, and bare arms show where they go.

Neither warp IoU, which looks at garments that are worn already, nor retrieval sees them.
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

FOREARM = 0.85  # of the way from elbow to wrist, up to which an arm is looked at: hands stay bare
RADIUS = 0.07  # of the shoulders' width around the bone
MOSTLY = 0.7  # share of a forearm's pixels by which it counts as bare, or as covered


@dataclass(frozen=True)
class Sleeves:
    """Means over forearms, of persons whose forearms are both seen."""

    bare: int  # forearms bare in the photo, in garments whose own wearers' are covered
    covered: float  # share of their pixels that the new garment covers
    long: int  # forearms covered in the photo, in garments whose own wearers' are bare
    bared: float  # share of their pixels that have the colour of the face's skin in the look


def forearms(subject: Subject) -> list[Mask]:
    """Masks (H, W) of the middle of both forearms; none where key points or label do not tell them."""
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
    """Whether each mask shows mostly these labels, and there is one."""
    assert subject.label is not None
    shares = [np.isin(subject.label[mask], labels).mean() for mask in masks]
    return bool(shares) and min(shares) >= MOSTLY


def measure_sleeves(tryon: TryOn, plan: Plan, progress: Progress = lambda items, said: items) -> Sleeves:
    """Dress persons with bare forearms in garments of those with covered ones, and the other way round.

    Each person gets one garment, in turn, and fills the photo: `tryon` needs no parser. Raises DataError where the
    lists do not have some of both.
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
            f"{plan.reader.name}: {len(bare)} persons with bare forearms, {len(long)} with covered ones; need some of "
            "both, whose own garments are known."
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

"""Prepare labelled street photos for training: key points from a parser, frames, and backgrounds without people."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from fitroom import body
from fitroom.arrays import Array, Picture
from fitroom.body import FOUND, Label
from fitroom.data.label_sets import BELT, LEG, NOT_PERSON, ROW, SHOE, SINGLE, SKIN, UPPER_SKIN
from fitroom.data.street import LabelledPhotos
from fitroom.data.street_scenes import StreetPhoto, clear_backgrounds, halved, mirrored_points
from fitroom.errors import DataError
from fitroom.photo.frames import Frame
from fitroom.photo.framing import parsed_in, studio_frame
from fitroom.runtime.interface import PersonParser

UNKNOWN = -1.0  # confidence of a key point with no reliable estimate
SCALES = 0.9, 1.1, 1.35  # sizes of the frames given to the parser, relative to the try-on frame
APART = 0.2  # largest spread of the estimates of a joint, in shoulder widths
HEAD = {ROW[SKIN], ROW[SINGLE[Label.HAIR]], ROW[SINGLE[Label.OTHER]]}
CLOTHES = {ROW[SINGLE[Label.UPPER_CLOTHES]], ROW[SINGLE[Label.DRESS]], ROW[BELT]}
LEGWEAR = {ROW[SINGLE[Label.LOWER_CLOTHES]], ROW[SHOE]}
# label sets that each joint may lie on, in the order of the key points
FITTING = (
    HEAD,
    CLOTHES | HEAD,
    *[CLOTHES | HEAD] * 6,
    *[CLOTHES | LEGWEAR | {ROW[SKIN], ROW[SINGLE[Label.OTHER]]}] * 6,
    *[HEAD] * 4,
)


def upper_frame(sets: Picture) -> Frame:
    """Return a 3:4 frame around the upper half of the labelled person, from label sets (H, W)."""
    rows, columns = np.nonzero(~np.isin(sets, (ROW[SINGLE[Label.BACKGROUND]], ROW[NOT_PERSON])))
    top, bottom = (float(np.percentile(rows, share)) for share in (1, 99))
    height = max(0.55 * (bottom - top), 1.3 * float(np.percentile(columns, 95) - np.percentile(columns, 5)), 32.0)
    middle = float(np.median(columns))
    return Frame(round(middle - 0.375 * height), round(top - 0.05 * height), round(0.75 * height), round(height))


def estimated_points(photo: Picture, sets: Picture, parser: PersonParser) -> tuple[Array, Frame]:
    """Estimate the key points (18, 3) and the try-on frame (head to hips) of a labelled photo (H, W, 3).

    The parser's key points are averaged over SCALES and the mirrored photo. Confidence is 1 for a reliable joint, and 0
    for one that is found in no frame. It is UNKNOWN where estimates are missing or disagree, the place lies outside the
    photo, or the label there does not fit the joint. It is also UNKNOWN for knees and ankles.
    """
    flipped = np.ascontiguousarray(photo[:, ::-1])
    width = photo.shape[1]
    frame = upper_frame(sets)
    for _ in range(2):
        frame = studio_frame(parsed_in(photo, frame, parser).key_points) or frame
    found = []
    for scale in SCALES:
        height = scale * frame.height
        left = frame.left + frame.width / 2 - 0.375 * height
        top = frame.top + (frame.height - height) / 2
        looked = Frame(round(left), round(top), round(0.75 * height), round(height))
        other = Frame(width - looked.left - looked.width, looked.top, looked.width, looked.height)
        found.append(parsed_in(photo, looked, parser).key_points)
        found.append(mirrored_points(parsed_in(flipped, other, parser).key_points, width))
    every = np.stack(found)
    sure = every[..., 2] >= FOUND
    weight = np.where(sure, every[..., 2], 0)[..., None]
    place = (every[..., :2] * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-6)
    unit = 0.3 * frame.height
    spread = np.sqrt(
        ((((every[..., :2] - place) ** 2) * weight).sum(axis=(0, 2))) / np.maximum(weight.sum(axis=(0, 2)), 1e-6)
    )
    points = np.concatenate([place, every[..., 2:].mean(axis=0)], axis=1).astype(np.float32)
    share = sure.mean(axis=0)
    columns, rows = (
        np.clip(np.rint(place[:, axis]).astype(int), 0, side - 1) for axis, side in ((0, width), (1, len(photo)))
    )
    inside = (place >= 0).all(axis=1) & (place <= (width - 1, len(photo) - 1)).all(axis=1)
    fits = np.array([sets[row, column] in fitting for row, column, fitting in zip(rows, columns, FITTING, strict=True)])
    points[:, 2] = np.where((share >= 0.8) & fits & inside & (spread < APART * unit), 1.0, UNKNOWN)
    points[share == 0, 2] = 0.0
    # knees and ankles lie outside most frames and matter little for a top
    points[[9, 10, 12, 13], 2] = UNKNOWN
    return points, frame


def load_street(folder: LabelledPhotos, names: Iterable[str], parser: PersonParser) -> list[StreetPhoto]:
    """Read labelled photos. Photos whose labels show no top or dress are left out.

    Raises DataError for missing or broken files, and when no photo is left.
    """

    def read(name: str) -> StreetPhoto | None:
        photo, sets = folder.photo(name), folder.sets(name)
        if not np.isin(sets, list(CLOTHES)).any():
            return None
        points, frame = estimated_points(photo, sets, parser)
        return StreetPhoto(name, halved(photo), narrowed(sets, points), points, frame)

    with ThreadPoolExecutor(2) as pool:
        photos = [photo for photo in pool.map(read, names) if photo is not None]
    if not photos:
        raise DataError(f"{folder.root}: no photo whose labels show a top or a dress; see docs/parser.md.")
    return photos


def narrowed(sets: Picture, points: Array) -> Picture:
    """Narrow the label sets (H, W) of skin: no legs above the hips, only legs far below them.

    The sets are returned unchanged when hips or shoulders are unknown.
    """
    hips, shoulders = points[[body.RIGHT_HIP, body.LEFT_HIP]], points[[body.RIGHT_SHOULDER, body.LEFT_SHOULDER]]
    if not ((hips[:, 2] > 0).all() and (shoulders[:, 2] > 0).all()):
        return sets
    hip, shoulder = float(hips[:, 1].mean()), float(shoulders[:, 1].mean())
    rows = np.arange(len(sets))[:, None]
    skin = sets == ROW[SKIN]
    made = sets.copy()
    # fingertips reach half a trunk below the hips
    made[skin & (rows > hip + 0.6 * (hip - shoulder))] = ROW[LEG]
    made[skin & (rows < hip)] = ROW[UPPER_SKIN]
    return made


def backgrounds(photos: list[StreetPhoto], height: int, width: int) -> Tensor | None:
    """Crop backgrounds without people from photos, uint8 (n, 3, height, width). Returns None when there are none."""
    crops = [crop for number, photo in enumerate(photos) for crop in clear_backgrounds(photo, height, width, number)]
    if not crops:
        return None
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()

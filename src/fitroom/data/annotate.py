"""Annotate a shop's own pictures for training: parsing labels, key points and garment masks.

Labels and key points come from a human parser, garment masks from the garments' plain backgrounds. Existing files are
kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fitroom.arrays import Array, Picture
from fitroom.body import FOUND, Label
from fitroom.data.label_sets import VITON
from fitroom.data.viton import Layout, open_layout, read_rgb, write_pose
from fitroom.errors import DataError, ImageError, OutputError
from fitroom.photo import frames, masks
from fitroom.photo.encode import save_picture
from fitroom.photo.frames import Frame
from fitroom.photo.framing import parsed_in
from fitroom.runtime.interface import PersonParser

Progress = Callable[[list[Path]], Iterable[Path]]
LEAST_WORN = 0.01  # smallest share of a photo that must be garment


@dataclass(frozen=True)
class Annotated:
    """Numbers of annotated persons and garments, and one line for each picture that could not be annotated."""

    persons: int
    garments: int
    problems: tuple[str, ...]


def annotate(root: str | Path, parser: PersonParser, progress: Progress = iter) -> Annotated:  # type: ignore[assignment]
    """Write train_label and train_pose for the pictures in train_img, and train_edge for those in train_color.

    Skip pictures that are annotated already. Raises DataError when the folder has no training layout or a picture can't
    be read, and OutputError when files can't be written. Files written before an error are kept.
    """
    layout = open_layout(root)
    if layout.label is None or layout.pose is None:
        raise DataError(f"{root}: the test layout has no parsing labels; annotate a folder with train_img.")
    problems: list[str] = []
    persons, garments = (sorted(folder.glob("*.jpg")) for folder in (layout.person, layout.garment))
    persons = [path for path in persons if not written(layout, path)]
    garments = [path for path in garments if not layout.garment_mask_path(path.name).exists()]
    done = {layout.person: 0, layout.garment: 0}
    try:
        for folder in (layout.label, layout.pose, layout.garment_mask):
            folder.mkdir(exist_ok=True)
        for path in progress([*persons, *garments]):
            picture = read_rgb(path)
            try:
                if path.parent == layout.person:
                    write_person(layout, path, *told(picture, parser))
                else:
                    save_picture(masks.garment_mask(picture), layout.garment_mask_path(path.name))
                done[path.parent] += 1
            except ImageError as error:
                problems.append(f"{path}: {error}")
    except OSError as error:
        raise OutputError(f"{root}: annotations can't be written ({error.strerror}).") from error
    return Annotated(done[layout.person], done[layout.garment], tuple(problems))


def written(layout: Layout, path: Path) -> bool:
    """Return whether a person has both a label and a pose."""
    return layout.label_path(path.name).exists() and layout.pose_path(path.name).exists()


def write_person(layout: Layout, path: Path, label: Picture, key_points: Array) -> None:
    """Write a person's label and pose, except files that exist already."""
    if not layout.label_path(path.name).exists():
        save_picture(label, layout.label_path(path.name))
    if not layout.pose_path(path.name).exists():
        write_pose(layout.pose_path(path.name), key_points)


def told(photo: Picture, parser: PersonParser) -> tuple[Picture, Array]:
    """Predict VITON's label (H, W) and key points (18, 3) of a studio photo (H, W, 3).

    Key points that are not found are zeros. Raises ImageError when the photo shows nobody in a garment.
    """
    height, width = photo.shape[:2]
    frame = frames.garment_frame(width, height)
    parsing = parsed_in(photo, frame, parser)
    whole = cv2.resize(parsing.label, (frame.width, frame.height), interpolation=cv2.INTER_NEAREST)
    whole = VITON.of_label[whole]
    label = frames.cut(np.asarray(whole, np.uint8), Frame(-frame.left, -frame.top, width, height), 0)
    if (label == Label.UPPER_CLOTHES).mean() < LEAST_WORN:
        raise ImageError("found no person in an upper garment; remove this photo from the pair lists.")
    points = parsing.key_points
    return label, np.where(points[:, 2:] >= FOUND, points, 0).astype(np.float32)

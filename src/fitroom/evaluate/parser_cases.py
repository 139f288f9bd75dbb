"""Test cases for a human parser: labelled photos, a VITON layout, and scenes composed from a VITON layout."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fitroom.data.augment import background_mask
from fitroom.data.label_sets import MIRRORED_ROWS
from fitroom.data.pack import open_reader
from fitroom.data.scenes import SceneConfig, draw_scenes, scene_grid, scene_labels, scene_photos, scene_points
from fitroom.data.street import open_labelled
from fitroom.data.viton import KEY_POINT_COUNT, read_text
from fitroom.data.viton_sets import viton_sets
from fitroom.errors import DataError
from fitroom.evaluate.parser import Case

# rows of the key points by the joint names of annotation files
JOINTS = {
    "nose": 0,
    "neck": 1,
    "right_shoulder": 2,
    "right_elbow": 3,
    "right_wrist": 4,
    "left_shoulder": 5,
    "left_elbow": 6,
    "left_wrist": 7,
    "right_hip": 8,
    "right_knee": 9,
    "right_ankle": 10,
    "left_hip": 11,
    "left_knee": 12,
    "left_ankle": 13,
}
SCENES = 30  # scenes per batch
SEED = 1


def labelled_cases(
    folder: str | Path, listed: str, mapping: str | Path | None = None, joints: str | Path | None = None
) -> Iterator[Case]:
    """Yield the photos of a list in a folder of labelled photos, with the hand-marked joints of the file `joints`.

    Raises DataError.
    """
    photos = open_labelled(folder, mapping)
    marks = {} if joints is None else read_joints(joints)
    for name in photos.names(listed):
        yield Case(name, photos.photo(name), photos.sets(name), marks.get(name))


def read_joints(path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Read key points (18, 3) by photo from a CSV of photo,joint,x,y; marked joints have confidence 1, others 0.

    Raises DataError.
    """
    found: dict[str, NDArray[np.float32]] = {}
    for number, row in enumerate(csv.DictReader(read_text(Path(path)).splitlines()), 2):
        try:
            joint, place = JOINTS[row["joint"]], (float(row["x"]), float(row["y"]), 1.0)
            photo = row["photo"]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: found {row}; need the columns photo, joint, x and y, and as joint one of "
                f"{', '.join(JOINTS)}."
            ) from error
        found.setdefault(photo, np.zeros((KEY_POINT_COUNT, 3), np.float32))[joint] = place
    return found


def viton_cases(data: str | Path, pairs: str) -> Iterator[Case]:
    """Yield the persons of a pair list of a VITON layout or a pack. Raises DataError."""
    reader = open_reader(data)
    for person in sorted({pair.person for pair in reader.pairs(pairs).pairs}):
        photo, label, points = reader.photo(person), reader.label(person), reader.pose(person)
        yield Case(person, photo, viton_sets(photo, label, points), points)


def scene_cases(data: str | Path, pairs: str, seed: int = SEED) -> Iterator[Case]:
    """Yield the persons of a pair list in scenes: at another size and place, in front of another background.

    The same seed gives the same scenes. Raises DataError.
    """
    reader = open_reader(data)
    listed = reader.pairs(pairs).pairs
    for start in range(0, len(listed), SCENES):
        part = listed[start : start + SCENES]
        photos = [reader.photo(pair.person) for pair in part]
        labels, points = [reader.label(pair.person) for pair in part], [reader.pose(pair.person) for pair in part]
        height, width = photos[0].shape[:2]
        scenes = draw_scenes(SceneConfig(), len(part), torch.Generator().manual_seed(seed + start), width / height)
        pictures = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).float() / 127.5 - 1
        shots = torch.from_numpy(np.stack([reader.garment(pair.garment) for pair in part]))
        garments = shots.permute(0, 3, 1, 2).float() / 127.5 - 1
        grid = scene_grid(scenes, height, width)
        person = 1 - background_mask(pictures, torch.from_numpy(np.stack(labels)))
        made, shown = scene_photos(scenes, grid, pictures, person, garments)
        sets = torch.from_numpy(np.stack([viton_sets(p, q, r) for p, q, r in zip(photos, labels, points, strict=True)]))
        moved = torch.where(shown.squeeze(1) < 0.5, 0, scene_labels(scenes, grid, sets, MIRRORED_ROWS))
        places = scene_points(scenes, torch.from_numpy(np.stack(points)), height, width)
        bytes_made = ((made + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
        for pair, photo, truth, place in zip(part, bytes_made, moved.byte().numpy(), places.numpy(), strict=True):
            yield Case(pair.person, photo, truth, place)

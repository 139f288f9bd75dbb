"""The VITON folder layout: pairs, paths, and reading one sample.

Training layout: train_img, train_color, train_edge, train_label, train_pose, and optionally train_densepose.
Test layout: test_img, test_clothes (or test_color) and test_edge, without labels and poses. A line of a pair list holds
two names: person and garment. Persons and garments are JPEG files. The other files are named after the person: a label
is NAME.png, a pose NAME_keypoints.json, and DensePose parts are NAME.npy or NAME.png.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from fitroom.arrays import Array
from fitroom.body import Label
from fitroom.errors import DataError
from fitroom.files import atomic_write

Image = NDArray[np.uint8]

TRAIN_LIST, VALIDATION_LIST, UNPAIRED_LIST = "train_pairs.txt", "val_pairs_paired.txt", "val_pairs_unpaired.txt"

VALUE_COUNT = Label.RIGHT_ARM + 1  # number of values in label files; here the neck is background
DENSE_COUNT = 24  # parts of DensePose (Guler et al., CVPR 2018); 0 is background
KEY_POINT_COUNT = 18


@dataclass(frozen=True)
class Pair:
    """One line of a pair list: file names of a person and of a garment."""

    person: str
    garment: str


@dataclass(frozen=True)
class Layout:
    """Folders of each kind of file in a data folder. `label`, `pose` and `dense` are None when absent."""

    root: Path
    person: Path
    garment: Path
    garment_mask: Path
    label: Path | None
    pose: Path | None
    dense: Path | None = None

    def person_path(self, name: str) -> Path:
        """Return the path of a person's photo."""
        return self.person / name

    def garment_path(self, name: str) -> Path:
        """Return the path of a garment's product shot."""
        return self.garment / name

    def garment_mask_path(self, name: str) -> Path:
        """Return the path of a garment's mask."""
        return self.garment_mask / name

    def label_path(self, name: str) -> Path:
        """Return the path of a person's parsing label. Raises DataError when the layout has no labels."""
        if self.label is None:
            raise DataError(f"{self.root}: the test layout has no parsing labels; give a folder with train_label.")
        return (self.label / name).with_suffix(".png")

    def pose_path(self, name: str) -> Path:
        """Return the path of a person's key points. Raises DataError when the layout has no poses."""
        if self.pose is None:
            raise DataError(f"{self.root}: the test layout has no poses; give a folder with train_pose.")
        return self.pose / f"{Path(name).stem}_keypoints.json"

    def dense_path(self, name: str) -> Path:
        """Return the path of a person's DensePose parts. Raises DataError when the layout has none."""
        if self.dense is None:
            raise DataError(f"{self.root}: no DensePose in it; give a folder with train_densepose.")
        array = self.dense / f"{Path(name).stem}.npy"
        return array if array.is_file() else array.with_suffix(".png")


def own_garment(person: str) -> str:
    """Return the name of the garment that a person wears. VITON's NAME_0.jpg wears NAME_1.jpg."""
    return person.replace("_0.", "_1.")


def open_layout(root: str | Path) -> Layout:
    """Find the layout of a data folder.

    Raises DataError when the folder is missing or holds neither train_img nor test_img.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such data folder; give one that holds train_img or test_img.")
    if (root / "train_img").is_dir():
        kinds = {"person": "img", "garment": "color", "garment_mask": "edge", "label": "label", "pose": "pose"}
        dense = root / "train_densepose"
        folders = {name: root / f"train_{kind}" for name, kind in kinds.items()}
        return Layout(root, **folders, dense=dense if dense.is_dir() else None)
    if (root / "test_img").is_dir():
        garment = root / ("test_clothes" if (root / "test_clothes").is_dir() else "test_color")
        return Layout(root, root / "test_img", garment, root / "test_edge", None, None)
    found = ", ".join(sorted(p.name for p in root.iterdir() if p.is_dir())) or "no folders"
    raise DataError(f"{root}: neither train_img nor test_img in it (found: {found}); see docs/data.md for the layout.")


def read_text(path: Path, kind: str = "the pair list") -> str:
    """Read the text of a list. `kind` names the list in messages.

    Raises DataError when the file is missing or is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: {kind} can't be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {kind} is not a text file in UTF-8.") from error


def read_pairs(path: str | Path) -> list[Pair]:
    """Read a pair list.

    Raises DataError for a missing or empty list, and for a line that does not hold exactly two names.
    """
    return parse_pairs(read_text(Path(path)), str(path))


def parse_pairs(text: str, path: str) -> list[Pair]:
    """Parse the text of a pair list. `path` names it in messages. Raises DataError like `read_pairs`."""
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        names = line.split()
        if not names:
            continue
        if len(names) != 2:
            raise DataError(f"{path}, line {number}: found {len(names)} names, need two: person and garment.")
        pairs.append(Pair(*names))
    if not pairs:
        raise DataError(f"{path}: the pair list is empty; it needs two file names per line: person and garment.")
    return pairs


def read_image(path: Path) -> PIL.Image.Image:
    """Read and decode a picture file. Raises DataError when it is missing, broken or truncated."""
    try:
        picture = PIL.Image.open(path)
        picture.load()
    except FileNotFoundError as error:
        raise DataError(f"{path}: missing.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: not a picture, or cut off ({error}).") from error
    return picture


def read_rgb(path: Path) -> Image:
    """Read a picture as RGB uint8 (H, W, 3). Raises DataError when it is missing or broken."""
    return np.asarray(read_image(path).convert("RGB"), np.uint8)


def read_grey(path: Path) -> Image:
    """Read one channel, uint8 (H, W): grey values or palette indices. Raises DataError like `read_rgb`."""
    picture = read_image(path)
    return np.asarray(picture if picture.mode in ("L", "P") else picture.convert("L"), np.uint8)


def read_dense(path: Path) -> Image:
    """Read DensePose parts from a NumPy or PNG file, uint8 (H, W): 0 for background, 1 to 24 for parts.

    Raises DataError when the file is missing or broken, or has another shape or other values.
    """
    if path.suffix != ".npy":
        parts: NDArray[np.generic] = read_grey(path)
    else:
        try:
            parts = np.load(path, allow_pickle=False).squeeze()
        except FileNotFoundError as error:
            raise DataError(f"{path}: missing.") from error
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not a NumPy array, or cut off ({error}).") from error
    if parts.ndim != 2 or not parts.size:
        raise DataError(f"{path}: found shape {parts.shape}; need shape (H, W).")
    if parts.min() < 0 or parts.max() > DENSE_COUNT:
        raise DataError(f"{path}: found values from {parts.min()} to {parts.max()}; need 0 to {DENSE_COUNT}.")
    return np.asarray(parts, np.uint8)


def read_pose(path: Path) -> Array:
    """Read key points, float32 (18, 3): x and y in pixels, and confidence. They are zeros when nobody was found.

    Raises DataError when the file is missing or is not an OpenPose COCO-18 file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: missing.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a pose; need JSON.") from error
    return parse_pose(text, str(path))


def parse_pose(text: str, path: str) -> Array:
    """Parse the text of a pose file. `path` names it in messages. Raises DataError like `read_pose`."""
    try:
        people = json.loads(text)["people"]
        values = people[0]["pose_keypoints"] if people else [0.0] * (KEY_POINT_COUNT * 3)
        points = np.array(values, np.float32).reshape(KEY_POINT_COUNT, 3)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            f"{path}: not a pose; need JSON with people[0].pose_keypoints of {KEY_POINT_COUNT} x 3 numbers."
        ) from error
    if not np.isfinite(points).all():
        raise DataError(f"{path}: some key points are not finite numbers.")
    return points


def write_pose(path: Path, key_points: Array) -> None:
    """Write key points (18, 3), x and y in pixels and confidence, as OpenPose JSON. Raises OutputError."""
    person = {"pose_keypoints": key_points.round(3).ravel().tolist()}
    with atomic_write(path) as part:
        part.write_text(json.dumps({"version": 1.0, "people": [person]}))

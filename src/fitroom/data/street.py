"""Read folders of labelled photos: `photos/NAME.jpg`, `labels/NAME.png`, lists of names, and a mapping file.

The mapping file is a CSV file that gives the meaning of each label value: `value,name,group`. The groups are the keys
of GROUPS.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Picture
from fitroom.body import Label
from fitroom.data.label_sets import BELT, NOT_PERSON, ROW, SHOE, SINGLE, SKIN
from fitroom.data.viton import read_grey, read_rgb, read_text
from fitroom.errors import DataError

MAPPING = "labels.csv"
GROUPS = {
    "background": SINGLE[Label.BACKGROUND],
    "hair": SINGLE[Label.HAIR],
    "skin": SKIN,
    "upper": SINGLE[Label.UPPER_CLOTHES],
    "dress": SINGLE[Label.DRESS],
    "lower": SINGLE[Label.LOWER_CLOTHES],
    "other": SINGLE[Label.OTHER],
    "feet": SHOE,
    "belt": BELT,
}
NEARBY = 15  # distance from a person, in pixels, within which an unlabelled pixel may be something they carry


@dataclass(frozen=True)
class LabelledPhotos:
    """An opened folder of labelled photos."""

    root: Path
    rows: NDArray[np.int16]  # (256,) row of `label_sets.TABLE` for each label value; -1: not in the mapping file

    def names(self, listed: str) -> list[str]:
        """Read a list of photo names in the folder. Raises DataError when it is missing or empty."""
        names = read_text(self.root / listed, "the list of photos").split()
        if not names:
            raise DataError(f"{self.root / listed}: the list is empty; it needs one photo name per line.")
        return names

    def photo(self, name: str) -> Picture:
        """Read a photo, uint8 (H, W, 3) RGB. Raises DataError."""
        return read_rgb(self.root / "photos" / f"{name}.jpg")

    def values(self, name: str) -> Picture:
        """Read the folder's own label values, uint8 (H, W). Raises DataError."""
        return read_grey(self.root / "labels" / f"{name}.png")

    def sets(self, name: str) -> Picture:
        """Read labels as rows of `label_sets.TABLE`, uint8 (H, W).

        Unlabelled pixels within NEARBY pixels of a person become NOT_PERSON. Raises DataError for a missing or broken
        file, and for values that the mapping file does not name.
        """
        values = self.values(name)
        unknown = np.unique(values)[self.rows[np.unique(values)] < 0]
        if len(unknown):
            raise DataError(
                f"{self.root}: {name}.png has the value {unknown[0]}, which its mapping file does not name."
            )
        sets = self.rows[values].astype(np.uint8)
        person = (sets != ROW[SINGLE[Label.BACKGROUND]]).astype(np.uint8)
        around = cv2.dilate(person, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEARBY + 1,) * 2)) > 0
        sets[around & (person == 0)] = ROW[NOT_PERSON]
        return sets


def open_labelled(root: str | Path, mapping: str | Path | None = None) -> LabelledPhotos:
    """Open a folder of labelled photos. `mapping` defaults to the folder's MAPPING file.

    A value named "belt" means upper clothes, dress or lower clothes, whatever its group. Raises DataError when a folder
    or the mapping file is missing, or when a line of the mapping file is invalid.
    """
    root = Path(root)
    if not (root / "photos").is_dir() or not (root / "labels").is_dir():
        raise DataError(f"{root}: no labelled photos; need the folders photos and labels in it.")
    path = root / MAPPING if mapping is None else Path(mapping)
    rows = np.full(256, -1, np.int16)
    for number, line in enumerate(csv.DictReader(read_text(path, "the mapping file").splitlines()), 2):
        value, group = line.get("value") or "", line.get("group") or ""
        if not value.isdecimal() or int(value) > 255 or group not in GROUPS:
            raise DataError(
                f"{path}, line {number}: found value {value!r} and group {group!r}; need a value from 0 to 255 and one "
                f"of the groups {', '.join(GROUPS)}."
            )
        rows[int(value)] = ROW[BELT if line.get("name") == "belt" else GROUPS[group]]
    return LabelledPhotos(root, rows)

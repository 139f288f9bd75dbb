"""Write drawn figures as a folder of labelled photos for `data/street.py`, and predict their key points."""

from pathlib import Path

import cv2
import numpy as np

from fitroom.arrays import Picture
from fitroom.data.synthetic import samples
from fitroom.photo.encode import save_picture
from fitroom.runtime.interface import Parsing

# label values of the drawn figures, which are VITON's, and their groups in the mapping file
GROUPS = {0: "background", 1: "hair", 4: "upper", 8: "lower", 9: "skin", 10: "skin", 11: "skin", 12: "skin", 13: "skin"}
GROUND = (90, 120, 150)
ABOVE, ASIDE = 40, 60  # margins around the drawn figure in pixels


def write_street(root: Path, count: int, seed: int = 5) -> Path:
    """Write `count` drawn figures on a plain background as labelled photos, listed in train.txt and val.txt."""
    for folder in ("photos", "labels"):
        (root / folder).mkdir(parents=True)
    names = []
    for number, sample in enumerate(samples(count, seed)):
        name = f"{number:04}"
        names.append(name)
        label = np.where(np.isin(sample.photo.label, list(GROUPS)), sample.photo.label, 0).astype(np.uint8)
        photo = np.where(label[..., None] > 0, sample.photo.image, np.array(GROUND, np.uint8))
        around = (ABOVE, 0, ASIDE, ASIDE)
        photo = cv2.copyMakeBorder(photo, *around, cv2.BORDER_CONSTANT, value=GROUND)
        label = cv2.copyMakeBorder(label, *around, cv2.BORDER_CONSTANT, value=(0,))
        cv2.imwrite(str(root / "photos" / f"{name}.jpg"), photo[..., ::-1])
        save_picture(label, root / "labels" / f"{name}.png")
    lines = ["value,name,group", *(f"{value},value {value},{group}" for value, group in GROUPS.items())]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    for listed in ("train.txt", "val.txt"):
        (root / listed).write_text("\n".join(names) + "\n")
    return root


class DrawnParser:
    """A parser that predicts key points at their places in studio photos, and no labels."""

    def parse(self, picture: Picture) -> Parsing:
        """See `interface.PersonParser`."""
        height, width = picture.shape[:2]
        points = np.zeros((18, 3), np.float32)
        points[[2, 5, 8, 11]] = [(0.3, 0.33, 0.9), (0.7, 0.33, 0.9), (0.37, 0.78, 0.9), (0.62, 0.78, 0.9)]
        points[0] = (0.5, 0.15, 0.9)
        points[:, :2] *= (width, height)
        return Parsing(np.zeros((height, width), np.uint8), points)

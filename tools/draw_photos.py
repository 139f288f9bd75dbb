"""Draw docs/photos.jpg: a shipped figure's photo as people send it, in good ways and bad, and what comes of each.

From the project's root: draw_photos.py. Over each column stands what `fitroom try` would say.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fitroom import TryOn
from fitroom.arrays import Picture
from fitroom.demo import read_sample
from fitroom.errors import FitroomError
from fitroom.photo import frames, masks
from fitroom.photo.encode import save_picture

HEIGHT, WIDTH, LINE = 256, 192, 40
TARGET = "docs/photos.jpg"


@dataclass(frozen=True)
class Case:
    """One column."""

    title: str
    person: Picture
    garment: Picture


def cases() -> list[Case]:
    """Return the columns."""
    person, garment = read_sample("person-1.jpg"), read_sample("garment-3.jpg")
    height, width = garment.shape[:2]
    room = np.full((2 * len(person), 3 * person.shape[1], 3), (150, 140, 120), np.uint8)
    room[:, : person.shape[1]], room[-len(person) // 3 :] = (90, 110, 130), (110, 80, 60)
    small = frames.shrink(person, len(person) * 4 // 5, person.shape[1] * 4 // 5)
    room[-len(small) :, person.shape[1] : person.shape[1] + small.shape[1]] = small
    boards, stripes = np.full_like(garment, 0), np.full_like(garment, 150)
    boards[:] = (np.array([150, 112, 78]) + 9 * (np.arange(width) // 64 % 3 - 1)[:, None])[None]
    boards[:, np.arange(width) % 64 < 2] = (70, 50, 34)
    stripes[:, np.arange(width) // 24 % 2 == 0] = (120, 90, 60)
    mask = masks.garment_mask(garment)[..., None] > 127
    folded = np.full_like(garment, 255)
    folded[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = (40, 80, 160)
    soft = np.asarray(cv2.GaussianBlur(person, (0, 0), 3.5 * len(person) / 256), np.uint8)
    return [
        Case("as in a shop", person, garment),
        Case("in a room", room, garment),
        Case("too dark", (person * 0.17).astype(np.uint8), garment),
        Case("blurred", soft, garment),
        Case("on boards", person, np.where(mask, garment, boards)),
        Case("on stripes", person, np.where(mask, garment, stripes)),
        Case("folded", person, folded),
    ]


def cell(picture: Picture | None) -> Picture:
    """Draw a picture in its frame; white for none."""
    if picture is None:
        return np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    framed = frames.cut(picture, frames.garment_frame(picture.shape[1], picture.shape[0]), (255, 255, 255))
    return frames.shrink(framed, HEIGHT, WIDTH)


def column(tryon: TryOn, case: Case) -> Picture:
    """Photo, garment, and the look or what is said in its place."""
    look, said = None, ""
    try:
        made = tryon(case.person, case.garment)
        look, said = made.image, "".join(f"{warning.code}: " for warning in made.warnings) + "used"
    except FitroomError as error:
        said = f"refused: {error.code}"
    words = Image.new("RGB", (WIDTH, LINE), "white")
    pen = ImageDraw.Draw(words)
    for row, (text, colour) in enumerate(((case.title, "black"), (said, "black" if look is not None else "firebrick"))):
        pen.text((8, 4 + 17 * row), text, colour, ImageFont.load_default(13))
    return np.vstack([np.asarray(words, np.uint8), cell(case.person), cell(case.garment), cell(look)])


def main() -> None:
    tryon = TryOn.load()
    print(f"wrote {save_picture(np.hstack([column(tryon, case) for case in cases()]), TARGET)}")


if __name__ == "__main__":
    main()

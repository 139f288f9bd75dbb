"""Place 3:4 frames in pictures, cut them out, and resize them to the network's size."""

from dataclasses import dataclass

import cv2
import numpy as np

from fitroom.arrays import HEIGHT, WIDTH, Picture


@dataclass(frozen=True)
class Frame:
    """A 3:4 window of a picture: top left corner and size in pixels. It may extend beyond the picture."""

    left: int
    top: int
    width: int
    height: int


def person_frame(width: int, height: int) -> Frame:
    """Return the 3:4 frame of a person's photo: the middle of a wide photo, the top of a tall one."""
    if width * HEIGHT > height * WIDTH:
        wanted = max(round(height * WIDTH / HEIGHT), 1)
        return Frame((width - wanted) // 2, 0, wanted, height)
    return Frame(0, 0, width, max(round(width * HEIGHT / WIDTH), 1))


def garment_frame(width: int, height: int) -> Frame:
    """Return the smallest 3:4 frame around a whole garment picture."""
    if width * HEIGHT > height * WIDTH:
        wanted = round(width * HEIGHT / WIDTH)
        return Frame(0, (height - wanted) // 2, width, wanted)
    wanted = round(height * WIDTH / HEIGHT)
    return Frame((width - wanted) // 2, 0, wanted, height)


def cut(picture: Picture, frame: Frame, fill: tuple[int, int, int] | int) -> Picture:
    """Return the pixels of a frame at the picture's own scale. Pixels outside the picture are `fill`."""
    height, width = picture.shape[:2]
    top, left = max(-frame.top, 0), max(-frame.left, 0)
    bottom, right = max(frame.top + frame.height - height, 0), max(frame.left + frame.width - width, 0)
    inner = picture[max(frame.top, 0) : frame.top + frame.height, max(frame.left, 0) : frame.left + frame.width]
    if not (top or left or bottom or right):
        return inner
    value = fill if isinstance(fill, tuple) else (fill,) * 3
    return np.asarray(cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_CONSTANT, value=value), np.uint8)


def shrink(picture: Picture, height: int = HEIGHT, width: int = WIDTH) -> Picture:
    """Resize a picture to `height` x `width`. A picture of that size is returned unchanged."""
    if picture.shape[:2] == (height, width):
        return picture
    smaller = picture.shape[0] > height
    return np.asarray(
        cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    )

"""Encode and write pictures, completely or not at all, and check output paths before any work is done."""

import os
from pathlib import Path

import cv2

from fitroom.arrays import Picture
from fitroom.errors import OutputError
from fitroom.files import atomic_write

QUALITY = {  # OpenCV's encoding parameters, by file suffix
    ".png": [cv2.IMWRITE_PNG_COMPRESSION, 3],
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}


def check_output(path: str | Path) -> Path:
    """Return the path of a picture to write. Raises OutputError if it can't be written; call it before any work."""
    path = Path(path)
    if path.suffix.lower() not in QUALITY:
        raise OutputError(f"{path}: ends in {path.suffix or 'nothing'!r}; need one of {', '.join(QUALITY)}.")
    if path.is_dir():
        raise OutputError(f"{path}: this is a directory; give a file name.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} does not exist; make it first.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: the folder {folder} can't be written to.")
    return path


def encode_picture(picture: Picture, ending: str) -> bytes:
    """Encode a picture (H, W, 3) or (H, W) as a file. `ending` is a key of QUALITY.

    Raises OutputError if the picture is too large for the format.
    """
    colours = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(ending, colours, QUALITY[ending])
    if not done:
        raise OutputError(f"a picture of {picture.shape[1]} x {picture.shape[0]} pixels can't be written as {ending}.")
    return encoded.tobytes()


def save_picture(picture: Picture, path: str | Path, scratch: Path | None = None) -> Path:
    """Write (H, W, 3) or (H, W) as PNG, JPEG or WebP, by the suffix of `path`. Raises OutputError.

    The file is written completely or not at all: first in the folder `scratch`, which must be on the same disk, or
    beside `path`, and then moved.
    """
    path = check_output(path)
    encoded = encode_picture(picture, path.suffix.lower())
    with atomic_write(path, scratch) as part:
        part.write_bytes(encoded)
    return path

"""Decode pictures, with limits on bytes and pixels.

Pictures are uint8 (H, W, 3) RGB, masks uint8 (H, W) of 0 and 255.
"""

import io
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fitroom.arrays import Picture
from fitroom.errors import ImageError, NotAPictureError, PictureTooLargeError

Source = str | PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64 * 10**6
MIN_SIDE = 16


def read(source: Source, role: str = "picture") -> Picture:
    """Read a picture as RGB, uint8 (H, W, 3).

    EXIF orientation is applied, alpha is placed over white, and grey, CMYK and 16-bit pictures are converted. `source`
    is a path, the bytes of a JPEG, PNG or WebP file, a PIL image, or a uint8 array (H, W, 3), (H, W, 4) or (H, W).
    `role` names the picture in messages. Raises ImageError if the picture can't be read completely, is larger than
    MAX_BYTES or MAX_PIXELS, or has a side below MIN_SIDE. The limits are checked before pixels are decoded.
    """
    if isinstance(source, np.ndarray):
        check_array(source, role)
        if source.shape[2:] == (3,):
            return source.copy()
    opened, name = open_image(source, role)
    return np.asarray(flatten(opened, name), np.uint8)


def read_mask(source: Source, role: str = "garment mask") -> Picture:
    """Read a mask from any picture: 255 where its grey value is above 127, else 0. Raises ImageError like `read`."""
    opened, name = open_image(source, role)
    return np.where(np.asarray(flatten(opened, name).convert("L")) > 127, 255, 0).astype(np.uint8)


def open_image(source: Source, role: str) -> tuple[Image.Image, str]:
    """Return a decoded PIL image and its name in messages; see `read`."""
    if isinstance(source, np.ndarray):
        check_array(source, role)
        return Image.fromarray(source), role
    if isinstance(source, Image.Image):
        check_size(*source.size, role)
        return source, role
    if isinstance(source, bytes):
        data, name = source, role
    else:
        path = Path(source)
        name = f"{role} {path}"
        data = read_bytes(path, name)
    if len(data) > MAX_BYTES:
        raise PictureTooLargeError(f"{name}: {len(data) / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB.")
    if not data:
        raise NotAPictureError(f"{name}: the file is empty; need a JPEG, PNG or WebP picture.")
    return decode(data, name), name


def check_array(array: NDArray[Any], role: str) -> None:
    """Raise ImageError for an array that is not a picture or has an unsupported size."""
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise ImageError(
            f"{role}: found an array of {array.dtype} {array.shape}; need uint8 (H, W, 3), (H, W, 4) or (H, W)."
        )
    check_size(array.shape[1], array.shape[0], role)


def read_bytes(path: Path, name: str) -> bytes:
    """Read a file of at most MAX_BYTES. Raises ImageError."""
    try:
        if path.is_dir():
            raise ImageError(f"{name}: this is a directory; give one picture file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PictureTooLargeError(f"{name}: {size / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{name}: can't be read ({error.strerror}).") from error
    except ValueError as error:
        raise ImageError(f"{name}: not a valid file name ({error}).") from error


def check_pixels(data: bytes, name: str, most: int) -> None:
    """Raise PictureTooLargeError if a file's header gives more than `most` pixels.

    Data without a valid header passes; `read` rejects it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as opened:
                width, height = opened.size
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return
    if width * height > most:
        raise too_many_pixels(width, height, name, most)


def decode(data: bytes, name: str) -> Image.Image:
    """Decode a complete still picture. Raises ImageError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(data))
        if opened.format not in FORMATS:
            raise NotAPictureError(f"{name}: found {opened.format}; need a JPEG, PNG or WebP picture.")
        check_size(*opened.size, name)
        if getattr(opened, "is_animated", False):
            raise ImageError(f"{name}: an animation of several frames; need a still picture.")
        opened.load()
    except Image.DecompressionBombError as error:
        raise PictureTooLargeError(f"{name}: too many pixels; the limit is {MAX_PIXELS // 10**6} million.") from error
    except UnidentifiedImageError as error:
        raise NotAPictureError(f"{name}: not a picture; need a JPEG, PNG or WebP file.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"{name}: the picture is broken or cut off ({error}); export or download it again.") from error
    return opened


def too_many_pixels(width: int, height: int, name: str, most: int) -> PictureTooLargeError:
    """Return the error for a picture with more than `most` pixels."""
    return PictureTooLargeError(
        f"{name}: {width} x {height} pixels; the limit is {most // 10**6} million. Scale it down first."
    )


def check_size(width: int, height: int, name: str) -> None:
    """Raise ImageError for more than MAX_PIXELS pixels or a side below MIN_SIDE."""
    if width * height > MAX_PIXELS:
        raise too_many_pixels(width, height, name, MAX_PIXELS)
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name}: {width} x {height} pixels; need at least {MIN_SIDE} on each side.")


def flatten(image: Image.Image, name: str) -> Image.Image:
    """Convert an image to upright 8-bit RGB without alpha. Raises ImageError."""
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I") or image.mode == "F":
            values = np.asarray(image, np.float32)
            depth = 65535 if values.max(initial=0) > 255 else 255
            image = Image.fromarray(np.clip(values * 255 / depth + 0.5, 0, 255).astype(np.uint8))
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
            return Image.alpha_composite(white, rgba).convert("RGB")
        return image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: colours of mode {image.mode} can't be converted ({error}).") from error

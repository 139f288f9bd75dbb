"""Pack a data folder into one small file, and read such packs like a folder.

A pack is a zip file of WebP photos and garments, PNG labels, key points, pair lists and, if the folder has them,
DensePose parts. It holds no garment masks: users of a pack compute them from the pictures (`masks.garment_mask`).
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from fitroom.arrays import Array
from fitroom.data.reader import FolderReader, Image, PairList, Reader, listed
from fitroom.data.viton import parse_pose, read_text
from fitroom.errors import DataError, OutputError
from fitroom.files import atomic_write

Progress = Callable[[list[str]], Iterable[str]]

PHOTOS, GARMENTS, LABELS, POSES, DENSE = "photo", "garment", "label", "pose", "densepose"


class PackReader:
    """Reader of a pack. It keeps the file in memory, so several threads can read at the same time."""

    def __init__(self, path: str | Path) -> None:
        self.name, self.labels, self.poses = str(path), True, True
        try:
            with zipfile.ZipFile(path) as archive:
                self.entries = {name: archive.read(name) for name in archive.namelist()}
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: not a pack written by fitroom data pack ({error}).") from error
        self.dense = any(name.startswith(f"{DENSE}/") for name in self.entries)

    def entry(self, name: str) -> bytes:
        """Return the bytes of a file in the pack. Raises DataError when it is missing."""
        if name not in self.entries:
            raise DataError(f"{self.name}: no {name} in this pack.")
        return self.entries[name]

    def picture(self, name: str, flags: int) -> Image:
        """Decode a picture of the pack with the `flags` of `cv2.imdecode`, uint8. Raises DataError."""
        decoded = cv2.imdecode(np.frombuffer(self.entry(name), np.uint8), flags)
        if decoded is None:
            raise DataError(f"{self.name}: {name} is broken; pack the data again.")
        return np.asarray(decoded, np.uint8)

    def pairs(self, name: str | Path) -> PairList:
        """See `Reader`."""
        if Path(name).is_file():
            return listed(read_text(Path(name)), name)
        return listed(self.entry(Path(name).name).decode(), f"{self.name}/{name}")

    def lists(self) -> list[str]:
        """See `Reader`."""
        return sorted(name for name in self.entries if name.endswith(".txt"))

    def has_garment(self, garment: str) -> bool:
        """See `Reader`."""
        return f"{GARMENTS}/{Path(garment).stem}.webp" in self.entries

    def photo(self, person: str) -> Image:
        """See `Reader`."""
        return self.picture(f"{PHOTOS}/{Path(person).stem}.webp", cv2.IMREAD_COLOR_RGB)

    def garment(self, garment: str) -> Image:
        """See `Reader`."""
        return self.picture(f"{GARMENTS}/{Path(garment).stem}.webp", cv2.IMREAD_COLOR_RGB)

    def label(self, person: str) -> Image:
        """See `Reader`."""
        return self.picture(f"{LABELS}/{Path(person).stem}.png", cv2.IMREAD_GRAYSCALE)

    def pose(self, person: str) -> Array:
        """See `Reader`."""
        name = f"{POSES}/{Path(person).stem}.json"
        return parse_pose(self.entry(name).decode(), name)

    def dense_parts(self, person: str) -> Image:
        """See `Reader`."""
        return self.picture(f"{DENSE}/{Path(person).stem}.png", cv2.IMREAD_GRAYSCALE)


def open_reader(path: str | Path) -> Reader:
    """Open a data folder or a pack. Raises DataError."""
    return PackReader(path) if Path(path).is_file() else FolderReader(path)


def encode(picture: Image, ending: str, parameters: list[int]) -> bytes:
    """Encode a picture, (H, W, 3) RGB or (H, W), in the file format of `ending`."""
    colours = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(ending, colours, parameters)[1].tobytes())


def write_pack(
    data: str | Path,
    output: str | Path,
    quality: int = 75,
    progress: Progress = lambda items: items,
) -> Path:
    """Pack every pair of a folder's lists (*pairs*.txt) into one file. Returns its path.

    Photos and garments are stored as WebP of `quality`, 1 to 100. Raises DataError for a missing or broken file, and
    OutputError when the pack can't be written. After an error no file is left behind.
    """
    output = Path(output)
    if not output.absolute().parent.is_dir():
        raise OutputError(f"{output}: the folder {output.absolute().parent} does not exist; make it first.")
    reader = FolderReader(data)
    lists = reader.lists()
    if not lists:
        raise DataError(f"{data}: no pair list (*pairs*.txt) in it.")
    pairs = [pair for name in lists for pair in reader.pairs(name).pairs]
    webp, png = [cv2.IMWRITE_WEBP_QUALITY, quality], [cv2.IMWRITE_PNG_COMPRESSION, 9]
    with atomic_write(output) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name in lists:
            archive.writestr(name, (reader.layout.root / name).read_bytes(), zipfile.ZIP_DEFLATED)
        for name in progress(sorted({pair.person for pair in pairs})):
            stem = Path(name).stem
            archive.writestr(f"{PHOTOS}/{stem}.webp", encode(reader.photo(name), ".webp", webp))
            archive.writestr(f"{LABELS}/{stem}.png", encode(reader.label(name), ".png", png))
            archive.writestr(f"{POSES}/{stem}.json", pose_text(reader.pose(name)), zipfile.ZIP_DEFLATED)
            if reader.dense:
                archive.writestr(f"{DENSE}/{stem}.png", encode(reader.dense_parts(name), ".png", png))
        for name in progress(sorted({pair.garment for pair in pairs})):
            archive.writestr(f"{GARMENTS}/{Path(name).stem}.webp", encode(reader.garment(name), ".webp", webp))
    return output


def pose_text(points: Array) -> str:
    """Return key points (18, 3) as OpenPose JSON, rounded to a hundredth of a pixel."""
    stream = io.StringIO()
    json.dump({"people": [{"pose_keypoints": [round(float(value), 2) for value in points.ravel()]}]}, stream)
    return stream.getvalue()

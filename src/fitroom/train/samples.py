"""Training pairs in memory: decoded once, at the size that is trained, as bytes on the device that trains."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fitroom.body import Label
from fitroom.data.reader import Reader
from fitroom.data.viton import Pair
from fitroom.errors import DataError, ImageError
from fitroom.photo.masks import garment_mask

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Row = tuple[NDArray[Any], ...]

OFFERED = 4  # garments of others of which a person gets the one with the most different sleeves


@dataclass(frozen=True)
class Samples:
    """Pairs of a person and the garment worn, one row each: uint8 tensors, key points float32 in pixels."""

    pairs: list[Pair]
    photo: Tensor  # (n, 3, H, W) RGB
    label: Tensor  # (n, H, W)
    key_points: Tensor  # (n, 18, 3) x, y, confidence
    garment: Tensor  # (n, 3, H, W) RGB
    garment_mask: Tensor  # (n, H, W) of 0 and 255
    dense: Tensor | None = None  # (n, H, W) DensePose's parts, where the data has them
    soft: Tensor | None = None  # (n, labels, h, w) a parser's probabilities of `body.PREDICTED`, 0 to 255

    def __len__(self) -> int:
        return len(self.pairs)

    def to(self, device: torch.device) -> "Samples":
        """The same on another device."""
        names = [field.name for field in fields(self) if isinstance(getattr(self, field.name), Tensor)]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def joined(self, other: "Samples") -> "Samples":
        """These samples and others of the same size, neither with DensePose's parts."""
        columns = {
            field.name: torch.cat([getattr(self, field.name), getattr(other, field.name)])
            for field in fields(self)
            if isinstance(getattr(self, field.name), Tensor)
        }
        return replace(self, pairs=self.pairs + other.pairs, **columns)

    def bare_arms(self) -> Tensor:
        """Pixels of arms (n,) that every photo shows."""
        # one by one: masks of all labels at once would take as much memory as the labels
        return torch.stack([((label == Label.LEFT_ARM) | (label == Label.RIGHT_ARM)).sum() for label in self.label])


def most_apart(bare: Tensor, rows: Tensor, offered: Tensor) -> Tensor:
    """Of the rows offered to each of some rows, (m, k) and (m,), the one whose wearer shows the most different arms.

    `bare` (n,) are the pixels of arms that every row shows.
    """
    apart = (bare[offered] - bare[rows].unsqueeze(1)).abs()
    return offered.gather(1, apart.argmax(dim=1, keepdim=True)).squeeze(1)


@dataclass(frozen=True)
class Fakes:
    """Pictures of the persons of some samples in other garments: which row's person each shows, and the picture."""

    row: Tensor  # (m,) rows of the samples
    picture: Tensor  # (m, 3, H, W) uint8 RGB

    def to(self, device: torch.device) -> "Fakes":
        """The same on another device."""
        return Fakes(self.row.to(device), self.picture.to(device))


def resize(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture of the training size: by area when smaller."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read_row(reader: Reader, pair: Pair, height: int, width: int) -> Row | None:
    """One pair at the training size; None where the garment can't be told from its background. Raises DataError."""
    photo, label, points = reader.photo(pair.person), reader.label(pair.person), reader.pose(pair.person)
    garment = reader.garment(pair.garment)
    if label.shape != photo.shape[:2]:
        raise DataError(f"{pair.person}: its label is {label.shape[::-1]} pixels, the photo {photo.shape[1::-1]}.")
    try:
        mask = garment_mask(garment)
    except ImageError:
        return None
    points = points * np.array([width / photo.shape[1], height / photo.shape[0], 1], np.float32)
    label = np.asarray(cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    photo, garment = (resize(picture, height, width).transpose(2, 0, 1) for picture in (photo, garment))
    row = (photo, label, points, garment, resize(mask, height, width))
    if not reader.dense:
        return row
    return *row, cv2.resize(reader.dense_parts(pair.person), (width, height), interpolation=cv2.INTER_NEAREST)


def load_samples(
    reader: Reader, pairs: list[Pair], height: int, width: int, threads: int, progress: Progress
) -> Samples:
    """Decode pairs. Those whose garment can't be told from its background are left out. Raises DataError."""
    with ThreadPoolExecutor(threads) as pool:
        read = pool.map(lambda pair: read_row(reader, pair, height, width), pairs)
        rows = list(progress(read, len(pairs)))
    kept = [(pair, row) for pair, row in zip(pairs, rows, strict=True) if row is not None]
    if not kept:
        raise DataError("no pair whose garment can be told from its background; need products on plain, light ground.")
    columns = [torch.from_numpy(np.stack(column)) for column in zip(*(row for _, row in kept), strict=True)]
    return Samples([pair for pair, _ in kept], *columns)


def check_enough(samples: Samples, batch: int, data: str | Path) -> None:
    """Raise DataError where samples do not fill a batch."""
    if len(samples) < batch:
        raise DataError(f"{data}: {len(samples)} pairs; a batch needs {batch}: lower loop.batch.")


def fake_name(pair: Pair) -> str:
    """File name of a person in a garment."""
    return f"{Path(pair.person).stem}_{Path(pair.garment).stem}.webp"


def load_fakes(folder: str | Path, samples: Samples, threads: int, progress: Progress) -> Fakes:
    """Read the fakes of samples from a folder that holds PERSON_GARMENT.webp or .png.

    Persons without one are no sample of a student. Raises DataError where the folder is missing or has none of them.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder of fakes; render them with: fitroom train render-fakes.")
    row_of = {Path(pair.person).stem: row for row, pair in enumerate(samples.pairs)}
    found = []
    for path in sorted([*folder.glob("*.webp"), *folder.glob("*.png")]):
        person = "_".join(path.stem.split("_")[:-2])
        if person in row_of:
            found.append((row_of[person], path))
    if not found:
        raise DataError(
            f"{folder}: no fake of the {len(samples)} persons; render them with: fitroom train render-fakes."
        )
    height, width = samples.photo.shape[-2:]

    def read(path: Path) -> NDArray[np.uint8]:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if picture is None:
            raise DataError(f"{path}: not a picture, or cut off; remove it and render it again.")
        return resize(np.asarray(picture, np.uint8), height, width).transpose(2, 0, 1)

    with ThreadPoolExecutor(threads) as pool:
        pictures = list(progress(pool.map(read, [path for _, path in found]), len(found)))
    return Fakes(torch.tensor([row for row, _ in found]), torch.from_numpy(np.stack(pictures)))

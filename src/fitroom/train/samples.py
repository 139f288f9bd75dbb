"""Load training pairs and fakes into memory: decoded once, as bytes at the training size."""

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

OFFERED = 4  # garments to choose from; a person gets the one with the most different sleeves


@dataclass(frozen=True)
class Samples:
    """Pairs of a person and the garment in the photo, one per row. Tensors are uint8, key points float32 in pixels."""

    pairs: list[Pair]
    photo: Tensor  # (n, 3, H, W) RGB
    label: Tensor  # (n, H, W)
    key_points: Tensor  # (n, 18, 3) x, y, confidence
    garment: Tensor  # (n, 3, H, W) RGB
    garment_mask: Tensor  # (n, H, W) 0 to 255
    dense: Tensor | None = None  # (n, H, W) DensePose parts, if the data has them
    soft: Tensor | None = None  # (n, labels, h, w) a parser's probabilities of `body.PREDICTED`, 0 to 255

    def __len__(self) -> int:
        return len(self.pairs)

    def to(self, device: torch.device) -> "Samples":
        """Copy the samples to another device."""
        names = [field.name for field in fields(self) if isinstance(getattr(self, field.name), Tensor)]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def joined(self, other: "Samples") -> "Samples":
        """Return these samples followed by others of the same size. Neither may have DensePose parts."""
        columns = {
            field.name: torch.cat([getattr(self, field.name), getattr(other, field.name)])
            for field in fields(self)
            if isinstance(getattr(self, field.name), Tensor)
        }
        return replace(self, pairs=self.pairs + other.pairs, **columns)

    def bare_arms(self) -> Tensor:
        """Count the pixels of arms (n,) in every photo."""
        # one by one, because masks of all labels at once would take as much memory as the labels
        return torch.stack([((label == Label.LEFT_ARM) | (label == Label.RIGHT_ARM)).sum() for label in self.label])


def most_apart(bare: Tensor, rows: Tensor, offered: Tensor) -> Tensor:
    """Choose for each of `rows` (m,) the offered row whose photo shows the most different amount of bare arms, (m,).

    `offered` (m, k) are the rows to choose from, `bare` (n,) the arm pixels of every photo; see `Samples.bare_arms`.
    """
    apart = (bare[offered] - bare[rows].unsqueeze(1)).abs()
    return offered.gather(1, apart.argmax(dim=1, keepdim=True)).squeeze(1)


@dataclass(frozen=True)
class Fakes:
    """Pictures of the persons of some samples in other garments."""

    row: Tensor  # (m,) row of the person in the samples
    picture: Tensor  # (m, 3, H, W) uint8 RGB

    def to(self, device: torch.device) -> "Fakes":
        """Copy the fakes to another device."""
        return Fakes(self.row.to(device), self.picture.to(device))


def resize(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a picture to the training size by area averaging."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read_row(reader: Reader, pair: Pair, height: int, width: int) -> Row | None:
    """Read one pair at the training size. Raises DataError.

    Returns None if the garment can't be separated from its background.
    """
    photo, label, points = reader.photo(pair.person), reader.label(pair.person), reader.pose(pair.person)
    garment = reader.garment(pair.garment)
    if label.shape != photo.shape[:2]:
        raise DataError(
            f"{pair.person}: its label has {label.shape[::-1]} pixels, but its photo has {photo.shape[1::-1]}."
        )
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
    """Read pairs at the training size. Raises DataError, also if no pair remains.

    Pairs whose garment can't be separated from its background are left out.
    """
    with ThreadPoolExecutor(threads) as pool:
        read = pool.map(lambda pair: read_row(reader, pair, height, width), pairs)
        rows = list(progress(read, len(pairs)))
    kept = [(pair, row) for pair, row in zip(pairs, rows, strict=True) if row is not None]
    if not kept:
        raise DataError("no garment could be separated from its background; need a plain, light background.")
    columns = [torch.from_numpy(np.stack(column)) for column in zip(*(row for _, row in kept), strict=True)]
    return Samples([pair for pair, _ in kept], *columns)


def check_enough(samples: Samples, batch: int, data: str | Path) -> None:
    """Raise DataError if there are fewer samples than a batch needs."""
    if len(samples) < batch:
        raise DataError(f"{data}: found {len(samples)} pairs, but a batch needs {batch}; lower loop.batch.")


def fake_name(pair: Pair) -> str:
    """Return the file name of a fake: a person in a garment."""
    return f"{Path(pair.person).stem}_{Path(pair.garment).stem}.webp"


def load_fakes(folder: str | Path, samples: Samples, threads: int, progress: Progress) -> Fakes:
    """Read the fakes of samples from a folder that holds PERSON_GARMENT.webp or .png.

    Persons without a fake are not used. Raises DataError if the folder is missing, holds no fake of these persons, or
    holds a damaged one.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder of fakes; render them with: fitroom train render-fakes.")
    row_of = {Path(pair.person).stem: row for row, pair in enumerate(samples.pairs)}
    found = []
    for path in sorted([*folder.glob("*.webp"), *folder.glob("*.png")]):
        words = path.stem.split("_")
        # names of persons and garments may hold underscores: the longest person's name that fits
        persons = ("_".join(words[:count]) for count in range(len(words) - 1, 0, -1))
        row = next((row_of[person] for person in persons if person in row_of), None)
        if row is not None:
            found.append((row, path))
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

"""Where pictures of a data set come from: one interface for folders and packs."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fitroom.arrays import Array
from fitroom.data.viton import (
    Pair,
    open_layout,
    parse_pairs,
    read_dense,
    read_grey,
    read_pose,
    read_rgb,
    read_text,
)

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class PairList:
    """A pair list, and what identifies it."""

    name: str
    sha256: str
    pairs: list[Pair]


class Reader(Protocol):
    """A data folder or a pack. Every method raises DataError for what is missing or broken."""

    name: str  # of the folder or file
    labels: bool  # whether persons have parsing labels,
    poses: bool  # key points,
    dense: bool  # DensePose parts

    def pairs(self, name: str | Path) -> PairList:
        """A pair list: a file, or one of the data."""
        ...

    def lists(self) -> list[str]:
        """Names of the data's pair lists."""
        ...

    def has_garment(self, garment: str) -> bool:
        """Whether there is such a garment."""
        ...

    def photo(self, person: str) -> Image:
        """uint8 (H, W, 3)."""
        ...

    def garment(self, garment: str) -> Image:
        """uint8 (H, W, 3)."""
        ...

    def label(self, person: str) -> Image:
        """uint8 (H, W)."""
        ...

    def pose(self, person: str) -> Array:
        """float32 (18, 3)."""
        ...

    def dense_parts(self, person: str) -> Image:
        """uint8 (H, W), 0 for background and DensePose's parts 1 to 24."""
        ...


class FolderReader:
    """A folder in a VITON layout."""

    def __init__(self, root: str | Path) -> None:
        self.layout = open_layout(root)
        self.name = str(self.layout.root)
        self.labels = self.layout.label is not None
        self.poses = self.layout.pose is not None
        self.dense = self.layout.dense is not None

    def pairs(self, name: str | Path) -> PairList:
        path = Path(name) if Path(name).is_file() else self.layout.root / name
        return listed(read_text(path), path)

    def lists(self) -> list[str]:
        return sorted(path.name for path in self.layout.root.glob("*pairs*.txt"))

    def has_garment(self, garment: str) -> bool:
        return self.layout.garment_path(garment).is_file()

    def photo(self, person: str) -> Image:
        return read_rgb(self.layout.person_path(person))

    def garment(self, garment: str) -> Image:
        return read_rgb(self.layout.garment_path(garment))

    def label(self, person: str) -> Image:
        return read_grey(self.layout.label_path(person))

    def pose(self, person: str) -> Array:
        return read_pose(self.layout.pose_path(person))

    def dense_parts(self, person: str) -> Image:
        return read_dense(self.layout.dense_path(person))


def listed(text: str, path: str | Path) -> PairList:
    """A pair list from its text. Raises DataError."""
    return PairList(Path(path).name, hashlib.sha256(text.encode()).hexdigest(), parse_pairs(text, str(path)))

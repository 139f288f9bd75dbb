"""Read data sets through one interface for folders and packs."""

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
    """A pair list with its name and checksum."""

    name: str
    sha256: str
    pairs: list[Pair]


class Reader(Protocol):
    """Interface of data folders and packs. Every method raises DataError for missing or broken files."""

    name: str  # path of the folder or file
    labels: bool  # whether persons have parsing labels
    poses: bool  # whether persons have key points
    dense: bool  # whether persons have DensePose parts

    def pairs(self, name: str | Path) -> PairList:
        """Read a pair list. `name` is the path of a file or the name of a list in the data set."""
        ...

    def lists(self) -> list[str]:
        """Return the names of the data set's pair lists."""
        ...

    def has_garment(self, garment: str) -> bool:
        """Return whether the data set has this garment."""
        ...

    def photo(self, person: str) -> Image:
        """Read a person's photo, RGB uint8 (H, W, 3)."""
        ...

    def garment(self, garment: str) -> Image:
        """Read a garment's product shot, RGB uint8 (H, W, 3)."""
        ...

    def label(self, person: str) -> Image:
        """Read a person's parsing label, uint8 (H, W)."""
        ...

    def pose(self, person: str) -> Array:
        """Read a person's key points, float32 (18, 3): x and y in pixels, and confidence."""
        ...

    def dense_parts(self, person: str) -> Image:
        """Read a person's DensePose parts, uint8 (H, W): 0 for background, 1 to 24 for parts."""
        ...


class FolderReader:
    """Reader of a folder in the VITON layout."""

    def __init__(self, root: str | Path) -> None:
        self.layout = open_layout(root)
        self.name = str(self.layout.root)
        self.labels = self.layout.label is not None
        self.poses = self.layout.pose is not None
        self.dense = self.layout.dense is not None

    def pairs(self, name: str | Path) -> PairList:
        """See `Reader`."""
        path = Path(name) if Path(name).is_file() else self.layout.root / name
        return listed(read_text(path), path)

    def lists(self) -> list[str]:
        """See `Reader`."""
        return sorted(path.name for path in self.layout.root.glob("*pairs*.txt"))

    def has_garment(self, garment: str) -> bool:
        """See `Reader`."""
        return self.layout.garment_path(garment).is_file()

    def photo(self, person: str) -> Image:
        """See `Reader`."""
        return read_rgb(self.layout.person_path(person))

    def garment(self, garment: str) -> Image:
        """See `Reader`."""
        return read_rgb(self.layout.garment_path(garment))

    def label(self, person: str) -> Image:
        """See `Reader`."""
        return read_grey(self.layout.label_path(person))

    def pose(self, person: str) -> Array:
        """See `Reader`."""
        return read_pose(self.layout.pose_path(person))

    def dense_parts(self, person: str) -> Image:
        """See `Reader`."""
        return read_dense(self.layout.dense_path(person))


def listed(text: str, path: str | Path) -> PairList:
    """Make a pair list from its text. Raises DataError."""
    return PairList(Path(path).name, hashlib.sha256(text.encode()).hexdigest(), parse_pairs(text, str(path)))

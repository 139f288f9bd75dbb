"""What every runtime does: tensors in, tensors out."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Features = tuple[Array, ...]


class Dressed(NamedTuple):
    """Outputs for one person and one garment; as `nets.interface.Dressed`, in NumPy."""

    look: Array  # (1, 3, H, W) in [-1, 1]
    flow: Array  # (1, 2, H, W) appearance flow: sampling grid, x then y, in [-1, 1]
    warped_mask: Array  # (1, 1, H, W)
    rendered: Array  # (1, 3, H, W) in [-1, 1]
    composition: Array  # (1, 1, H, W)
    change: Array  # (1, 1, H, W)


class Runner(Protocol):
    """Runs one network; may be called from several threads. Pictures (1, 3, H, W) in [-1, 1], masks (1, 1, H, W)."""

    def person_features(self, person: Array) -> Features:
        """Encode a person."""
        ...

    def garment_features(self, garment: Array, garment_mask: Array) -> Features:
        """Encode a garment."""
        ...

    def dress(
        self, person: Array, garment: Array, garment_mask: Array, person_features: Features, garment_features: Features
    ) -> Dressed:
        """Dress an encoded person in an encoded garment."""
        ...

"""Separate garments from backgrounds that are not a studio's, by our own network or by rembg (extra `rembg`).

rembg downloads its network once, from its own project's releases, into the folder that the environment variable
U2NET_HOME names. If that folder contains u2net.onnx, nothing is downloaded.
"""

from typing import Any

import cv2
import numpy as np
from PIL import Image

from fitroom.arrays import Picture
from fitroom.errors import ImageError, MissingExtraError
from fitroom.photo.frames import shrink
from fitroom.photo.masks import fill_holes, largest_pieces
from fitroom.runtime.interface import SEGMENTER, Graphs, batched

MODEL = "u2net"  # free for any use, unlike rembg's own default
GREEN = (0, 177, 64)  # green-screen colour, which garments rarely have


def shown_mask(picture: Picture, mask: Picture) -> Picture:
    """Return a garment (H, W, 3), cut out by its mask (H, W), on green."""
    return np.where(mask[:, :, None] > 127, picture, np.array(GREEN, np.uint8))


class LearnedSegmenter:
    """The project's own segmentation network; see `interface.GarmentSegmenter`."""

    def __init__(self, graphs: Graphs, height: int, width: int) -> None:
        """Use `graphs` to run SEGMENTER on pictures of `height` x `width`."""
        self.graphs, self.height, self.width = graphs, height, width

    def segment(self, picture: Picture) -> Picture:
        """See `interface.GarmentSegmenter`."""
        height, width = picture.shape[:2]
        scale = min(self.height / height, self.width / width)
        rows, columns = max(round(height * scale), 1), max(round(width * scale), 1)
        small = shrink(picture, rows, columns)
        top, left = (self.height - rows) // 2, (self.width - columns) // 2
        below, right = self.height - rows - top, self.width - columns - left
        # the background continues beyond the picture
        framed = np.asarray(cv2.copyMakeBorder(small, top, below, left, right, cv2.BORDER_REPLICATE), np.uint8)
        (share,) = self.graphs.run(SEGMENTER, [batched(framed)])
        seen = share[0, top : top + rows, left : left + columns]
        whole = cv2.resize(np.ascontiguousarray(seen), (width, height), interpolation=cv2.INTER_LINEAR)
        return fill_holes(largest_pieces((whole > 0.5).astype(np.uint8))[0])


class RembgSegmenter:
    """The network of rembg; see `interface.GarmentSegmenter`."""

    def __init__(self) -> None:
        """Load the network. Raises MissingExtraError without rembg, ImageError if the network is not available."""
        try:
            import rembg
        except ImportError as error:
            raise MissingExtraError(
                f"segmenter rembg needs packages that are not installed ({error.name}); "
                "install them with: pip install -c constraints.txt '.[rembg]'"
            ) from error
        self.remove: Any = rembg.remove
        try:
            self.session: Any = rembg.new_session(MODEL)
        # errors of its downloader, its network library and its runtime have no common base class
        except Exception as error:
            raise ImageError(
                f"segmenter rembg: {MODEL}.onnx can't be downloaded or opened ({type(error).__name__}: {error}). "
                "rembg downloads the file once, on first use. If it can't, put the file into the folder that "
                "U2NET_HOME names, or give a garment mask."
            ) from error

    def segment(self, picture: Picture) -> Picture:
        """See `interface.GarmentSegmenter`."""
        grey = self.remove(Image.fromarray(picture), session=self.session, only_mask=True)
        return np.where(np.asarray(grey.convert("L")) > 127, 255, 0).astype(np.uint8)
